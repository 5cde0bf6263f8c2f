"""read_content(): any file or folder of examples, told by what it holds."""

import errno
import os
from pathlib import Path

from idxdata.errors import FormatError, HeaderError, PathLike
from idxdata.exchange import idx, idx_folder, npy, npz, parquet, pictures
from idxdata.exchange.content import Content, Part
from idxdata.exchange.pictures import PictureOptions
from idxdata.idx import read_header


def read_content(
    path: PathLike,
    *,
    size: tuple[int, int] | None = None,
    grey: bool = False,
    invert: bool = False,
) -> Content:
    """What the file or folder at `path` holds, in memory.

    A file: IDX in any container, .npy, .npz, Parquet, or a PNG or JPEG picture, told by
    its content. A folder: IDX files of MNIST's names, Parquet files, or pictures.
    `size`, `grey` and `invert` are those of `PictureOptions`; `ValueError` where there are
    no pictures.

    Raises `FormatError` for anything else, and what the format's `read` does;
    `FileNotFoundError` if there is nothing; `MissingFrameworkError` if Pillow or
    pyarrow is needed and not installed.
    """
    place = Path(path)
    if not place.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    options = PictureOptions(size, grey, invert)
    content, are_pictures = _read(place, options)
    if options != PictureOptions() and not are_pictures:
        raise ValueError(f"{path}: size, grey and invert are for pictures")
    return content


def _read(place: Path, options: PictureOptions) -> tuple[Content, bool]:
    """The content, and whether `options` had a say in it."""
    if parquet.matches(place) and not (place.is_dir() and idx_folder.matches(place)):
        return parquet.read(place, options), parquet.has_pictures(place)
    if place.is_dir():
        is_idx = idx_folder.matches(place)
        return _read_folder(place, options), not is_idx
    if place.suffix.lower() in pictures.SUFFIXES and not idx.matches(place):
        image = pictures.decoded(place, place, options)
        return Content({"": Part(image[None])}), True
    return _read_file(place), False


def _read_file(place: Path) -> Content:
    if npy.matches(place):
        return npy.read(place)
    if npz.matches(place):
        return npz.read(place)
    return _read_idx(place)


def _read_folder(place: Path, options: PictureOptions) -> Content:
    if idx_folder.matches(place):
        return idx_folder.read(place)
    if pictures.matches(place) or (place / pictures.LABELS).is_file():
        return pictures.read(place, options)
    names = sorted(path.name for path in place.iterdir())
    raise FormatError(
        "no examples in this folder",
        path=place,
        expected="IDX files of MNIST's names, pictures, or Parquet files",
        found=", ".join(names[:8]) or "an empty folder",
    )


def _read_idx(place: Path) -> Content:
    try:
        read_header(place)
    except HeaderError as error:
        if error.what == "not an IDX magic":
            raise FormatError(
                "neither IDX nor .npy, .npz, Parquet, PNG or JPEG",
                path=place,
                offset=0,
                found=f"a file that begins with {error.found}",
                hint=error.hint,
            ) from None
        raise
    return idx.read(place)
