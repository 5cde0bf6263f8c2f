"""Several arrays in an .npz file, under the names that people give them."""

import zipfile
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from idxdata.atomic import atomic_write
from idxdata.errors import FormatError, IdxDataError, PathLike
from idxdata.exchange import npy
from idxdata.exchange.content import (
    USUAL_PARTS,
    Content,
    Part,
    in_order,
    split_name,
)
from idxdata.exchange.labelling import as_labels, number_names, texts
from idxdata.sniff import ZIP_MAGICS
from idxdata.sources import Source, open_bytes
from idxdata.zip_directory import check_entries, find_directory
from idxdata.zips import open_member

_IMAGES = ("x", "images", "image", "imgs", "data")
_LABELS = ("y", "labels", "label", "targets")
_ROLES = {name: "images" for name in _IMAGES} | {name: "labels" for name in _LABELS}
_SHORT = {"validation": "val"}
_CLASSES = ("classes", "class_names", "label_names")
_ONLY = "arr_0"
_SUFFIX = ".npy"
_MAX_ARRAYS = 100
_MAX_NAMES = 8


def matches(path: Path) -> bool:
    """Whether the file is a zip archive with .npy files in it."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        if not file.read(4).startswith(ZIP_MAGICS):
            return False
    try:
        return bool(array_names(path))
    except IdxDataError:
        # Damaged: what it would be is told by its name alone.
        return path.suffix.lower() == ".npz"


def array_names(path: PathLike) -> list[str]:
    """Names of the arrays in an .npz, in the archive's order.

    Raises `FormatError` for a damaged archive, `OSError` as `open` does.
    """
    with open_bytes(path) as source:
        return [
            name.removesuffix(_SUFFIX)
            for name in _members(source, path)
            if name.endswith(_SUFFIX)
        ]


def _members(source: Source, path: PathLike) -> list[str]:
    check_entries(source, find_directory(source))
    with npy.defects_named(path), zipfile.ZipFile(source.file) as archive:
        return archive.namelist()


def read_array(path: PathLike, name: str) -> NDArray[Any]:
    """One array of an .npz, in memory, native byte order, C-contiguous.

    Raises `FormatError` if there is none of that name, the file is damaged, or the
    array would be Python objects; `OSError` as `open` does.
    """
    names = array_names(path)
    if name not in names:
        raise FormatError(
            "no array of this name",
            path=path,
            expected=name,
            found=_listed(names),
        )
    return npy.checked(read_any(path, name), path)


def read_any(path: PathLike, name: str) -> NDArray[Any]:
    """As `read_array`, of an array that is there; it may be of texts."""
    with (
        open_bytes(path) as source,
        open_member(source, name + _SUFFIX) as member,
    ):
        return npy.read_stream(member.file, member.nbytes or 0, path)


def read(path: Path) -> Content:
    """Images and labels by their names, or a single array, in memory.

    Images are called `x`, `images`, `image`, `imgs` or `data`, labels `y`, `labels`,
    `label` or `targets`, in any case; for several splits `x_train`, `y_train`, ... or
    `train_images`, `train_labels`, ... Labels may be names of classes, or have the shape
    (n, 1). An array of texts `classes` or `class_names` names classes. A file with one
    array, whatever its name, is that. Other arrays are left out, which the notices say.

    Raises `FormatError` for a file without images, a damaged one, and Python objects;
    `DatasetError` for what does not fit together.
    """
    names = array_names(path)
    if len(names) == 1 and _role(names[0]) in (None, ("", "images"), ("", "labels")):
        return Content({"": Part(read_array(path, names[0]))})
    found, left = _sorted(names, path)
    if not any(role == "images" for _, role in found):
        raise FormatError(
            "no arrays that could be images and labels",
            path=path,
            expected="x_train, y_train, x_test, y_test; or images, labels",
            found=_listed(names),
        )
    classes = None
    named = next((name for name in names if name.lower() in _CLASSES), None)
    if named is not None:
        listed = read_any(path, named)
        if listed.ndim == 1 and listed.dtype.kind in "US":
            classes = tuple(texts(listed, path))
        else:
            left.append(named)
    labels, classes = _read_labels(found, classes, path)
    parts = {
        split: Part(read_array(path, name), labels.get(split))
        for (split, role), name in found.items()
        if role == "images"
    }
    notices = (f"other arrays, left out: {_listed(left)}",) if left else ()
    return Content(in_order(parts), classes, notices)


def _sorted(
    names: list[str], path: Path
) -> tuple[dict[tuple[str, str], str], list[str]]:
    """Arrays by split and role, and those that have none."""
    found: dict[tuple[str, str], str] = {}
    left = []
    if len(names) > _MAX_ARRAYS:
        raise FormatError(
            "too many arrays for images and labels",
            path=path,
            expected=f"at most {_MAX_ARRAYS}",
            found=len(names),
        )
    has_bare = ("", "images") in map(_role, names)
    for name in names:
        place = _role(name)
        if name.lower() in _CLASSES:
            continue
        if place is None or (has_bare and _is_unusual(place[0])):
            left.append(name)
        elif place in found:
            raise FormatError(
                f"two arrays of {' '.join(place).lstrip()}",
                path=path,
                found=f"{found[place]} and {name}",
            )
        else:
            found[place] = name
    if has_bare and any(split for split, _ in found):
        raise FormatError(
            "arrays with and without a split",
            path=path,
            found=_listed(list(found.values())),
            hint="which split are those without?",
        )
    for (split, role), name in list(found.items()):
        if role == "labels" and (split, "images") not in found:
            if not _is_unusual(split):
                raise FormatError("labels without images", path=path, found=name)
            left.append(found.pop((split, role)))
    return found, left


def _is_unusual(split: str) -> bool:
    """Whether an array is perhaps no split's: "x_mean" beside "x"."""
    return split != "" and split.lower() not in USUAL_PARTS


