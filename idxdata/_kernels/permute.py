"""A keyed permutation of 0 .. n-1 that needs no memory.

On k bits, k the bit length of n - 1, each round is two bijections:
    v = (v * multiplier + addend) mod 2^k       (the multiplier is odd)
    v = v xor (v >> ceil(k / 2))
so all rounds together permute 0 .. 2^k - 1. Values that land at n or above are
sent through again until they do not ("cycle walking"), which leaves a permutation
of 0 .. n-1. Fewer than half of the values lie above n, so that is under two
passes a value on average.

Performs no validation: 1 <= n <= 2^32, start + len(out) <= n.
"""

import numpy as np
from numpy.typing import NDArray

from idxdata._kernels.jit import kernel


@kernel
def permute(
    start: np.uint64,
    n: np.uint64,
    num_bits: np.uint64,
    multipliers: NDArray[np.uint64],
    addends: NDArray[np.uint64],
    out: NDArray[np.int64],
) -> None:
    """Write the images of start, start + 1, ... into `out`, as many as it holds.

    `multipliers` and `addends` hold one value below 2^32 a round, so that no
    product leaves 64 bits.
    """
    one = np.uint64(1)
    mask = (one << num_bits) - one
    shift = (num_bits + one) >> one
    for i in range(out.size):
        value = start + np.uint64(i)
        while True:
            for r in range(multipliers.size):
                value = (value * multipliers[r] + addends[r]) & mask
                value ^= value >> shift
            if value < n:
                break
        out[i] = np.int64(value)
