"""A folder of PNG or JPEG files, and their labels: by sub-folders or in labels.csv."""

import csv
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import (
    DatasetError,
    FormatError,
    MissingFrameworkError,
)
from idxdata.exchange.content import Content, Part, sort_classes
from idxdata.progress import progress_bar

LABELS = "labels.csv"
SUFFIXES = (".png", ".jpg", ".jpeg")
SPLITS = ("train", "test", "validation", "val")
_CLUTTER = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}
_COLUMNS = ("file", "label", "class")

MAX_CLASSES = 4096
"""Labels in a labels.csv from here on are taken for other numbers."""


@dataclass(frozen=True, slots=True)
class PictureOptions:
    """How pictures become arrays of one shape.

    `size`: (height, width) to be resized to, by area (Pillow's BOX), which neither
    invents nor drops ink; None: they must have one size. `grey`: to one channel.
    `invert`: swaps black and white, for dark ink on light paper. Of 16 bits the upper
    eight are taken; a palette becomes colours, and grey with alpha loses that.
    """

    size: tuple[int, int] | None = None
    grey: bool = False
    invert: bool = False


def matches(path: Path) -> bool:
    """Whether there is a picture in the folder, or in folders in it."""
    return next(_walk(path), None) is not None


def _walk(folder: Path) -> Iterator[Path]:
    """Pictures in the folder and below, in the order of their names."""
    for path in sorted(folder.iterdir()):
        if path.name in _CLUTTER or path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _walk(path)
        elif path.suffix.lower() in SUFFIXES:
            yield path


def read(path: Path, options: PictureOptions | None = None) -> Content:
    """Pictures and their labels, in memory: uint8 (n, h, w) or (n, h, w, channels).

    Sub-folders "train", "test", "validation" are parts of their own; else there is one
    unnamed part. In each: `labels.csv` with columns `file` and `class` or `label`, in its
    order, and with both columns its numbers for the classes; or one sub-folder a class, sorted, as numbers if all are; or no labels.
    Without a labels.csv examples come in the order of their names, of names that are
    different numbers in that of the numbers.

    Raises `FormatError` for a picture that is damaged, or larger than Pillow thinks
    sane; `DatasetError` if two differ in size or channels, a file in labels.csv is not
    there or outside the folder, or a class has no name; `MissingFrameworkError`.
    """
    options = options or PictureOptions()
    below = {name: path / name for name in SPLITS if (path / name).is_dir()}
    folders = below or {"": path}
    lists = {name: _listed(folder) for name, folder in folders.items()}
    place, classes = _labels_of(
        [label for listed in lists.values() for _, label in listed]
    )
    parts = {}
    for name, listed in lists.items():
        images = _read_all([file for file, _ in listed], options, folders[name])
        labels = None
        if classes is not None:
            labels = np.array([place[label] for _, label in listed], np.int64)
        parts["validation" if name == "val" else name] = Part(images, labels)
    return Content(parts, classes)


_Label = tuple[str, str] | None
"""A class by its name and, as text, its number, "" where none is told; None: no label."""


def _labels_of(
    found: Sequence[_Label],
) -> tuple[dict[_Label, int], tuple[str, ...] | None]:
    """The label of each class, and the names of all.

    The numbers of a labels.csv, where each class has one of its own; else classes are
    numbered in the order of their names.
    """
    known = {label for label in found if label is not None}
    if not known:
        return {}, None
    by_number = {int(number): name for name, number in known if number.isdecimal()}
    if len(by_number) == len(known) and max(by_number) < MAX_CLASSES:
        names = tuple(
            by_number.get(label, str(label)) for label in range(max(by_number) + 1)
        )
        return {label: int(label[1]) for label in known}, names
    names = sort_classes({name for name, _ in known})
    order = {name: label for label, name in enumerate(names)}
    return {label: order[label[0]] for label in known}, names


def _listed(folder: Path) -> list[tuple[Path, _Label]]:
    """Each picture of a part, with the name of its class or None."""
    if (folder / LABELS).is_file():
        return _from_csv(folder)
    listed: list[tuple[Path, _Label]] = []
    for path in _walk(folder):
        parents = path.relative_to(folder).parts[:-1]
        listed.append((path, (parents[0], "") if parents else None))
    labels = {label for _, label in listed}
    if None in labels and len(labels) > 1:
        loose = next(path for path, label in listed if label is None)
        raise DatasetError(
            "a picture that is in no class's folder",
            path=loose,
            expected="all pictures in sub-folders, or none",
        )
    if not listed:
        raise DatasetError("no pictures here", path=folder, expected=".png or .jpg")
    stems = [path.stem for path, _ in listed]
    if all(stem.isdecimal() for stem in stems) and len(set(map(int, stems))) == len(
        stems
    ):
        listed.sort(key=lambda pair: int(pair[0].stem))
    return listed


def _from_csv(folder: Path) -> list[tuple[Path, _Label]]:
    table = folder / LABELS
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError("not a table", path=table, found=str(error)) from None
    listed: list[tuple[Path, _Label]] = []
    for number, row in enumerate(rows, start=2):
        name, label = row.get("file"), row.get("label") or ""
        kind = row.get("class") or label
        if not name or not kind:
            raise FormatError(
                f"line {number} has no file or no class",
                path=table,
                expected="columns file, and class or label",
                found=", ".join(map(str, row)) or "nothing",
            )
        told = label if row.get("class") else ""
        listed.append((_inside(folder, name, table), (kind, told)))
    if not listed:
        raise DatasetError("no pictures are listed", path=table)
    return listed


