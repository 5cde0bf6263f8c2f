"""The examples that an argument means: of a named dataset, a folder, or a file."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.cache import Cache, open_idx
from idxdata.caching.entry_data import shown
from idxdata.catalogue import RECORDS
from idxdata.commands.beside import labels_beside
from idxdata.errors import DatasetError, FormatError, IdxDataError
from idxdata.exchange import npy, npz, parquet, pictures
from idxdata.exchange.reading import read_content
from idxdata.loading import load
from idxdata.loading.assembling import numbered_classes
from idxdata.loading.located import located
from idxdata.sharding import Images


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Examples: `images` (n, ...), `labels` (n,) integers; one of them may be None."""

    images: Images | None
    labels: NDArray[Any] | None

    def __len__(self) -> int:
        return len(self.labels if self.images is None else self.images)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """`parts` by name, those of a dataset its splits; `classes[label]` names a label.

    `note`: what was done unasked, or "": labels that lay beside the images.
    """

    name: str
    parts: Mapping[str, Part]
    classes: tuple[str, ...]
    note: str = ""


def open_examples(
    what: str,
    *,
    labels: str | None = None,
    member: str | None = None,
    offline: bool = False,
) -> Opened:
    """The examples of a dataset's name, its folder, or a file, mapped where they can be.

    A name of the catalogue goes before a path, and its files are fetched where they are
    not there, unless `offline`. A file is IDX in any container, of which `member` names
    one in a zip archive, or what `read_content` reads. `labels`: the file of labels of
    a file of images alone; of a table, as QMNIST's are, the first column counts. Where
    none is named, but one lies beside images of MNIST's names, it is taken, and `note`
    says so, or why it could not be.

    Raises what `load`, `open_idx`, `Cache.open` and `read_content` do; `DatasetError`
    for labels that do not go with the images, for what has labels of its own and gets
    others, and for a member of what is no file.
    """
    if what in RECORDS or not os.path.isfile(what):
        for given, flag in ((labels, "--labels"), (member, "--member")):
            if given is not None:
                raise DatasetError(f"{flag} goes with a single file", path=what)
        dataset = load(what, download=not offline)
        parts = {
            name: Part(split.images, split.labels)
            for name, split in dataset.splits.items()
        }
        return Opened(dataset.name, parts, dataset.classes)
    path = Path(what)
    if member is None and not _is_idx(path):
        return _with_labels(_content(path), labels, path)
    array = open_idx(path) if member is None else Cache().open(path, member=member)
    name = path.name if member is None else f"{path.name}, {member}"
    opened = _bare(name, array, path)
    if labels is None and member is None and array.ndim > 1:
        return _with_labels_beside(opened, path)
    return _with_labels(opened, labels, path)


def _with_labels_beside(opened: Opened, path: Path) -> Opened:
    found = labels_beside(path)
    if found is None:
        return opened
    try:
        labelled = _with_labels(opened, str(found), path)
    except (IdxDataError, OSError) as error:
        # The images are what was asked for, and can be looked at all the same.
        return replace(opened, note=f"labels beside it are left out: {error}")
    return replace(labelled, note=f"labels: {found.name}, which lies beside it")


def _is_idx(path: Path) -> bool:
    """False for what is another kind of data; of anything else the reader complains."""
    others = (npy.matches, npz.matches, parquet.matches)
    is_picture = path.suffix.lower() in pictures.SUFFIXES
    return not (is_picture or any(matches(path) for matches in others))


def _content(path: Path) -> Opened:
    if npy.matches(path):
        # Mapped, where `read_content` would have all in memory.
        with npy.defects_named(path):
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            if array.dtype.kind not in "iufb":
                raise FormatError(
                    "not an array of numbers", path=path, found=f"dtype {array.dtype}"
                )
        return _bare(path.name, array, path)
    with located(path, "its content"):
        content = read_content(path)
    if content.single is not None:
        return _bare(path.name, content.single.data, path)
    parts = {
        name or "train": Part(part.data, part.labels)
        for name, part in content.parts.items()
    }
    labelled = [
        _checked_labels(part.labels, path)
        for part in parts.values()
        if part.labels is not None and len(part.labels)
    ]
    numbers = _numbered(labelled, path) if labelled else ()
    classes = numbers if content.classes is None else content.classes
    if len(numbers) > len(classes):
        raise DatasetError(
            "a label has no class",
            path=path,
            expected=f"0 to {len(classes) - 1}, as {len(classes)} classes are named",
            found=numbers[-1],
        )
    return Opened(path.name, parts, classes)


def _bare(name: str, array: NDArray[Any], path: Path) -> Opened:
    """One array, of images or, if it is a list of integers, of labels."""
    if array.ndim > 1:
        return Opened(name, {"all": Part(array, None)}, ())
    labels = _checked_labels(array, path)
    classes = _numbered([labels], path) if len(labels) else ()
    return Opened(name, {"all": Part(None, labels)}, classes)


def _with_labels(opened: Opened, labels: str | None, path: Path) -> Opened:
    if labels is None:
        return opened
    part = opened.parts.get("all")
    if part is None or part.images is None:
        raise DatasetError("--labels goes with a file of images alone", path=path)
    found = _read_labels(Path(labels))
    if len(found) != len(part.images):
        raise DatasetError(
            "images and labels differ in number",
            path=labels,
            expected=f"{len(part.images)} labels, one for each image",
            found=len(found),
        )
    classes = _numbered([found], Path(labels)) if len(found) else ()
    return Opened(opened.name, {"all": Part(part.images, found)}, classes)


def _read_labels(path: Path) -> NDArray[Any]:
    if npy.matches(path):
        array = read_content(path).parts[""].data
    else:
        array = open_idx(path)
    if array.ndim == 2 and array.shape[1]:
        array = np.ascontiguousarray(array[:, 0])
    return _checked_labels(array, path)


def _checked_labels(array: NDArray[Any], path: Path) -> NDArray[Any]:
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise DatasetError(
            "labels are not a list of integers",
            path=path,
            expected="integers of shape (n,)",
            found=f"{array.dtype.name} of shape {array.shape}",
        )
    if len(array) and array.min() < 0:
        raise DatasetError(
            "a label is negative",
            path=path,
            found=f"{array.min()} for example {array.argmin()}",
        )
    return array


def _numbered(labels: list[NDArray[Any]], path: Path) -> tuple[str, ...]:
    """Classes "0", "1", ... up to the largest label. Raises `DatasetError`."""
    try:
        return max((numbered_classes(one) for one in labels), key=len)
    except DatasetError as error:
        raise DatasetError(
            error.what,
            path=path,
            expected=error.expected,
            found=error.found,
            hint=error.hint,
        ) from None


@contextmanager
def counting(
    label: str, images: Images, *, num_passes: int = 1
) -> Iterator[Callable[[int], None]]:
    """A progress bar, if there is enough to do: call it with the rows just done."""
    row_nbytes = images.nbytes // max(1, len(images))
    with shown(label, images.nbytes * num_passes) as advance:
        yield lambda count: advance(count * row_nbytes)
