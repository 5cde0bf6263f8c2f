"""Images and labels as IDX files of MNIST's names in one folder, whole or in shards."""

import re
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from idxdata.errors import DatasetError
from idxdata.exchange.content import Content, Part, in_order, split_name
from idxdata.exchange.idx import read_array, read_joined
from idxdata.exchange.labelling import (
    as_labels,
    check_lines,
    read_classes,
    write_classes,
)
from idxdata.shard_names import NUMBER, Numbered, in_whole, numbered_name
from idxdata.writer import write_idx

_NAME = re.compile(
    rf"(?P<split>[A-Za-z0-9_]+)-(?P<role>images|labels)(-{NUMBER})?"
    r"[-.]idx\d+-\w+(\.(gz|xz|zip))?"
)
_TYPES = {
    "uint8": "ubyte",
    "int8": "byte",
    "int16": "short",
    "int32": "int",
    "float32": "float",
    "float64": "double",
}
_STEMS = {"": "train", "test": "t10k"}
_PACKED = (".gz", ".xz", ".zip")
_MAX_NAMES = 8


def matches(path: Path) -> bool:
    """Whether the folder has a file of a split's images by MNIST's pattern."""
    return path.is_dir() and any(
        (match := _NAME.fullmatch(file.name)) and match["role"] == "images"
        for file in path.iterdir()
        if file.is_file()
    )


def _files(folder: Path) -> dict[tuple[str, str], list[Path]]:
    """The file, or shards, by split and role; raw goes before compressed.

    Raises `DatasetError` for shards that are not all there, or beside a whole file.
    """
    found: dict[tuple[str, str], list[Numbered]] = {}
    names = (path for path in folder.iterdir() if path.is_file())
    for path in sorted(names, key=lambda path: (path.suffix in _PACKED, path)):
        if match := _NAME.fullmatch(path.name):
            place = split_name(match["split"]), match["role"]
            number, total = int(match["number"] or 0), int(match["total"] or 0)
            found.setdefault(place, []).append(Numbered(path.name, number, total))
    return {place: _chosen(files, place, folder) for place, files in found.items()}


def _chosen(files: list[Numbered], place: tuple[str, str], folder: Path) -> list[Path]:
    """A whole file has a total of 0."""
    what = " ".join(place)
    is_whole = {file.total == 0 for file in files}
    if len(is_whole) > 1:
        names = ", ".join(sorted(file.name for file in files)[:_MAX_NAMES])
        raise DatasetError(
            f"both one file and shards of {what}", path=folder, found=names
        )
    if is_whole == {True}:
        return [folder / files[0].name]
    return [folder / name for name in in_whole(files, what, folder)]


def _read_array(files: list[Path]) -> NDArray[Any]:
    return read_array(files[0]) if len(files) == 1 else read_joined(files)


def read(path: Path) -> Content:
    """A part for each split, train first. A `classes.txt` names classes.

    Raw files are mapped, others, and all of shards, in memory. Raises `DatasetError` if
    a split has labels and no images, a shard is missing, or if they do not fit, and the
    errors of `read_idx`.
    """
    files = _files(path)
    parts = {}
    for split in dict.fromkeys(split for split, _ in files):
        if (split, "images") not in files:
            raise DatasetError(f"{split} labels without images", path=path)
        labels = None
        if (file := files.get((split, "labels"))) is not None:
            labels = as_labels(_read_array(file), file[0], what=f"{split} labels")
        parts[split] = Part(_read_array(files[split, "images"]), labels)
    return Content(in_order(parts), read_classes(path))


def write(
    content: Content, path: Path, *, suffix: str = "", num_shards: int | None = None
) -> None:
    """Write a file for each array into the folder `path`, and `classes.txt`.

    `suffix`: "" or ".gz". With `num_shards` so many files for each array, whose numbers of
    rows differ by one at most. An unnamed part is called train, as `load` knows it. Raises
    `FormatError` for class names that are not one line, the errors of `write_idx`.
    """
    check_lines(content.classes, path)
    path.mkdir(exist_ok=True)
    for split, part in content.parts.items():
        stem = _STEMS.get(split, split)
        for role, array in (("images", part.data), ("labels", part.labels)):
            if array is None:
                continue
            kind = _TYPES.get(array.dtype.name, array.dtype.name)
            end = f"idx{array.ndim}-{kind}{suffix}"
            if num_shards is None or not array.ndim:
                write_idx(path / f"{stem}-{role}-{end}", array)
                continue
            for number in range(num_shards):
                start = len(array) * number // num_shards
                stop = len(array) * (number + 1) // num_shards
                place = numbered_name(number, num_shards)
                write_idx(path / f"{stem}-{role}-{place}-{end}", array[start:stop])
    write_classes(path, content.classes)
