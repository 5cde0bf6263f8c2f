"""Deskewing: digits made upright and centred, in integers only, so the same anywhere.

Of an image with pixels p(x, y), x to the right and y down, and ink m = sum p:

    (cx, cy) = sum p (x, y) / m                           centre of mass
    slant    = cov(x, y) / var(y)                         pixels to the right per row

The pixel (u, v) of the result, counted from the middle, is the image at
(cx + u + slant v, cy + v), see `warping`; from 0..255 it is brought to 0..`TOP`. Centre
and slant are rounded to 2^-16, halves up. All sums fit into int64 up to `MAX_PIXELS`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.errors import QuotedError
from trainers.quoted.warping import ONE, Map, warped

TOP = 127
"""The whitest pixel: 784 * 127^2 < 2^24, so float32 holds any scalar product exactly."""
MAX_PIXELS = 2**24 // TOP**2


def moments(
    images: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """`cx`, `cy`, `slant` of uint8 (n, height, width): int64 (n,), in 2^-16.

    An image without ink has 0, 0, 0; one with ink in one row only is not slanted.
    Raises `QuotedError` for another dtype or shape, or more than `MAX_PIXELS` pixels.
    """
    _check(images)
    height, width = images.shape[1:]
    x, y = np.arange(width), np.arange(height)
    pixels = images.astype(np.int64)
    rows = pixels.sum(axis=2)
    ink = np.maximum(rows.sum(axis=1), 1)
    sum_x, sum_y = pixels.sum(axis=1) @ x, rows @ y
    # ink^2 times covariance and variance, so that nothing is divided before the end.
    covariance = ink * ((pixels @ x) @ y) - sum_x * sum_y
    variance = np.maximum(ink * (rows @ (y * y)) - sum_y * sum_y, 1)
    return _rounded(sum_x, ink), _rounded(sum_y, ink), _rounded(covariance, variance)


def deskew(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Upright and centred: uint8 (n, height, width) of 0..`TOP`, new memory.

    Raises as `moments` does.
    """
    _check(images)

    def upright(some: NDArray[np.uint8]) -> Map:
        cx, cy, slant = moments(some)
        one = np.full_like(cx, ONE)
        return Map(cx, cy, across=one, slant=slant, down=one)

    return warped(images, upright, top=TOP)


def _check(images: NDArray[Any]) -> None:
    if images.dtype != np.uint8 or images.ndim != 3 or 0 in images.shape[1:]:
        raise QuotedError(
            "images that cannot be deskewed",
            expected="uint8 (n, height, width)",
            found=f"{images.dtype} {images.shape}",
        )
    if images[:1].size > MAX_PIXELS:
        raise QuotedError(
            "images too large for exact sums",
            expected=f"at most {MAX_PIXELS} pixels",
            found=f"{images.shape[1]} x {images.shape[2]}",
        )


def _rounded(over: NDArray[np.int64], under: NDArray[np.int64]) -> NDArray[np.int64]:
    """over / under in 2^-16, halves up."""
    quotient: NDArray[np.int64] = (2 * ONE * over + under) // (2 * under)
    return quotient