def _role(name: str) -> tuple[str, str] | None:
    """The split and the role that an array's name tells; None if it tells none."""
    words = name.lower()
    if words in _ROLES:
        return "", _ROLES[words]
    first, _, rest = words.partition("_")
    if rest and first in _ROLES:
        return split_name(name[len(first) + 1 :]), _ROLES[first]
    rest, _, last = words.rpartition("_")
    if rest and last in _ROLES:
        return split_name(name[: len(rest)]), _ROLES[last]
    return None


def _read_labels(
    found: dict[tuple[str, str], str], classes: tuple[str, ...] | None, path: Path
) -> tuple[dict[str, NDArray[Any]], tuple[str, ...] | None]:
    arrays = {
        split: as_labels(read_any(path, name), path, what=name)
        for (split, role), name in found.items()
        if role == "labels"
    }
    words = [split for split, array in arrays.items() if array.dtype.kind in "US"]
    if not words:
        return arrays, classes
    if len(words) < len(arrays):
        raise FormatError(
            "some labels are numbers, others names",
            path=path,
            found=_listed([found[split, "labels"] for split in arrays]),
        )
    named = {split: texts(array, path) for split, array in arrays.items()}
    return number_names(named, classes, path=path)


def _listed(names: list[str]) -> str:
    left = len(names) - _MAX_NAMES
    shown = ", ".join(name[:_MAX_ARRAYS] for name in names[:_MAX_NAMES])
    return f"{shown} and {left} more" if left > 0 else shown or "no arrays"


def write(content: Content, path: Path) -> None:
    """Write all parts, compressed, and `classes` where they are known.

    Under Keras's names, `x_train`, `y_train`, `x_test`, `y_test`; without a split
    `images` and `labels`, or of a single array `arr_0`, as NumPy does. The same content
    makes the same file.
    """
    with (
        atomic_write(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, array in _named(content).items():
            # Without the time of writing.
            info = zipfile.ZipInfo(name + _SUFFIX)
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as member:
                if array.dtype.kind == "U":
                    npy_format.write_array(cast(Any, member), array)
                else:
                    npy.write_stream(member, array)


def _named(content: Content) -> dict[str, NDArray[Any]]:
    if content.single is not None and content.classes is None:
        return {_ONLY: content.single.data}
    arrays: dict[str, NDArray[Any]] = {}
    for split, part in content.parts.items():
        end = f"_{_SHORT.get(split, split)}"
        arrays[f"x{end}" if split else "images"] = part.data
        if part.labels is not None:
            arrays[f"y{end}" if split else "labels"] = part.labels
    if content.classes is not None:
        arrays[_CLASSES[0]] = np.array(content.classes, np.str_)
    return arrays
