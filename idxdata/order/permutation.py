"""Keyed permutations of 0 .. n-1 as arithmetic: any part of one, without the rest.

docs/order.md specifies every number; `_kernels/permute.py` has the rounds.
"""

import functools
import operator

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import PlanError

ROUNDS = 16
"""8 pass every test for large n, but 12 still favour some of the orders of 7."""

MAX_EXAMPLES = 2**32

MASK64 = 2**64 - 1

_GOLDEN = 0x9E3779B97F4A7C15

_BLOCK = 2048
"""Values permuted at a time: with their places and images 32 KiB."""


def _mix64(value: int) -> int:
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK64
    return value ^ (value >> 31)


def derive_key(*numbers: int) -> int:
    """One 64-bit key from numbers of 0 to 2^64 - 1, mixed one after the other.

    Seed and epoch are mixed, not added, so that seed 7 epoch 1 shares nothing with
    seed 8 epoch 0.
    """
    key = 0
    for number in numbers:
        key = _mix64((key + number + _GOLDEN) & MASK64)
    return key


@functools.lru_cache(maxsize=64)
def round_constants(*numbers: int) -> NDArray[np.uint64]:
    """Multipliers and addends of the rounds under the key made of `numbers`.

    uint64 (2, ROUNDS), values below 2^32, shared between callers and read-only.
    """
    key = derive_key(*numbers)
    words = [_mix64((key + (r + 1) * _GOLDEN) & MASK64) for r in range(ROUNDS)]
    constants = np.array(
        [[word & 0xFFFFFFFF | 1 for word in words], [word >> 32 for word in words]],
        np.uint64,
    )
    constants.setflags(write=False)
    return constants


def permuted_range(
    start: int, stop: int, n: int, constants: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """Images of start .. stop-1 under the permutation of 0 .. n-1 by `constants`.

    A fresh int64 array (stop - start,). 0 <= start <= stop <= n <= 2^32.
    """
    from idxdata._kernels.permute import permute_range

    out = np.empty(stop - start, np.int64)
    permute_range(np.uint64(start), np.uint64(n - 1), constants, _scratch(out), out)
    return out


def permuted(
    positions: NDArray[np.int64], n: int, constants: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """The same for any positions of 0 .. n-1, an int64 array (m,); a fresh array."""
    from idxdata._kernels.permute import permute_each

    out = positions.copy()
    permute_each(np.uint64(n - 1), constants, _scratch(out), out)
    return out


def _scratch(out: NDArray[np.int64]) -> NDArray[np.uint32]:
    return np.empty((2, min(len(out), _BLOCK)), np.uint32)


def checked_integer(name: str, value: object, low: int, high: int) -> int:
    """`value` as a Python int (NumPy's would overflow in a key's arithmetic).

    Raises `PlanError` if it is not an integer from `low` to `high`.
    """
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = low - 1
    if not low <= number <= high:
        raise PlanError(
            f"{name} out of range",
            expected=f"an integer from {low} to {high}",
            found=repr(value),
        )
    return number
