"""PNG pictures from arrays, by the standard library: for pages that show examples.

Format: PNG (ISO/IEC 15948), colour types 0 and 2, eight bits, no filter.
"""

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB = 0, 2


def encode_png(image: NDArray[Any], *, level: int = 1) -> bytes:
    """The PNG file of `image`, uint8 of shape (h, w) grey or (h, w, 3) RGB.

    `level`: zlib's. Raises `ValueError` for another dtype or shape, and for no pixels.
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or not image.size:
        raise ValueError(f"no picture: {image.dtype.name} of shape {image.shape}")
    if image.ndim == 3 and image.shape[2] != 3:
        raise ValueError(f"a picture has three channels or none, not {image.shape[2]}")
    height, width = image.shape[:2]
    kind = _GREY if image.ndim == 2 else _RGB
    # Each row begins with the number of its filter, 0 for none.
    rows = np.zeros((height, 1 + image[0].size), np.uint8)
    rows[:, 1:] = image.reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    pixels = zlib.compress(rows.tobytes(), level)
    chunks = ((b"IHDR", head), (b"IDAT", pixels), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
