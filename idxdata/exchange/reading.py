"""read_content(): any file or folder of examples, told by what it holds."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import DatasetError, FormatError, HeaderError, PathLike
from idxdata.exchange import idx, idx_folder, npy, npz, parquet, pictures
from idxdata.exchange.content import Content, Part
from idxdata.exchange.labelling import as_labels, number_names, texts
from idxdata.exchange.npy import described
from idxdata.exchange.pictures import PictureOptions
from idxdata.exchange.pixels import altered
from idxdata.idx import read_header
from idxdata.progress import waiting_note

Kind = Literal["idx", "npy", "npz", "parquet", "pictures"]

_QMNIST_COLUMNS = 8


def read_content(
    path: PathLike,
    *more: PathLike,
    labels: PathLike | None = None,
    size: tuple[int, int] | None = None,
    grey: bool = False,
    invert: bool = False,
) -> Content:
    """What the file or folder at `path` holds; raw IDX and .npy mapped, else in memory.

    A file: IDX in any container, .npy, .npz, Parquet, or a PNG or JPEG picture, told by
    its content. A folder: IDX files of MNIST's names, Parquet files, or pictures. See
    `read` of each in `idxdata.exchange`. With `more`: several pictures, or two files of
    one array each, images and their labels in either order.

    `labels`: a file of integers or names for images that have none; of QMNIST's tables
    the first column. `size`, `grey` and `invert` are those of `PictureOptions`; in other
    files than pictures images must be uint8.

    Raises `FormatError` for anything else, and what the format's `read` does;
    `DatasetError` for what does not go together; `FileNotFoundError` if there is
    nothing; `MissingFrameworkError` if Pillow or pyarrow is needed and not installed.
    """
    options = PictureOptions(size, grey, invert)
    places = [Path(path), *map(Path, more)]
    kinds = [kind_of(place) for place in places]
    with _located(places[0]):
        if not more:
            content = _read(places[0], kinds[0], options)
        elif set(kinds) == {"pictures"} and all(place.is_file() for place in places):
            content = pictures.read_files(places, options)
        else:
            content = _read_pair(places, kinds, options)
        return content if labels is None else _with_labels(content, Path(labels))


def kind_of(place: Path) -> Kind:
    """What the file or folder is, without reading it.

    Raises `FormatError` where that is nothing that can be read, `FileNotFoundError`.
    """
    if not place.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(place))
    if place.is_dir():
        return _kind_of_folder(place)
    if not place.is_file():
        raise FormatError("not a regular file", path=place)
    for kind, matches in (
        ("npy", npy.matches),
        ("parquet", parquet.matches),
        ("npz", npz.matches),
        ("idx", idx.matches),
        ("pictures", pictures.matches),
    ):
        if matches(place):
            return kind  # type: ignore[return-value]
    try:
        read_header(place)
    except HeaderError as error:
        if error.what == "not an IDX magic" and error.offset == 0:
            raise FormatError(
                "neither IDX nor .npy, .npz, Parquet, PNG or JPEG",
                path=place,
                offset=0,
                found=f"a file that begins with {error.found}",
                hint=error.hint,
            ) from None
        raise
    return "idx"


def _kind_of_folder(place: Path) -> Kind:
    for kind, matches in (
        ("idx", idx_folder.matches),
        ("parquet", parquet.matches),
        ("pictures", pictures.matches),
    ):
        if matches(place):
            return kind  # type: ignore[return-value]
    names = sorted(path.name for path in place.iterdir())
    raise FormatError(
        "no examples in this folder",
        path=place,
        expected="IDX files of MNIST's names, pictures, or Parquet files",
        found=", ".join(names[:8]) or "an empty folder",
    )


def _read(place: Path, kind: Kind, options: PictureOptions) -> Content:
    if kind == "pictures":
        return pictures.read(place, options)
    if kind == "parquet":
        return parquet.read(place, options)
    with waiting_note(f"reading {place.name}"):
        if kind == "npy":
            content = npy.read(place)
        elif kind == "npz":
            content = npz.read(place)
        else:
            content = (idx_folder if place.is_dir() else idx).read(place)
    return altered_content(content, options, place)


def altered_content(
    content: Content, options: PictureOptions, path: PathLike
) -> Content:
    """`content` after `options`. Raises `FormatError` for other than uint8 images."""
    if options.is_plain:
        return content
    parts = {
        name: Part(altered(part.data, options, path), part.labels)
        for name, part in content.parts.items()
    }
    return Content(parts, content.classes, content.notices)


def _read_pair(
    places: list[Path], kinds: list[Kind], options: PictureOptions
) -> Content:
    """Images in one file and labels in the other."""
    if len(places) != 2 or any(place.is_dir() for place in places):
        raise DatasetError(
            "several inputs that do not go together",
            expected="pictures, or a file of images and one of labels",
            found=", ".join(place.name for place in places[:8]),
        )
    arrays = [
        _read_labels(place, kind) for place, kind in zip(places, kinds, strict=True)
    ]
    is_list = [array.ndim < 2 for array in arrays]
    if sum(is_list) != 1:
        raise DatasetError(
            "not a file of images and one of labels",
            expected="two dims or more, and one",
            found=f"shapes {arrays[0].shape} and {arrays[1].shape}",
        )
    images, labels = places[::-1] if is_list[0] else places
    return _with_labels(_read(images, kind_of(images), options), labels)


def _with_labels(content: Content, path: Path) -> Content:
    """`content`, which has none, with the labels in the file at `path`."""
    (name, part), *others = content.parts.items()
    if others or part.labels is not None:
        raise DatasetError(
            "labels are for images that have none",
            expected="one array of images",
            found=described(content),
        )
    array = _read_labels(path, kind_of(path))
    notices = list(content.notices)
    if array.shape[1:] == (_QMNIST_COLUMNS,) and array.dtype == np.int32:
        notices.append(f"labels: the first of {_QMNIST_COLUMNS} columns, as in QMNIST")
        array = np.ascontiguousarray(array[:, 0])
    array = as_labels(array, path, what="labels")
    classes = content.classes
    if array.dtype.kind in "US":
        labels, classes = number_names({name: texts(array, path)}, classes, path=path)
        array = labels[name]
    with _located(path):
        return Content({name: Part(part.data, array)}, classes, tuple(notices))


def _read_labels(path: Path, kind: Kind) -> NDArray[Any]:
    """The one array in a file, of texts too."""
    if kind == "npy":
        return npy.read_any(path)
    if kind == "npz" and len(names := npz.array_names(path)) == 1:
        return npz.read_any(path, names[0])
    if kind == "idx" and path.is_file():
        return idx.read_array(path)
    raise FormatError(
        "not one array", path=path, expected="IDX, .npy, or .npz with one array"
    )


@contextmanager
def _located(path: Path) -> Iterator[None]:
    """Let a `DatasetError` that names no file name `path`."""
    try:
        yield
    except DatasetError as error:
        if error.path is None:
            error.path = str(path)
        raise
