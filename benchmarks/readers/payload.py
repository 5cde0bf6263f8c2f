"""What one-liners leave out: the shape, taken from the header unchecked."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_array(file: bytes | bytearray) -> NDArray[Any]:
    """The uint8 array in the bytes of an IDX file, without a copy."""
    ndim = file[3]
    shape = np.frombuffer(file, ">u4", ndim, 4)
    return np.frombuffer(file, np.uint8, offset=4 + 4 * ndim).reshape(shape)
