"""Images and labels as IDX files of MNIST's names in one folder."""

import re
from pathlib import Path

from idxdata.errors import DatasetError
from idxdata.exchange.content import Content, Part, in_order, split_name
from idxdata.exchange.idx import read_array
from idxdata.exchange.labelling import (
    as_labels,
    check_lines,
    read_classes,
    write_classes,
)
from idxdata.writer import write_idx

_NAME = re.compile(
    r"(?P<split>[A-Za-z0-9_]+)-(?P<role>images|labels)[-.]idx\d+-\w+(\.(gz|xz|zip))?"
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


def matches(path: Path) -> bool:
    """Whether the folder has a file of a split's images by MNIST's pattern."""
    return path.is_dir() and any(role == "images" for _, role in _files(path))


def _files(folder: Path) -> dict[tuple[str, str], Path]:
    """The files by split and role; raw goes before compressed."""
    found: dict[tuple[str, str], Path] = {}
    names = (path for path in folder.iterdir() if path.is_file())
    for path in sorted(names, key=lambda path: (path.suffix in _PACKED, path)):
        if match := _NAME.fullmatch(path.name):
            found.setdefault((split_name(match["split"]), match["role"]), path)
    return found


def read(path: Path) -> Content:
    """A part for each split, train first. A `classes.txt` names classes.

    Raw files are mapped, others in memory. Raises `DatasetError` if a split has labels
    and no images, or if they do not fit, and the errors of `read_idx`.
    """
    files = _files(path)
    parts = {}
    for split in dict.fromkeys(split for split, _ in files):
        if (split, "images") not in files:
            raise DatasetError(f"{split} labels without images", path=path)
        labels = None
        if (file := files.get((split, "labels"))) is not None:
            labels = as_labels(read_array(file), file, what=f"{split} labels")
        parts[split] = Part(read_array(files[split, "images"]), labels)
    return Content(in_order(parts), read_classes(path))


def write(content: Content, path: Path, *, suffix: str = "") -> None:
    """Write a file for each array into the folder `path`, and `classes.txt`.

    `suffix`: "" or ".gz". An unnamed part is called train, as `load` knows it. Raises
    `FormatError` for class names that are not one line, the errors of `write_idx`.
    """
    check_lines(content.classes, path)
    path.mkdir(exist_ok=True)
    for split, part in content.parts.items():
        stem = _STEMS.get(split, split)
        for role, array in (("images", part.data), ("labels", part.labels)):
            if array is not None:
                kind = _TYPES.get(array.dtype.name, array.dtype.name)
                name = f"{stem}-{role}-idx{array.ndim}-{kind}{suffix}"
                write_idx(path / name, array)
    write_classes(path, content.classes)
