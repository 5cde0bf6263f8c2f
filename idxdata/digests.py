"""What was delivered, as one number: equal digests, equal training data."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DTYPES = ("uint8", "int32", "int64", "float32")


def batch_digest(pairs: Iterable[tuple[NDArray[Any], NDArray[Any]]]) -> str:
    """SHA-256 (hex) over (images, labels) pairs in order, bit for bit.

    Of each array: its dtype and shape as the text "float32 128x28x28" and a newline,
    then its elements, little-endian in C order. Whatever a framework was given can
    be hashed this way (`tensor.numpy()`) and compared with `Batches.digest`.

    Raises `TypeError` if an array is of another dtype than batches have (uint8, int32,
    int64, float32) or of foreign byte order, since converting it would hide a
    difference.
    """
    digest = hashlib.sha256()
    for pair in pairs:
        for array in pair:
            if array.dtype.name not in _DTYPES or not array.dtype.isnative:
                raise TypeError(
                    f"expected native {', '.join(_DTYPES)}, found {array.dtype}"
                )
            shape = "x".join(map(str, array.shape))
            digest.update(f"{array.dtype.name} {shape}\n".encode())
            little = array.dtype.newbyteorder("<")
            digest.update(np.ascontiguousarray(array, little).data)
    return digest.hexdigest()
