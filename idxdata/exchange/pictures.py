"""A folder of PNG or JPEG files, and their labels: by sub-folders or in labels.csv."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import DatasetError
from idxdata.exchange.content import Content, Part, in_order
from idxdata.exchange.labelling import (
    CLASSES,
    check_lines,
    number_names,
    read_classes,
    small,
    write_classes,
)
from idxdata.exchange.picture_folders import (
    CLUTTER,
    LABELS,
    SUFFIXES,
    Listed,
    find_pictures,
    has_pictures,
)
from idxdata.exchange.pixels import (
    LOOK_NBYTES,
    PictureOptions,
    checked_images,
    decoded,
    encoded,
    is_picture,
)
from idxdata.progress import progress_bar

__all__ = ["LABELS", "SUFFIXES", "PictureOptions", "matches", "read", "write"]

_COLUMNS = ("file", "label", "class")
_MAX_CLASSES = 4096
# Windows keeps these for devices, with any suffix.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def matches(path: Path) -> bool:
    """Whether it is a picture, or a folder with one in it or below."""
    if path.is_dir():
        return has_pictures(path)
    if path.suffix.lower() in SUFFIXES:
        return True
    with path.open("rb") as file:
        return is_picture(file.read(LOOK_NBYTES))


def read(path: Path, options: PictureOptions | None = None) -> Content:
    """Pictures and their labels, in memory: uint8 (n, h, w) or (n, h, w, channels).

    A picture alone is an array of one. In a folder, sub-folders are parts if each is
    called "train", "test", "validation", "training", "t10k" or the like, or has a
    labels.csv of its own; else all is one unnamed part. In each part:

    - `labels.csv` lists files, in its order, with columns `file` and `label` (a number,
      or else a name), `class` (its name), or both;
    - without it each sub-folder is a class, sorted by name, as numbers if all are.
      Examples come class by class in the order of file names; if all these are
      different whole numbers, in that of the numbers;
    - pictures that lie in the folder itself have no labels.

    `classes.txt` in `path` names classes in the order of labels, a line each. Hidden
    files, `__MACOSX` and the like do not count; other files, and pictures that a
    labels.csv passes over, are in the notices. Labels are uint8, else int32, else int64.

    Raises `FormatError` for a picture that is damaged, of 16 bits and not to be grey, or
    larger than Pillow thinks sane, and a labels.csv that is no such table;
    `DatasetError` for pictures of two sizes or numbers of channels, of other formats
    than PNG and JPEG, a listed file that is outside the folder or not there, a label of
    two names, and what lies so that splits and classes cannot be told apart;
    `MissingFrameworkError`.
    """
    options = options or PictureOptions()
    if path.is_file():
        return read_files([path], options)
    layout = find_pictures(path)
    labels, classes = _labels(layout.parts, read_classes(path), path)
    parts = {
        name: Part(_pixels(listed, options, path / name), labels.get(name))
        for name, listed in layout.parts.items()
    }
    return Content(in_order(parts), classes, layout.notices)


def read_files(paths: Sequence[Path], options: PictureOptions) -> Content:
    """Pictures one by one, without labels, in that order. Raises as `read` does."""
    listed = [Listed(path) for path in paths]
    return Content({"": Part(_pixels(listed, options, paths[0].parent))})


def _pixels(
    listed: list[Listed], options: PictureOptions, folder: Path
) -> NDArray[np.uint8]:
    """All pictures in one array; it is made when the first one's shape is known."""
    first = listed[0].path
    shape = decoded(first.read_bytes(), first, options).shape
    images = np.empty((len(listed), *shape), np.uint8)
    with progress_bar(f"reading {folder.name}", len(listed)) as advance:
        for number, one in enumerate(listed):
            image = decoded(one.path.read_bytes(), one.path, options)
            if image.shape != images.shape[1:]:
                raise DatasetError(
                    "pictures differ in size",
                    path=one.path,
                    expected=f"shape {images.shape[1:]}, as {first.name} has",
                    found=f"shape {image.shape}",
                    hint="--size 28x28 makes them one size, --grey one channel",
                )
            images[number] = image
            advance(1)
    return images


