"""load(): the one door to datasets."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from idxdata import catalogue
from idxdata.cache import Cache, open_idx
from idxdata.catalogue import RECORDS, Record
from idxdata.dataset import Dataset, label_range
from idxdata.errors import CatalogueError, DatasetError, PathLike
from idxdata.loading.arrays import open_split
from idxdata.loading.downloading import default_place, fetch_dataset
from idxdata.loading.finding import (
    Place,
    class_names,
    file_names,
    find_known,
    find_unknown,
    listed,
    missing,
    recognise,
)
from idxdata.loading.located import located
from idxdata.split import Split

if TYPE_CHECKING:
    from idxdata.exchange.content import Content

MAX_CLASSES = 4096
"""Where no catalogue says what the classes are, larger labels are taken for damage."""

ArrayOrPath = PathLike | NDArray[Any]
_FILE_SUFFIXES = (".npz", ".npy", ".parquet", ".gz", ".zip", ".xz")


def load(
    name_or_path: PathLike | None = None,
    *,
    images: ArrayOrPath | None = None,
    labels: ArrayOrPath | None = None,
    test_images: ArrayOrPath | None = None,
    test_labels: ArrayOrPath | None = None,
    classes: Sequence[str] | None = None,
    folder: PathLike | None = None,
    download: bool = True,
    cache: Cache | None = None,
    alignment: int = 1,
) -> Dataset:
    """A dataset by its name, from a folder or a file, or from images and labels.

    A name of the catalogue (`python -m idxdata list`; "mnist", "emnist/letters"):
    its files are mapped from `folder`, by default `<cache folder>/datasets/<name>`,
    where they are fetched first if they are not there and `download` is set; what is
    missing in a `folder` that was named is not fetched. "glyphs" is drawn there, in
    some seconds. Labels are as published, images upright.

    A path, which is anything with a separator, any that exists, and any `PathLike`:

    - a folder with MNIST's four file names, or with the train split's two, in any
      spelling: `train-images-idx3-ubyte`, `train-images.idx3-ubyte`, raw or `.gz`, `t10k`
      or `test`; raw goes before compressed. Or with another catalogue dataset's names;
    - a folder of pictures, an .npz, a Parquet file: what `idxdata.exchange` reads, in
      memory.

    `images` and `labels` with nothing else: the train split, and `test_images`,
    `test_labels` the test split; each an IDX file, an .npy file or an array.

    Without a name of the catalogue, classes are `classes`, else those in the file or,
    a line each, in the folder's `classes.txt`, else the labels' numbers "0", "1", ... up to the largest train label.

    IDX files are as `open_idx` maps them with that `alignment` (bytes; 64 suits every
    framework), through `cache` (default: `Cache()`).

    Raises `CatalogueError` for an unknown name; `DatasetError` if a file is missing,
    counts or shapes do not fit, or a label is out of range; `FetchError` if files are
    not there and cannot be fetched; the errors of `open_idx` and of
    `idxdata.exchange`; `FileNotFoundError` if there is no such path; `ValueError` for
    arguments that do not go together.
    """
    cache = cache or Cache()
    if name_or_path is None:
        pairs = (images, labels, test_images, test_labels)
        if folder is not None:
            raise ValueError("folder= goes with a name of the catalogue")
        return _from_pairs(pairs, classes, cache, alignment)
    if any(array is not None for array in (images, labels, test_images, test_labels)):
        raise ValueError("images= and labels= go without a name or a path")
    record = _record(name_or_path)
    if record is None:
        if folder is not None:
            raise ValueError("folder= goes with a name of the catalogue")
        return _from_path(Path(name_or_path), classes, cache, alignment)
    if classes is not None:
        raise ValueError("classes= goes with data that is in no catalogue")
    place = default_place(record, cache) if folder is None else Path(folder)
    if folder is None:
        found = find_known(record, place) if place.is_dir() else {}
        if missing(record, found) or (record.name == "glyphs" and not place.exists()):
            fetch_dataset(record.name, cache=cache, offline=not download)
    return _from_folder(place, record, cache, alignment)


def _record(name_or_path: PathLike) -> Record | None:
    """The catalogue's, or None where a path is meant."""
    if not isinstance(name_or_path, str):
        return None
    if name_or_path in RECORDS:
        return RECORDS[name_or_path]
    if os.path.exists(name_or_path) or name_or_path.endswith(_FILE_SUFFIXES):
        return None
    separators = {os.sep, os.altsep or os.sep}
    try:
        return catalogue.find(name_or_path)
    except CatalogueError:
        # "emnist/leters" is a name, "runs/data" a path.
        first = name_or_path.partition("/")[0]
        is_name = any(name.startswith(f"{first}/") for name in RECORDS if first)
        if separators & set(name_or_path) and not is_name:
            return None
        raise


def _from_path(
    path: Path, classes: Sequence[str] | None, cache: Cache, alignment: int
) -> Dataset:
    if path.is_dir():
        place = find_unknown(path)
        if place:
            return _from_place(path, place, None, classes, cache, alignment)
        record = recognise(path)
        if record is not None:
            return _from_folder(path, record, cache, alignment)
        names = file_names(path)
        if not names and not any(path.iterdir()):
            raise DatasetError(
                "no train images here",
                path=path,
                expected="train-images-idx3-ubyte or a spelling of it",
                found=listed(names),
            )
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return _from_content(path, _read_content(path), classes)


