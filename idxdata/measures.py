"""What can be measured of examples: ink, class means, distances to them, digests.

All go through the images by pieces of 2 million elements, so that of what is mapped, one
file or many, no more than a piece is in RAM, with its float64 copy 16 MiB.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.sharding import Images

DIGEST_NBYTES = 16
"""Of 8 million rows two different ones share a digest with a chance of 1e-25."""

_PIECE_SIZE = 1 << 21
_Advance = Callable[[int], object]


def ink(images: Images, *, advance: _Advance | None = None) -> NDArray[np.float64]:
    """The mean of each example's pixels: float64 (n,), in the images' own units.

    `images` (n, ...) of integers or floats, of at least one pixel each. `advance` is
    called with the number of rows just done. Raises `ValueError` for another shape.
    """
    out = np.empty(len(_checked(images)), np.float64)
    for rows, part in _pieces(images, advance):
        part.mean(axis=1, dtype=np.float64, out=out[rows])
    return out


def class_means(
    images: Images,
    labels: NDArray[Any],
    num_classes: int,
    *,
    advance: _Advance | None = None,
) -> NDArray[np.float64]:
    """The mean image of each class: float64 (num_classes, ...); NaN where it is empty.

    `images` (n, ...) of integers or floats, `labels` (n,) integers from 0 to
    `num_classes - 1`. Sums of integers are exact below 2^53. `advance` as in `ink`.
    Raises `ValueError` for shapes or labels that do not fit.
    """
    _checked(images)
    _check_labels(labels, len(images), num_classes)
    sums = np.zeros((num_classes, math.prod(images.shape[1:])), np.float64)
    for rows, part in _pieces(images, advance):
        inside = labels[rows]
        for label in np.unique(inside):
            sums[label] += part[inside == label].sum(axis=0, dtype=np.float64)
    counts = np.bincount(labels.astype(np.int64, copy=False), minlength=num_classes)
    means = np.full_like(sums, np.nan)
    np.divide(sums, counts[:, None], out=means, where=counts[:, None] > 0)
    return means.reshape(num_classes, *images.shape[1:])


def distances(
    images: Images,
    labels: NDArray[Any],
    means: NDArray[Any],
    *,
    advance: _Advance | None = None,
) -> NDArray[np.float64]:
    """The Euclidean distance of each example to the mean of its class: float64 (n,).

    `means` (num_classes, ...), as of `class_means`; in the same units as `images`.
    `advance` as in `ink`. Raises `ValueError` for shapes or labels that do not fit.
    """
    _checked(images)
    if means.shape[1:] != images.shape[1:]:
        raise ValueError(
            f"means of shape {means.shape} do not fit images of shape {images.shape}"
        )
    _check_labels(labels, len(images), len(means))
    flat = means.reshape(len(means), -1)
    out = np.empty(len(images), np.float64)
    for rows, part in _pieces(images, advance):
        away = part - flat[labels[rows]]
        out[rows] = np.sqrt(np.einsum("np,np->n", away, away))
    return out


def row_digests(
    images: Images, *, advance: _Advance | None = None
) -> NDArray[np.uint8]:
    """BLAKE2b-128 of each row's bytes, in C order and as they lie: uint8 (n, 16).

    Equal rows have equal digests, and rows of other bytes others. `images` and
    `advance` as in `ink`, of any dtype. Raises `ValueError` for rows of no pixels.
    """
    out = np.empty((len(_checked(images)), DIGEST_NBYTES), np.uint8)
    row_nbytes = math.prod(images.shape[1:]) * images.dtype.itemsize
    for rows, part in _pieces(images, advance):
        content = np.ascontiguousarray(part).reshape(-1).view(np.uint8).data
        digests = (
            hashlib.blake2b(content[at : at + row_nbytes], digest_size=DIGEST_NBYTES)
            for at in range(0, len(content), row_nbytes)
        )
        joined = b"".join(digest.digest() for digest in digests)
        out[rows] = np.frombuffer(joined, np.uint8).reshape(-1, DIGEST_NBYTES)
    return out


def pieces(
    images: Images, *, advance: _Advance | None = None
) -> Iterator[tuple[slice, NDArray[Any]]]:
    """`images` (n, ...) by pieces: the rows, and them as (rows, pixels).

    Of an array a view where the memory's layout allows it. Raises `ValueError` for no pixels.
    """
    return _pieces(_checked(images), advance)


def _pieces(
    images: Images, advance: _Advance | None
) -> Iterator[tuple[slice, NDArray[Any]]]:
    step = max(1, _PIECE_SIZE // math.prod(images.shape[1:]))
    for start in range(0, len(images), step):
        part = np.asarray(images[start : start + step])
        yield slice(start, start + len(part)), part.reshape(len(part), -1)
        if advance is not None:
            advance(len(part))


def _checked(images: Images) -> Images:
    if images.ndim < 2 or 0 in images.shape[1:]:
        raise ValueError(
            f"images of shape {images.shape} have no pixels: expected (n, ...)"
        )
    return images


def _check_labels(labels: NDArray[Any], count: int, num_classes: int) -> None:
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"expected {count} integer labels, not {labels.dtype.name} "
            f"of shape {labels.shape}"
        )
    if count and not 0 <= int(labels.min()) <= int(labels.max()) < num_classes:
        raise ValueError(
            f"labels from {labels.min()} to {labels.max()} are not all "
            f"from 0 to {num_classes - 1}"
        )
