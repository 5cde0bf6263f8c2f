"""What was delivered, as one number: equal digests, equal training data."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DTYPES = ("uint8", "int32", "int64", "float32")


def array_digest(array: NDArray[Any]) -> str:
    """SHA-256 (hex) of one array: dtype, shape and elements as `batch_digest` has them."""
    digest = hashlib.sha256()
    _add(digest, array)
    return digest.hexdigest()


def batch_digest(batches: Iterable[Sequence[NDArray[Any]]]) -> str:
    """SHA-256 (hex) over (images, labels) in order, bit for bit; masks are left out.

    Of each array: its dtype and shape as the text "float32 128x28x28" and a newline,
    then its elements, little-endian in C order. Whatever a framework was given can
    be hashed this way (`tensor.numpy()`) and compared with `Batches.digest`. A mask
    behind images and labels is the plan's, and is not hashed.

    Raises `TypeError` for what is no array, or of another dtype than batches have
    (uint8, int32, int64, float32) or of foreign byte order, since converting it would
    hide a difference.
    """
    digest = hashlib.sha256()
    for images, labels, *_ in batches:
        for array in (images, labels):
            dtype = getattr(array, "dtype", None)
            if not isinstance(dtype, np.dtype):
                raise TypeError(f"expected NumPy arrays, found {type(array).__name__}")
            if dtype.name not in _DTYPES or not dtype.isnative:
                raise TypeError(f"expected native {', '.join(_DTYPES)}, found {dtype}")
            _add(digest, array)
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", array: NDArray[Any]) -> None:
    shape = "x".join(map(str, array.shape))
    digest.update(f"{array.dtype.name} {shape}\n".encode())
    digest.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)