def _labels(
    parts: dict[str, list[Listed]], classes: tuple[str, ...] | None, path: Path
) -> tuple[dict[str, NDArray[Any]], tuple[str, ...] | None]:
    """Labels by part, and the names of classes if there are any."""
    told = {
        name: listed
        for name, listed in parts.items()
        if any(one.label is not None or one.name is not None for one in listed)
    }
    everything = [one for listed in told.values() for one in listed]
    if everything and all(one.label is None for one in everything):
        names = {
            part: [str(one.name) for one in listed] for part, listed in told.items()
        }
        return number_names(names, classes, path=path)
    bare = next((one.path for one in everything if one.label is None), None)
    if bare is not None:
        raise DatasetError(
            "some labels are numbers, this one's is a name",
            path=bare,
            hint=f"names go into the column class of {LABELS}",
        )
    labels = {
        part: small(np.array([one.label for one in listed], np.int64))
        for part, listed in told.items()
    }
    return labels, _named(everything, classes, path)


def _named(
    listed: list[Listed], classes: tuple[str, ...] | None, path: Path
) -> tuple[str, ...] | None:
    """The classes that numbered pictures name, and `classes` where they are known."""
    names: dict[int, str] = {}
    for one in listed:
        if one.name is None or one.label is None:
            continue
        known = one.name
        if classes is not None and 0 <= one.label < len(classes):
            known = classes[one.label]
        if names.setdefault(one.label, known) != one.name:
            raise DatasetError(
                f"label {one.label} has two names",
                path=path,
                expected=names[one.label],
                found=f"{one.name} for {one.path.name}",
            )
    if classes is not None or not names:
        return classes
    largest = max(one.label or 0 for one in listed)
    if largest >= _MAX_CLASSES or min(names) < 0:
        raise DatasetError(
            "labels that cannot be numbers of classes",
            path=path,
            expected=f"0 to {_MAX_CLASSES - 1}",
            found=largest if largest >= _MAX_CLASSES else min(names),
        )
    # Those without an example are known by their numbers.
    return tuple(names.get(label, str(label)) for label in range(largest + 1))


def write(content: Content, path: Path) -> None:
    """Write `<part>/<class>/<number>.png` and a `labels.csv` for each part.

    An unnamed part lies in `path` itself, examples without labels in no class's folder.
    Numbers count in the order of examples. Folders of classes have their names, with
    "_" for what some file systems refuse; `labels.csv` and `classes.txt` tell the true
    ones. Grey images need no Pillow.

    Raises `FormatError` for images that PNG does not hold, and class names that are not
    one line; `MissingFrameworkError`.
    """
    check_lines(content.classes, path)
    for part in content.parts.values():
        checked_images(part.data, path)
    path.mkdir(exist_ok=True)
    folders = _folder_names(content)
    for split, part in content.parts.items():
        (path / split).mkdir(exist_ok=True)
        _write_part(part, path / split, folders, content.classes)
    write_classes(path, content.classes)


def _write_part(
    part: Part,
    folder: Path,
    folders: dict[int, str],
    classes: tuple[str, ...] | None,
) -> None:
    digits = len(str(len(part.data) - 1))
    labels = None if part.labels is None else part.labels.tolist()
    for label in set(labels or ()):
        (folder / folders[label]).mkdir()
    with (
        progress_bar(f"writing {folder.name}", len(part.data)) as advance,
        (folder / LABELS).open("w", newline="", encoding="utf-8") as file,
    ):
        table = csv.writer(file)
        table.writerow(_COLUMNS[:1] if labels is None else _COLUMNS)
        for number, image in enumerate(part.data):
            name, told = f"{number:0{digits}}.png", []
            if labels is not None:
                label = labels[number]
                name = f"{folders[label]}/{name}"
                told = [label, classes[label] if classes else ""]
            (folder / name).write_bytes(encoded(image))
            table.writerow([name, *told])
            advance(1)


def _folder_names(content: Content) -> dict[int, str]:
    """A name for the folder of each label, no two alike on any file system."""
    labels = set[int]()
    for part in content.parts.values():
        if part.labels is not None:
            labels.update(np.unique(part.labels).tolist())
    taken = {LABELS, CLASSES}
    names = {}
    for label in sorted(labels):
        name = _safe(content.classes[label] if content.classes else str(label))
        unique, count = name, 1
        while unique.casefold() in taken:
            count += 1
            unique = f"{name}_{count}"
        taken.add(unique.casefold())
        names[label] = unique
    return names


def _safe(name: str) -> str:
    safe = re.sub(r"[^\w. +()-]", "_", name).encode()[:100].decode(errors="ignore")
    safe = safe.strip(". ") or "_"
    if _DEVICES.fullmatch(safe) or safe.casefold() in CLUTTER:
        return f"{safe}_"
    return safe
