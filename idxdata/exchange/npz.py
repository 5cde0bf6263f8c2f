"""Several arrays in an .npz file, by NumPy, under the names that people give them."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.atomic import atomic_write
from idxdata.errors import FormatError, PathLike
from idxdata.exchange.content import Content, Part, numbered
from idxdata.exchange.npy import checked, defects_named
from idxdata.sniff import ZIP_MAGICS

_NAMES: tuple[tuple[str, str, str], ...] = (
    ("train", "x_train", "y_train"),
    ("train", "train_images", "train_labels"),
    ("train", "X_train", "y_train"),
    ("test", "x_test", "y_test"),
    ("test", "test_images", "test_labels"),
    ("test", "X_test", "y_test"),
    ("validation", "x_val", "y_val"),
    ("validation", "val_images", "val_labels"),
    ("", "images", "labels"),
    ("", "x", "y"),
    ("", "X", "y"),
)
"""Split, images, labels: Keras's names first, which are written too."""

_CLASSES = "classes"
_ONLY = "arr_0"


def matches(path: Path) -> bool:
    """Whether the file is a zip archive of .npy files."""
    from zipfile import BadZipFile, ZipFile

    with path.open("rb") as file:
        if not file.read(4).startswith(ZIP_MAGICS):
            return False
    try:
        with ZipFile(path) as archive:
            names = archive.namelist()
    except (BadZipFile, OSError, ValueError):
        return path.suffix == ".npz"
    return bool(names) and all(name.endswith(".npy") for name in names)


def read_array(path: PathLike, name: str) -> NDArray[Any]:
    """One array of an .npz, in memory, native byte order, C-contiguous.

    Raises `FormatError` if there is none of that name, the file is damaged, or the
    array would be Python objects; `OSError` as `open` does.
    """
    with defects_named(path), open(path, "rb") as file, np.load(file) as archive:
        if name not in archive.files:
            raise FormatError(
                "no array of this name",
                path=path,
                expected=name,
                found=", ".join(archive.files[:8]) or "no arrays",
            )
        return checked(archive[name], path)


def read(path: Path) -> Content:
    """Images and labels by the names of `_NAMES`, or a single array.

    Labels may be names of classes; an array `classes` names numbers. In memory.
    Raises `FormatError` for other names, and as `read_array` does.
    """
    with defects_named(path), path.open("rb") as file, np.load(file) as archive:
        names = archive.files
        arrays = {name: archive[name] for name in names}
    if len(names) == 1 and arrays[names[0]].dtype.kind in "iufb":
        return Content({"": Part(checked(arrays[names[0]], path))})
    classes = None
    if _CLASSES in arrays and arrays[_CLASSES].dtype.kind in "US":
        classes = tuple(map(str, arrays[_CLASSES].tolist()))
    parts = {}
    for split, images, labels in _NAMES:
        if images in arrays and split not in parts:
            found = arrays.get(labels)
            if found is not None and found.dtype.kind in "US":
                found, classes = _from_names(found, classes, path)
            elif found is not None:
                found = _flat(checked(found, path))
            parts[split] = Part(checked(arrays[images], path), found)
    if not parts:
        raise FormatError(
            "no arrays that could be images and labels",
            path=path,
            expected="x_train, y_train, x_test, y_test; or images, labels",
            found=", ".join(names[:8]) or "no arrays",
        )
    if len(parts) > 1 and "" in parts:
        parts["train"] = parts.pop("")
    return Content(parts, classes)


def _flat(labels: NDArray[Any]) -> NDArray[Any]:
    """(n, 1) as Keras has the labels of some datasets, as (n,)."""
    return labels.reshape(-1) if labels.ndim == 2 and labels.shape[1] == 1 else labels


def _from_names(
    names: NDArray[Any], classes: tuple[str, ...] | None, path: PathLike
) -> tuple[NDArray[Any], tuple[str, ...]]:
    texts = [str(name) for name in names.tolist()]
    if classes is None:
        return numbered(texts)
    unknown = sorted(set(texts) - set(classes))
    if unknown:
        raise FormatError(
            "a label is none of the classes",
            path=path,
            expected=", ".join(classes[:12]),
            found=unknown[0],
        )
    return np.array([classes.index(text) for text in texts], np.int64), classes


def write(content: Content, path: Path) -> None:
    """Write all parts under Keras's names, and `classes` where they are known."""
    arrays: dict[str, NDArray[Any]] = {}
    taken = {split: (images, labels) for split, images, labels in reversed(_NAMES)}
    for split, part in content.parts.items():
        if content.single is not None:
            arrays[_ONLY] = part.data
            continue
        if split not in taken:
            raise FormatError(
                "an .npz has no usual name for this split",
                path=path,
                expected="train, test, validation",
                found=split,
            )
        images, labels = taken[split]
        arrays[images] = part.data
        if part.labels is not None:
            arrays[labels] = part.labels
    if content.classes is not None:
        arrays[_CLASSES] = np.array(content.classes)
    with atomic_write(path) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