def _inside(folder: Path, name: str, table: Path) -> Path:
    parts = PurePosixPath(name).parts
    path = folder.joinpath(*parts)
    leads_out = ".." in parts or PurePosixPath(name).is_absolute()
    if leads_out or not path.resolve().is_relative_to(folder.resolve()):
        raise DatasetError("a file outside the folder", path=table, found=name)
    if not path.is_file():
        raise DatasetError("a file that is not there", path=table, found=name)
    return path


def _read_all(
    files: list[Path], options: PictureOptions, folder: Path
) -> NDArray[np.uint8]:
    """All pictures in one array; it is made when the first one's shape is known."""
    images: NDArray[np.uint8] | None = None
    with progress_bar(f"reading {folder.name}", len(files)) as advance:
        for number, file in enumerate(files):
            image = decoded(file, file, options)
            if images is None:
                images = np.empty((len(files), *image.shape), np.uint8)
            if image.shape != images.shape[1:]:
                raise DatasetError(
                    "pictures differ in size",
                    path=file,
                    expected=f"shape {images.shape[1:]}, as {files[0].name} has",
                    found=f"shape {image.shape}",
                    hint="--size 28x28 makes them one size, --grey one channel",
                )
            images[number] = image
            advance(1)
    assert images is not None
    return images


def decoded(
    source: Path | BinaryIO, path: Path, options: PictureOptions
) -> NDArray[np.uint8]:
    """One picture: uint8 (h, w), (h, w, 3) or (h, w, 4). Raises as `read` does.

    `path`: the file to blame.
    """
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise MissingFrameworkError("pillow", "pictures") from error
    # Pillow warns of pictures whose pixels would take hundreds of megabytes.
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(source, formats=("PNG", "JPEG")) as opened:
                return _converted(opened, options)
        # A damaged picture makes Pillow raise nearly everything there is.
        except Exception as error:
            raise FormatError(
                "not a sound picture",
                path=path,
                found=f"{type(error).__name__}: {error}",
            ) from error


def _converted(opened: Any, options: PictureOptions) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(opened)
    if image.mode.startswith("I"):  # 16 bits, which Pillow would cut off at 255
        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if options.grey or image.mode in ("1", "LA", "CMYK"):
        image = image.convert("L" if image.mode != "CMYK" or options.grey else "RGB")
    if options.size is not None:
        height, width = options.size
        image = image.resize((width, height), Image.Resampling.BOX)
    array = np.array(image, np.uint8)
    if options.invert:
        drawn = array[..., :3] if array.ndim == 3 else array  # not how opaque it is
        np.subtract(255, drawn, out=drawn)
    return array


def write(content: Content, path: Path) -> None:
    """Write `<split>/<class>/<number>.png` and a `labels.csv` for each part.

    An unnamed part lies in `path` itself. Images must be uint8 (n, h, w) or
    (n, h, w, 1, 3 or 4); else `FormatError`.
    """
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise MissingFrameworkError("pillow", "pictures") from error
    for split, part in content.parts.items():
        images = checked_images(part.data, path)
        folder = path / split
        folder.mkdir(parents=True, exist_ok=True)
        names = _class_names(part, content.classes)
        folders = _folder_names(sorted(set(names)))
        width = len(str(max(0, len(images) - 1)))
        rows = []
        with progress_bar(f"writing {split or path.name}", len(images)) as advance:
            for number, (image, name) in enumerate(zip(images, names, strict=True)):
                place = folder / folders[name] if name else folder
                if not place.is_dir():
                    place.mkdir()
                file = place / f"{number:0{width}}.png"
                Image.fromarray(image).save(file, "PNG")
                if part.labels is not None:
                    where = file.relative_to(folder).as_posix()
                    rows.append((where, int(part.labels[number]), name))
                advance(1)
        if rows:
            with (folder / LABELS).open("w", newline="", encoding="utf-8") as table:
                csv.writer(table).writerows([_COLUMNS, *rows])


def _class_names(part: Part, classes: tuple[str, ...] | None) -> list[str]:
    if part.labels is None:
        return [""] * len(part.data)
    if part.labels.min(initial=0) < 0:
        raise FormatError(
            "a folder of pictures holds no labels below 0",
            found=int(part.labels.min()),
            hint="npz and Parquet hold them",
        )
    if classes is None:
        return [str(label) for label in part.labels]
    return [classes[label] for label in part.labels]


def _folder_names(names: list[str]) -> Mapping[str, str]:
    """A name for each class that every file system takes, no two alike."""
    taken: dict[str, str] = {}
    for name in names:
        safe = re.sub(r"[^\w. -]", "_", name).strip(". ") or "_"
        unique, count = safe[:100], 1
        while unique.lower() in {other.lower() for other in taken.values()}:
            count += 1
            unique = f"{safe[:100]}_{count}"
        taken[name] = unique
    return taken


def checked_images(images: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    """`images` as PNG holds them, a view. Raises `FormatError` if it does not."""
    is_picture = images.ndim == 3 or (images.ndim == 4 and images.shape[3] in (1, 3, 4))
    if images.dtype != np.uint8 or not is_picture or 0 in images.shape[1:]:
        raise FormatError(
            "PNG does not hold these images",
            path=path,
            expected="uint8 of shape (n, h, w) or (n, h, w, 3)",
            found=f"{images.dtype.name} of shape {images.shape}",
            hint="npy and npz hold any numbers",
        )
    return images[..., 0] if images.ndim == 4 and images.shape[3] == 1 else images
