"""Pictures from files of all sorts as uint8 images of one size; told by their content."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata import read_header, read_idx
from idxdata.errors import FormatError, HeaderError, IdxDataError
from idxdata.exchange.pixels import (
    LOOK_NBYTES,
    PictureOptions,
    border,
    is_picture,
    opened_picture,
    to_pixels,
)

_NOISE = 2


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """`image` uint8 (height, width), 0 is black. `row`: in an IDX file, else None.

    `notices`: what was done to it, or may be wrong with it.
    """

    path: str
    row: int | None
    image: NDArray[np.uint8]
    notices: tuple[str, ...] = ()


def read_pictures(
    path: str | os.PathLike[str],
    shape: tuple[int, int],
    *,
    rows: slice,
    invert: bool = False,
) -> list[Picture]:
    """The rows asked for of an IDX file, or the picture in a PNG or JPEG file.

    IDX, in any container that `read_idx` takes, must be uint8 of images of `shape`.
    Other pictures are made grey and, with their sides' ratio kept, of that size.
    `invert` swaps black and white: networks are trained on bright digits on black.

    Raises the errors of `read_idx`, `FormatError` if a file holds other images or none,
    `OSError`, and `MissingFrameworkError` where Pillow is needed and not installed.
    """
    name = os.fspath(path)
    if _is_coded(name):
        pictures = [_coded(name, shape)]
    else:
        pictures = _idx(name, shape, rows)
    if invert:
        pictures = [
            Picture(item.path, item.row, 255 - item.image, item.notices)
            for item in pictures
        ]
        return [_with_blank(item) for item in pictures]
    return [_with_doubt(item) for item in pictures]


def count_rows(path: str | os.PathLike[str]) -> int:
    """How many rows an IDX file has. Raises the errors of `read_header`."""
    return read_header(path).shape[0]


def _is_coded(path: str) -> bool:
    if "://" in path:
        return False
    with Path(path).open("rb") as file:
        return is_picture(file.read(LOOK_NBYTES))


def _idx(path: str, shape: tuple[int, int], rows: slice) -> list[Picture]:
    header = _header(path)
    if header.dtype != np.uint8 or header.shape[1:] != shape:
        raise FormatError(
            "not images that the model is for",
            path=path,
            expected=f"uint8 of shape (n, {shape[0]}, {shape[1]})",
            found=f"{header.dtype.name} of shape {header.shape}",
        )
    numbers = range(header.shape[0])[rows]
    images = read_idx(path, rows=rows)
    return [
        Picture(path, row, image) for row, image in zip(numbers, images, strict=True)
    ]


def _header(path: str) -> Any:
    try:
        return read_header(path)
    except HeaderError as error:
        if error.what != "not an IDX magic":
            raise
        raise FormatError(
            "neither IDX nor PNG nor JPEG",
            path=path,
            found=f"a file that starts with {error.found}",
            hint=error.hint,
        ) from error
    except IdxDataError as error:
        # No command takes a member's name.
        if error.hint is not None and "member=" in error.hint:
            error.hint = "unpack it, or give a file that holds one of IDX only"
            if path.lower().endswith(".npz"):
                error.hint = "weights are the first file, pictures all others"
        raise


def _coded(path: str, shape: tuple[int, int]) -> Picture:
    options = PictureOptions(shape, grey=True)
    with opened_picture(Path(path).read_bytes(), path) as picture:
        image = to_pixels(picture, options)
        notices: tuple[str, ...] = ()
        if image.shape != (picture.height, picture.width):
            notices = (f"resized from {picture.width} × {picture.height} pixels",)
    return Picture(path, None, image, notices)


def _with_doubt(item: Picture) -> Picture:
    if _is_blank(item) or border(item.image) < 128:
        return _with_blank(item)
    notice = "bright at the border: dark on light needs --invert"
    return Picture(item.path, item.row, item.image, (*item.notices, notice))


def _with_blank(item: Picture) -> Picture:
    if not _is_blank(item):
        return item
    notices = (*item.notices, "the picture is blank")
    return Picture(item.path, item.row, item.image, notices)


def _is_blank(item: Picture) -> bool:
    """All one grey, but for what a JPEG makes of it."""
    return int(np.ptp(item.image)) <= _NOISE
