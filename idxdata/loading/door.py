"""load(): the one door to datasets."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from idxdata import catalogue
from idxdata.cache import Cache
from idxdata.catalogue import RECORDS, Record
from idxdata.dataset import Dataset
from idxdata.errors import CatalogueError, DatasetError, PathLike
from idxdata.loading.arrays import open_split
from idxdata.loading.assembling import assemble, from_content
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
from idxdata.loading.pairs import ArrayOrPath, from_pairs

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
      Also numbered shards of them, `train-images-00000-of-00010-idx3-ubyte`, all there;
    - a folder of pictures, an .npz, a Parquet file: what `idxdata.exchange` reads, in
      memory.

    `images` and `labels` with nothing else: the train split, and `test_images`,
    `test_labels` the test split; each an IDX file, an .npy file or an array. Or many IDX
    files that are one split: a list of paths, or a pattern with `*`, `?` or `[...]` in it,
    whose files are taken in natural order (2 before 10); images and labels in pairs, by
    their place in the lists, or by what the wildcards stand for. Labels may be one file
    or array for all. `split.images` is a `ShardedArray` then, and labels are in memory.

    Without a name of the catalogue, classes are `classes`, else those in the file or,
    a line each, in the folder's `classes.txt`, else the labels' numbers "0", "1", ...
    up to the largest train label.

    IDX files are as `open_idx` maps them with that `alignment` (bytes; 64 suits every
    framework), through `cache` (default: `Cache()`).

    Raises `CatalogueError` for an unknown name; `DatasetError` if a file is missing,
    counts or shapes do not fit, a label is out of range, or a shard or its partner is
    missing; `FetchError` if files are
    not there and cannot be fetched; the errors of `open_idx` and of
    `idxdata.exchange`; `FileNotFoundError` if there is no such path; `ValueError` for
    arguments that do not go together.
    """
    cache = cache or Cache()
    if name_or_path is None:
        pairs = (images, labels, test_images, test_labels)
        if folder is not None:
            raise ValueError("folder= goes with a name of the catalogue")
        return from_pairs(pairs, classes, cache, alignment)
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
    return from_content(path, classes)


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
    return assemble(folder, name, splits, classes)
