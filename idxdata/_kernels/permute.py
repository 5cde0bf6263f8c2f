"""A keyed permutation of 0 .. n-1 that needs no memory.

On k bits, k the bit length of n - 1, each round is two bijections:
    v = (v * multiplier + addend) mod 2^k       (the multiplier is odd)
    v = v xor (v >> ceil(k / 2))
so all rounds together permute 0 .. 2^k - 1. Values that land at n or above are
sent through again until they do not ("cycle walking"), which leaves a permutation
of 0 .. n-1. Fewer than half of the values lie above n, so that is under two
passes a value on average.

Why it is fast: round after round goes over a block of 32-bit values that stays in
the first-level cache, without a branch, so that the compiler uses vectors; the
few values that landed above are then packed together and go round again as one
smaller block.

Performs no validation: 1 <= n <= 2^32, positions below n. `constants` is uint64
(2, rounds): multipliers and addends below 2^32, so that no product leaves 64 bits.
"""

import numpy as np
from numpy.typing import NDArray

from idxdata._kernels.jit import kernel, kernel_part

Words = NDArray[np.uint64]


@kernel_part
def bit_length(value: np.uint64) -> np.uint64:
    """Bits needed to write `value`, 0 for 0."""
    length = np.uint64(0)
    while value:
        value >>= np.uint64(1)
        length += np.uint64(1)
    return length


@kernel_part
def _all_rounds(
    values: NDArray[np.uint32], count: int, num_bits: np.uint64, constants: Words
) -> None:
    """Send the first `count` values through all rounds, in place."""
    one = np.uint64(1)
    # Through uint32, which tells the compiler that 32-bit products are enough.
    mask = np.uint64(np.uint32((one << num_bits) - one))
    shift = (num_bits + one) >> one
    for r in range(constants.shape[1]):
        multiplier = constants[0, r]
        addend = constants[1, r]
        for i in range(count):
            value = (np.uint64(values[i]) * multiplier + addend) & mask
            values[i] = np.uint32(value ^ (value >> shift))


@kernel_part
def _settle(
    values: NDArray[np.uint32],
    places: NDArray[np.uint32],
    count: int,
    last: np.uint32,
    out: NDArray[np.int64],
) -> int:
    """Write values to their places in `out`; pack those above `last`, return how many.

    Values above `last` are written too and overwritten later: no branch.
    """
    kept = np.uint64(0)
    for i in range(count):
        value = values[i]
        place = places[i]
        out[place] = np.int64(value)
        values[kept] = value
        places[kept] = place
        kept += np.uint64(value > last)
    return int(kept)


@kernel
def permute_range(
    start: np.uint64,
    last: np.uint64,
    constants: Words,
    scratch: NDArray[np.uint32],
    out: NDArray[np.int64],
) -> None:
    """Write the images of start, start + 1, ... into `out`, as many as it holds.

    `last` is n - 1. `scratch` is (2, block) and gives the block's size.
    """
    num_bits = bit_length(last)
    values = scratch[0]
    places = scratch[1]
    for base in range(0, out.size, values.size):
        count = min(values.size, out.size - base)
        first = start + np.uint64(base)
        for i in range(count):
            values[i] = np.uint32(first + np.uint64(i))
            places[i] = np.uint32(i)
        while count:
            _all_rounds(values, count, num_bits, constants)
            count = _settle(values, places, count, np.uint32(last), out[base:])


@kernel
def permute_each(
    last: np.uint64,
    constants: Words,
    scratch: NDArray[np.uint32],
    positions: NDArray[np.int64],
) -> None:
    """Replace every position by its image; `last` and `scratch` as above."""
    num_bits = bit_length(last)
    values = scratch[0]
    places = scratch[1]
    for base in range(0, positions.size, values.size):
        count = min(values.size, positions.size - base)
        for i in range(count):
            values[i] = np.uint32(positions[base + i])
            places[i] = np.uint32(i)
        while count:
            _all_rounds(values, count, num_bits, constants)
            count = _settle(values, places, count, np.uint32(last), positions[base:])


@kernel_part
def permute_one(value: np.uint64, last: np.uint64, constants: Words) -> np.uint64:
    """The image of one value; the same permutation without vectors."""
    one = np.uint64(1)
    num_bits = bit_length(last)
    mask = (one << num_bits) - one
    shift = (num_bits + one) >> one
    while True:
        for r in range(constants.shape[1]):
            value = (value * constants[0, r] + constants[1, r]) & mask
            value ^= value >> shift
        if value <= last:
            return value
