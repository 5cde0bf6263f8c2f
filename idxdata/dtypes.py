"""The six element types of IDX: dtype code (byte 2 of a file) <-> NumPy dtype.

Source: the MNIST page of LeCun, Cortes and Burges, "The IDX file format".
Code 0x0A is not assigned.
"""

from typing import Any

import numpy as np

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


def dtype_code(dtype: DType) -> int:
    """The IDX code of `dtype`, in whichever byte order it is.

    Raises `HeaderError` if IDX has no such type; the hint names the nearest one.
    """
    # NumPy's variable-width strings have no byte order and refuse to be asked.
    native = dtype if dtype.kind == "T" else dtype.newbyteorder("=")
    code = _NATIVE_TO_CODE.get(native)
    if code is None:
        nearest = _NEAREST.get(native)
        raise HeaderError(
            "IDX has no code for this dtype",
            expected="one of uint8, int8, int16, int32, float32, float64",
            found=dtype,
            hint=f"convert with .astype({nearest!r}) if every value fits"
            if nearest
            else None,
        )
    return code
