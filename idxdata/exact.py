"""Whether the values of an array survive another dtype unchanged."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.dtypes import DType
from idxdata.errors import HeaderError, PathLike

_CHUNK_SIZE = 1 << 17


def check_exact(
    array: NDArray[Any], dtype: DType, *, path: PathLike | None = None
) -> None:
    """Refuse to convert numbers if any of them would change.

    `array`: real numbers or bools of any shape; `dtype`: an IDX dtype. Nothing is
    converted here; needs about 1 MB. NaN stays NaN, so it fits any float.

    Raises `HeaderError` with the first value, in C order, that `dtype` cannot
    hold, and its index.
    """
    if np.can_cast(array.dtype, dtype, "safe") or not array.size:
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
                found=f"{chunk[at]}{_at(index)}",
            )
        start += len(chunk)


def _fits(values: NDArray[Any], dtype: DType) -> NDArray[np.bool_]:
    """For each value whether `dtype` holds it exactly."""
    # Out of range, NumPy's casts give anything at all, with or without a warning.
    with np.errstate(all="ignore"):
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            inside = (values >= limits.min) & (values <= limits.max)
            if values.dtype.kind != "f":
                return np.asarray(inside)
            whole = inside & (np.floor(values) == values)
            # An integer has no sign on its zero.
            return np.asarray(whole & ~(np.signbit(values) & (values == 0)))
        back = values.astype(dtype).astype(values.dtype)
        return np.asarray((back == values) | np.isnan(values))


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
