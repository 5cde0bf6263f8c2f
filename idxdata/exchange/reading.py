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
    `size`, `grey` and `invert` are those of `PictureOptions`, for pictures only.

    Raises `FormatError` for anything else, and what the format's `read` does;
    `FileNotFoundError` if there is nothing; `MissingFrameworkError` if Pillow or
    pyarrow is needed and not installed.
    """
    place = Path(path)
    if not place.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    options = PictureOptions(size, grey, invert)
    if place.is_dir():
        return _read_folder(place, options)
    if npy.matches(place):
        return npy.read(place)
    if parquet.matches(place):
        return parquet.read(place, options)
    if npz.matches(place):
        return npz.read(place)
    if place.suffix.lower() in pictures.SUFFIXES and not idx.matches(place):
        image = pictures.decoded(place, place, options)
        return Content({"": Part(image[None])})
    return _read_idx(place)


def _read_folder(place: Path, options: PictureOptions) -> Content:
    if idx_folder.matches(place):
        return idx_folder.read(place)
    if parquet.matches(place):
        return parquet.read(place, options)
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