def _read_content(path: PathLike) -> "Content":
    # Most data is IDX, and need not wait for what reads other files.
    from idxdata.exchange.reading import read_content

    return read_content(path)


def _from_folder(place: Path, record: Record, cache: Cache, alignment: int) -> Dataset:
    """A dataset of the catalogue whose files are in `place`."""
    if record.name == "glyphs":
        found = find_unknown(place) if place.is_dir() else {}
        hint = None
        if place == default_place(record, cache):
            hint = "delete the folder, and it is drawn again"
        lacking = [] if found else ["four files of MNIST's names"]
    else:
        found = find_known(record, place)
        lacking = [file.name for file in missing(record, found)]
        hint = (
            f"put them there, name their folder with folder=, or fetch them: "
            f"python -m idxdata fetch {record.name} --folder {place}"
        )
        if record.how_to_make:
            hint = record.how_to_make
    if lacking:
        raise DatasetError(
            f"files of {record.name} are not there",
            path=place,
            expected=", ".join(lacking),
            found=listed(file_names(place)) if place.is_dir() else "no such folder",
            hint=hint,
        )
    return _from_place(place, found, record, None, cache, alignment)


def _from_place(
    folder: Path,
    place: Place,
    record: Record | None,
    classes: Sequence[str] | None,
    cache: Cache,
    alignment: int,
) -> Dataset:
    names = tuple(dict.fromkeys(split for split, _ in place))
    splits = {name: open_split(place, name, record, cache, alignment) for name in names}
    if record is not None:
        for subset in record.subsets:
            splits[subset.name] = splits[subset.split][subset.start : subset.stop]
        classes = record.classes
    elif classes is None:
        classes = class_names(folder)
    name = record.name if record else folder.resolve().name
    return _dataset(folder, name, splits, classes)


def _from_content(
    path: Path, content: "Content", classes: Sequence[str] | None
) -> Dataset:
    splits = {}
    for name, part in content.parts.items():
        split = name or "train"
        if part.labels is None:
            raise DatasetError(
                f"{split} images have no labels",
                path=path,
                expected="labels beside the images",
                hint="load(images=..., labels=...) takes them from two files",
            )
        with located(path, split):
            splits[split] = Split(part.data, part.labels)
    return _dataset(path, path.resolve().stem, splits, classes or content.classes)


def _from_pairs(
    pairs: tuple[ArrayOrPath | None, ...],
    classes: Sequence[str] | None,
    cache: Cache,
    alignment: int,
) -> Dataset:
    names = ("images", "labels", "test_images", "test_labels")
    given = [name for name, one in zip(names, pairs, strict=True) if one is not None]
    if not given:
        raise TypeError("load() needs a name, a path, or images= and labels=")
    for needed in (names[:2], names[2:]):
        lacking = [name for name in needed if name not in given]
        if lacking and (needed == names[:2] or len(lacking) == 1):
            raise ValueError(f"{', '.join(given)} without {' and '.join(lacking)}")
    opened = [None if one is None else _open(one, cache, alignment) for one in pairs]
    first = pairs[0]
    place = Path("arrays" if isinstance(first, np.ndarray) else str(first))
    splits = {}
    for name, image, label in zip(
        ("train", "test"), opened[::2], opened[1::2], strict=True
    ):
        if image is not None and label is not None:
            with located(place, name):
                splits[name] = Split(image, label)
    return _dataset(place, place.name.partition(".")[0], splits, classes)


def _open(source: ArrayOrPath, cache: Cache, alignment: int) -> NDArray[Any]:
    if isinstance(source, np.ndarray):
        return source
    path = os.fspath(source)
    with open(path, "rb") as file:
        is_npy = file.read(6) == b"\x93NUMPY"
    if not is_npy:
        return open_idx(path, cache=cache, alignment=alignment)
    array: NDArray[Any] = _read_content(path).parts[""].data
    return array


def _dataset(
    place: Path,
    name: str,
    splits: dict[str, Split],
    classes: Sequence[str] | None,
) -> Dataset:
    if "train" not in splits:
        raise DatasetError(
            "no train split here", path=place, found=", ".join(splits) or "nothing"
        )
    train, test = splits.pop("train"), splits.pop("test", None)
    with located(place, name):
        names = tuple(classes) if classes else numbered_classes(train.labels)
        return Dataset(name, train, test, names, extra=splits)


def numbered_classes(labels: NDArray[Any]) -> tuple[str, ...]:
    """ "0", "1", ... up to the largest label. `DatasetError` from `MAX_CLASSES` on."""
    _, largest = label_range(labels)
    if largest >= MAX_CLASSES:
        raise DatasetError(
            "train labels are too large to be classes",
            expected=f"0 to {MAX_CLASSES - 1}",
            found=largest,
            hint="were they written in little-endian order?",
        )
    return tuple(str(label) for label in range(largest + 1))
