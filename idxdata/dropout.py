"""Dropout masks that are the same in every framework: a function of what they are for."""

import math
import operator
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import DTypeLike, NDArray

_MAX = 2**64 - 1
_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


def dropout_mask(
    shape: tuple[int, ...],
    rate: float,
    *,
    seed: int,
    step: int,
    layer: int,
    first_row: int = 0,
    dtype: DTypeLike = np.float32,
) -> NDArray[Any]:
    """What to multiply activations of `shape` by: 0 with probability `rate`, else kept.

    shape: (examples, ...), the batch axis first. The kept value is 1 / (1 - rate),
        rounded once to `dtype`; a rate of 0 gives all ones.
    seed, step, layer: 0 to 2^64 - 1; masks of different ones have nothing in common.
    first_row: this part's first row in the global batch, so that ranks' masks are
        slices of the single process's.
    dtype: float32 or float64; which numbers are 0 does not depend on it.

    A new array, C-contiguous, 64 bits of the counter-based generator for each number
    (docs/batches.md, "Dropout"). Raises `ValueError` if `rate` is not in [0, 1), a
    number is out of range, or the dtype is another. Thread-safe.
    """
    kind = np.dtype(dtype)
    if kind not in _DTYPES:
        raise ValueError(f"masks are float32 or float64, not {kind}")
    if not 0 <= rate < 1:
        raise ValueError(f"rate is from 0 to below 1, not {rate!r}")
    row = _checked("first_row", first_row)
    names = np.array(
        [
            _checked("seed", seed),
            _checked("step", step),
            _checked("layer", layer),
            row * math.prod(shape[1:]) & _MAX,
        ],
        np.uint64,
    )
    from idxdata._kernels import dropout as kernels

    mask = np.empty(math.prod(shape), kind)
    arguments = (mask, names, round(rate * 2**24), 1 / (1 - rate))
    if kernels.WARNS:
        with np.errstate(over="ignore"):
            kernels.fill_mask(*arguments)
    else:
        kernels.fill_mask(*arguments)
    return mask.reshape(shape)


def _checked(name: str, value: SupportsIndex) -> int:
    number = operator.index(value)
    if not 0 <= number <= _MAX:
        raise ValueError(f"{name} is from 0 to 2**64 - 1, not {number}")
    return number
