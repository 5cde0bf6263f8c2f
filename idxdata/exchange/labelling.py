"""Labels from names and names from labels, the same ones in all parts."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import DatasetError, FormatError, PathLike

CLASSES = "classes.txt"

_SMALL = (np.uint8, np.int32, np.int64)


def number_names(
    names: Mapping[str, Sequence[str]],
    classes: tuple[str, ...] | None = None,
    *,
    path: PathLike | None = None,
) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    """Labels for the class name of each example, by part, and the classes.

    `classes`: where they are known; else all names there are in any part, sorted as
    `sort_classes` does. Raises `DatasetError` for a name that is none of `classes`.
    """
    if classes is None:
        classes = sort_classes({name for part in names.values() for name in part})
    place = {name: label for label, name in enumerate(classes)}
    for part in names.values():
        for number, name in enumerate(part):
            if name not in place:
                raise DatasetError(
                    "a label that is none of the classes",
                    path=path,
                    expected=_listed(classes),
                    found=f"{name!r} for example {number}",
                )
    labels = {
        part: small(np.array([place[name] for name in listed], np.int64))
        for part, listed in names.items()
    }
    return labels, classes


def sort_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Sorted as numbers if all are whole numbers, else as text."""
    listed = list(names)
    if all(name.isascii() and name.isdecimal() for name in listed):
        return tuple(sorted(listed, key=lambda name: (int(name), name)))
    return tuple(sorted(listed))


def small(labels: NDArray[Any]) -> NDArray[Any]:
    """Labels as uint8, else int32, else int64: the first that holds them all.

    As the MNIST family has them, whatever a format made of them in between. Labels of
    uint64 that none of these holds stay as they are.
    """
    low, high = int(labels.min(initial=0)), int(labels.max(initial=0))
    for dtype in _SMALL:
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            return labels.astype(dtype, copy=False)
    return labels


def as_labels(array: NDArray[Any], path: PathLike, *, what: str) -> NDArray[Any]:
    """`array` if it can be labels: integers or texts (n,); (n, 1) is taken for (n,).

    Raises `DatasetError` otherwise.
    """
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 1 and array.dtype.kind in "iuUS":
        return array
    hint = None
    if array.ndim == 2:
        hint = "one column only can be the class of each example"
    elif array.dtype.kind == "f":
        hint = "labels are whole numbers, in a dtype of such"
    raise DatasetError(
        f"{what}: not labels",
        path=path,
        expected="integers or names, of shape (n,)",
        found=f"{array.dtype} of shape {array.shape}",
        hint=hint,
    )


def texts(array: NDArray[Any], path: PathLike) -> list[str]:
    """The elements of an array of texts; bytes must be UTF-8, else `FormatError`."""
    try:
        return [
            item.decode() if isinstance(item, bytes) else str(item)
            for item in array.tolist()
        ]
    except UnicodeDecodeError as error:
        raise FormatError("names are not text", path=path, found=str(error)) from None


def read_classes(folder: Path) -> tuple[str, ...] | None:
    """The lines of the folder's `classes.txt`, None if there is none.

    Raises `DatasetError` if it is no text, or empty.
    """
    path = folder / CLASSES
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        lines = []
    if not lines:
        raise DatasetError(
            "not a list of classes", path=path, expected="a name in each line"
        )
    return tuple(lines)


def write_classes(folder: Path, classes: tuple[str, ...] | None) -> None:
    """Write `classes.txt`, if there are class names."""
    if classes:
        text = "".join(f"{name}\n" for name in classes)
        (folder / CLASSES).write_text(text, encoding="utf-8", newline="")


def check_lines(classes: tuple[str, ...] | None, path: PathLike) -> None:
    """Raises `FormatError` for a class name that is not one line of text."""
    for name in classes or ():
        if name.splitlines() != [name] or not _is_text(name):
            raise FormatError(
                "a class name is not one line of text",
                path=path,
                found=ascii(name),
                hint="an .npz holds any name",
            )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def _listed(classes: tuple[str, ...]) -> str:
    rest = f" and {len(classes) - 12} more" if len(classes) > 12 else ""
    return ", ".join(classes[:12]) + rest
