"""Images read at other places, a linear map for each, in integers: the same anywhere.

Places are rounded to 2^-8 of a pixel and read by bilinear interpolation, what is outside
is 0, and grey values are rounded to integers; halves always up.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ONE = 1 << 16
"""1 in the numbers of a `Map`."""

_BLOCK = 2048
_PAD = 2


class Map(NamedTuple):
    """Where the pixel (u, v) of a result, counted from the middle, is in the image:

        (cx + across u + slant v, cy + tilt u + down v)

    Each is int64 (n,), in 2^-16: pixels, and pixels a pixel. No tilt is 0.
    """

    cx: NDArray[np.int64]
    cy: NDArray[np.int64]
    across: NDArray[np.int64]
    slant: NDArray[np.int64]
    down: NDArray[np.int64]
    tilt: NDArray[np.int64] | None = None


def warped(
    images: NDArray[np.uint8],
    find_map: Callable[[NDArray[np.uint8]], Map],
    *,
    top: int = 255,
) -> NDArray[np.uint8]:
    """uint8 (n, height, width), new memory; 0..255 is brought to 0..`top`.

    `find_map` gets some of the images at a time.
    """
    result = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), _BLOCK):
        some = images[start : start + _BLOCK]
        result[start : start + _BLOCK] = _warped(some, find_map(some), top)
    return result


def _warped(images: NDArray[np.uint8], by: Map, top: int) -> NDArray[np.int64]:
    count, height, width = images.shape
    cx, cy, across, slant, down = (value[:, None, None] for value in by[:5])
    tilt = 0 if by.tilt is None else by.tilt[:, None, None]
    # From the middle, in half pixels: an even side has no pixel there.
    u = (2 * np.arange(width) - (width - 1))[None, None, :]
    v = (2 * np.arange(height) - (height - 1))[None, :, None]
    # In 2^-17, then in 2^-8 with halves up.
    px = (2 * cx + across * u + slant * v + 256) >> 9
    py = (2 * cy + tilt * u + down * v + 256) >> 9
    stride = width + 2 * _PAD
    padded = np.zeros((count, height + 2 * _PAD, stride), np.int64)
    padded[:, _PAD:-_PAD, _PAD:-_PAD] = images
    flat = padded.reshape(count, -1)
    # Clipped coordinates read padding on both sides of a place: 0, whatever the weight.
    row = np.clip(py >> 8, -_PAD, height) + _PAD
    column = np.clip(px >> 8, -_PAD, width) + _PAD
    at = row * stride + column
    right, below = px & 255, py & 255
    image = np.arange(count)[:, None, None]
    upper = flat[image, at] * (256 - right) + flat[image, at + 1] * right
    at += stride
    lower = flat[image, at] * (256 - right) + flat[image, at + 1] * right
    grey = upper * (256 - below) + lower * below
    whole = 255 * 65536
    result: NDArray[np.int64] = (2 * top * grey + whole) // (2 * whole)
    return result
