"""The six element types of IDX: dtype code (byte 2 of a file) <-> NumPy dtype.

Source: the MNIST page of LeCun, Cortes and Burges, "The IDX file format".
Code 0x0A is not assigned.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import HeaderError

DType = np.dtype[Any]

CODE_TO_DTYPE: dict[int, DType] = {
    0x08: np.dtype("u1"),
    0x09: np.dtype("i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
"""File dtypes, big-endian as they lie on disk."""

_NATIVE_TO_CODE = {
    dtype.newbyteorder("="): code for code, dtype in CODE_TO_DTYPE.items()
}

_NEAREST = {
    np.dtype("bool"): "uint8",
    np.dtype("uint16"): "int32",
    np.dtype("uint32"): "int32",
    np.dtype("int64"): "int32",
    np.dtype("uint64"): "int32",
    np.dtype("float16"): "float32",
    np.dtype("longdouble"): "float64",
}


def has_code(dtype: DType) -> bool:
    """Whether IDX has `dtype`, in whichever byte order it is."""
    return _native(dtype) in _NATIVE_TO_CODE


def nearest_dtype(dtype: DType) -> DType | None:
    """The IDX dtype, native, that values of `dtype` convert to if they fit.

    `dtype` itself where IDX has it; None where there is none, as for complex,
    text, times and objects. It follows from the dtype alone, never from values.
    """
    native = _native(dtype)
    if native in _NATIVE_TO_CODE:
        return native
    name = _NEAREST.get(native)
    return None if name is None else np.dtype(name)


def dtype_code(
    dtype: DType, *, hint: str = "convert=True writes {} if every value fits"
) -> int:
    """The IDX code of `dtype`, in whichever byte order it is.

    Raises `HeaderError` if IDX has no such type, with `hint` about the nearest one,
    whose name takes the place of `{}`; without it where there is no nearest one.
    """
    code = _NATIVE_TO_CODE.get(_native(dtype))
    if code is None:
        nearest = _NEAREST.get(_native(dtype))
        raise HeaderError(
            "IDX has no code for this dtype",
            expected="one of uint8, int8, int16, int32, float32, float64",
            found=dtype,
            hint=hint.format(repr(nearest)) if nearest else None,
        )
    return code


def _native(dtype: DType) -> DType:
    # NumPy's variable-width strings have no byte order and refuse to be asked.
    return dtype if dtype.kind == "T" else dtype.newbyteorder("=")


def to_native(array: NDArray[Any]) -> NDArray[Any]:
    """Swap big-endian elements to native order in place; returns `array` itself."""
    if array.dtype.newbyteorder(">") != array.dtype:
        array.byteswap(inplace=True)
    return array


def as_bytes(array: NDArray[Any]) -> memoryview:
    """The memory of a C-contiguous array as bytes, writable if the array is."""
    return array.reshape(-1).view(np.uint8).data
