"""Whether the values of an array survive another dtype unchanged."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.dtypes import DType
from idxdata.errors import HeaderError, PathLike

_CHUNK_SIZE = 1 << 15


def check_exact(
    array: NDArray[Any], dtype: DType, *, path: PathLike | None = None
) -> None:
    """Refuse to convert numbers if any of them would change.

    `array`: real numbers or bools of any shape; `dtype`: an IDX dtype. Nothing is
    converted here; needs about 1 MB. NaN stays NaN, so it fits any float.

    Raises `HeaderError` with the first value, in C order, that `dtype` cannot
    hold, and its index.
    """
    if _always_fits(array.dtype, dtype) or not array.size:
        return
    chunks = np.nditer(
        array,
        flags=["buffered", "external_loop"],
        op_dtypes=[array.dtype.newbyteorder("=")],
        order="C",
        casting="equiv",
        buffersize=_CHUNK_SIZE,
    )
    start = 0
    for chunk in chunks:
        bad = ~_fits(np.asarray(chunk), dtype)
        if bad.any():
            at = int(bad.argmax())
            index = tuple(map(int, np.unravel_index(start + at, array.shape)))
            raise HeaderError(
                f"a value does not fit {dtype.name}, and would change",
                path=path,
                expected=_range(dtype),
                # Not by a format: that of a long double is a float's.
                found=str(chunk[at]) + _at(index),
            )
        start += len(chunk)


def _always_fits(source: DType, dtype: DType) -> bool:
    """Whether `dtype` holds every value of `source`."""
    # NumPy calls it safe to make 64-bit integers a float64 of 53 bits.
    if source.kind in "iu" and dtype.kind == "f":
        return source.itemsize < dtype.itemsize
    return np.can_cast(source, dtype, "safe")


def _fits(values: NDArray[Any], dtype: DType) -> NDArray[np.bool_]:
    """For each value whether `dtype` holds it exactly."""
    # Out of range, NumPy's casts give anything at all, with or without a warning.
    with np.errstate(all="ignore"):
        if values.dtype.kind == "f":
            if dtype.kind == "f":
                back = values.astype(dtype).astype(values.dtype)
                return np.asarray((back == values) | np.isnan(values))
            return _are_integers(values, dtype)
        if dtype.kind == "f":
            floats = values.astype(dtype)
            inside = _are_integers(floats, values.dtype)
            back = np.where(inside, floats, 0).astype(values.dtype)
            return np.asarray(inside & (back == values))
        limits = np.iinfo(dtype)
        return np.asarray((values >= limits.min) & (values <= limits.max))


def _are_integers(floats: NDArray[Any], dtype: DType) -> NDArray[np.bool_]:
    """For each float whether the integer type `dtype` holds it exactly."""
    # In float16 and float32 the limits of most integers would round, or be infinite.
    wide = floats.astype(np.promote_types(floats.dtype, np.float64), copy=False)
    limits = np.iinfo(dtype)
    # One above the maximum is a power of two, which no float rounds.
    inside = (wide >= limits.min) & (wide < float(limits.max + 1))
    # An integer has no sign on its zero.
    negative_zero = np.signbit(wide) & (wide == 0)
    return np.asarray(inside & (np.floor(wide) == wide) & ~negative_zero)


def _at(index: tuple[int, ...]) -> str:
    """Where a value lies: nothing to say of a number on its own."""
    if not index:
        return ""
    return f" at index {index if len(index) > 1 else index[0]}"


def _range(dtype: DType) -> str:
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return f"whole numbers from {limits.min} to {limits.max}"
    return f"numbers that are a {dtype.name} exactly"
