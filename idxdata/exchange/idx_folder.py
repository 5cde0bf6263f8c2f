"""Images and labels as IDX files of MNIST's names in one folder."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import DatasetError
from idxdata.exchange.content import Content, Part
from idxdata.idx import read_idx
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
_SPLITS = {"t10k": "test"}
CLASSES = "classes.txt"


def matches(path: Path) -> bool:
    """Whether the folder has a file of a split's images by MNIST's pattern."""
    return any(role == "images" for _, role in _files(path))


def _files(folder: Path) -> dict[tuple[str, str], Path]:
    """The files by split and role; raw goes before compressed."""
    found: dict[tuple[str, str], Path] = {}
    names = (path for path in folder.iterdir() if path.is_file())
    for path in sorted(names, key=lambda path: (path.suffix in (".gz", ".xz"), path)):
        if match := _NAME.fullmatch(path.name):
            split = _SPLITS.get(match["split"], match["split"])
            found.setdefault((split, match["role"]), path)
    return found


def read(path: Path) -> Content:
    """A part for each split, in memory; train first. A `classes.txt` names classes.

    Raises `DatasetError` if a split has labels and no images, or if they do not fit,
    and the errors of `read_idx`.
    """
    files = _files(path)
    parts = {}
    for split in dict.fromkeys(split for split, _ in files):
        if (split, "images") not in files:
            raise DatasetError(f"{split} labels without images", path=path)
        labels = files.get((split, "labels"))
        images = read_idx(files[split, "images"])
        parts[split] = Part(images, None if labels is None else read_idx(labels))
    ordered = sorted(parts, key=lambda split: (split != "train", split != "test"))
    names = path / CLASSES
    classes = None
    if names.is_file():
        classes = tuple(names.read_text(encoding="utf-8").splitlines())
    return Content({split: parts[split] for split in ordered}, classes)


def write(content: Content, path: Path, *, suffix: str = "") -> None:
    """Write a file for each array into the folder `path`, which is made.

    `suffix`: "" or ".gz". Labels become uint8, else int32, where that holds them. Raises the
    errors of `write_idx`.
    """
    path.mkdir(parents=True, exist_ok=True)
    for split, part in content.parts.items():
        stem = _STEMS.get(split, split)
        for role, array in (("images", part.data), ("labels", part.labels)):
            if array is None:
                continue
            if role == "labels":
                array = _small(array)
            kind = _TYPES.get(array.dtype.name, array.dtype.name)
            write_idx(path / f"{stem}-{role}-idx{array.ndim}-{kind}{suffix}", array)
    if content.classes is not None:
        text = "".join(f"{name}\n" for name in content.classes)
        (path / CLASSES).write_text(text, encoding="utf-8")


def _small(labels: NDArray[Any]) -> NDArray[Any]:
    """Labels in the dtype that readers expect, where it holds them."""
    low, high = labels.min(initial=0), labels.max(initial=0)
    if 0 <= low and high < 1 << 8:
        return labels.astype(np.uint8)
    if -(1 << 31) <= low and high < 1 << 31:
        return labels.astype(np.int32)
    return labels
