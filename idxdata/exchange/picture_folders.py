"""Which pictures a folder holds: of which part, which class, in which order."""

import csv
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from idxdata.errors import DatasetError, FormatError
from idxdata.exchange.content import UNNAMED, USUAL_PARTS, split_name
from idxdata.exchange.labelling import CLASSES
from idxdata.exchange.pixels import LOOK_NBYTES, is_picture

LABELS = "labels.csv"
SUFFIXES = (".png", ".jpg", ".jpeg")
"""What is called so must be a picture; so is anything that begins as one."""

_OTHER_PICTURES = frozenset(
    (".avif", ".bmp", ".gif", ".heic", ".jp2", ".jxl", ".pbm", ".pgm", ".ppm")
    + (".psd", ".svg", ".tga", ".tif", ".tiff", ".webp")
)
CLUTTER = ("__macosx", "thumbs.db", "desktop.ini")
"""What archivers and file managers leave, in lower case; so are hidden files."""

# A number as people write it: no blanks, no 1_000; beyond 64 bits it is a name.
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_MAX_NAMES = 3


@dataclass(frozen=True, slots=True)
class Listed:
    """One picture: its file, and its label, class or both, as far as they are told."""

    path: Path
    label: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """`parts`: pictures in order, by part. `notices`: what was left out."""

    parts: dict[str, list[Listed]]
    notices: tuple[str, ...]


def find_pictures(root: Path) -> Layout:
    """The pictures below `root`, as `pictures.read` describes.

    Raises `DatasetError` if it cannot be told what is a class and what a split, for
    pictures of other formats, a bad path in a labels.csv, and where there are none;
    `FormatError` for a labels.csv that is no such table.
    """
    notices: list[str] = []
    parts: dict[str, list[Listed]] = {}
    for name, folder in _part_folders(root):
        if name in parts:
            raise DatasetError(f"two folders of the split {name}", path=root)
        files = _files(folder, notices, root)
        if (folder / LABELS).is_file():
            parts[name] = _from_table(folder, files, notices)
        else:
            parts[name] = _from_folders(folder, files)
    return Layout(parts, tuple(notices))


def has_pictures(root: Path) -> bool:
    """Whether there is a picture in the folder or below, or a labels.csv."""
    return any(_is_picture(path) or path.name == LABELS for path in _walk(root))


def _part_folders(root: Path) -> list[tuple[str, Path]]:
    """Folders that are splits, by name; `root` itself where they are classes."""
    folders = [path for path in _entries(root) if path.is_dir() and has_pictures(path)]
    if (root / LABELS).is_file() or not folders:
        return [(UNNAMED, root)]
    tabled = [(path / LABELS).is_file() for path in folders]
    usual = [path.name.lower() in USUAL_PARTS for path in folders]
    if all(a or b for a, b in zip(tabled, usual, strict=True)):
        loose = next((path for path in _entries(root) if _is_picture(path)), None)
        if loose is not None:
            raise DatasetError(
                "a picture that is in no split's folder",
                path=loose,
                expected=f"all pictures in {_listed([path.name for path in folders])}",
            )
        return [(split_name(path.name), path) for path in folders]
    nested = (
        path
        for path, a, b in zip(folders, tabled, usual, strict=True)
        if a or (b and any(below.is_dir() for below in _entries(path)))
    )
    if (split := next(nested, None)) is not None:
        other = next(
            path
            for path, a, b in zip(folders, tabled, usual, strict=True)
            if not a and not b
        )
        raise DatasetError(
            "splits and other folders beside each other",
            path=root,
            expected="a folder for each split, or one for each class",
            found=f"{split.name} and {other.name}",
            hint="move what is no split elsewhere",
        )
    return [(UNNAMED, root)]


def _entries(folder: Path) -> list[Path]:
    """What a person sees in the folder, by name."""
    return sorted(
        path
        for path in folder.iterdir()
        if not path.name.startswith(".") and path.name.lower() not in CLUTTER
    )


def _walk(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """The files in the folder and below, links followed, but not round and round."""
    real = folder.resolve()
    if real in above:
        return
    for path in _entries(folder):
        if path.is_dir():
            yield from _walk(path, (*above, real))
        elif path.is_file():
            yield path


def _is_picture(path: Path) -> bool:
    if path.suffix.lower() in SUFFIXES:
        return path.is_file()
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return is_picture(file.read(LOOK_NBYTES))


def _files(folder: Path, notices: list[str], root: Path) -> list[Path]:
    """The pictures of a part; what else lies there goes to the notices."""
    files, others = [], []
    for path in _walk(folder):
        if _is_picture(path):
            files.append(path)
        elif path.suffix.lower() in _OTHER_PICTURES:
            raise DatasetError(
                "a picture that cannot be read",
                path=path,
                expected="PNG or JPEG",
                found=path.suffix.lower(),
                hint="convert it to PNG, or move it elsewhere",
            )
        elif path.name not in (LABELS, CLASSES):
            others.append(path.relative_to(root).as_posix())
    if others:
        notices.append(f"no pictures, left out: {_listed(others)}")
    return files


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_MAX_NAMES])
    left = len(names) - _MAX_NAMES
    return f"{shown} and {left} more" if left > 0 else shown


def _from_folders(folder: Path, files: list[Path]) -> list[Listed]:
    """Pictures whose class is the sub-folder they are in, if they are in any."""
    listed = []
    for path in files:
        parents = path.relative_to(folder).parts[:-1]
        listed.append(Listed(path, name=parents[0] if parents else None))
    loose = next((one.path for one in listed if one.name is None), None)
    if loose is not None and any(one.name is not None for one in listed):
        raise DatasetError(
            "a picture that is in no class's folder",
            path=loose,
            expected="all pictures in sub-folders, or none",
        )
    if not listed:
        raise DatasetError("no pictures here", path=folder, expected="PNG or JPEG")
    stems = [one.path.stem for one in listed]
    are_numbers = all(stem.isascii() and stem.isdecimal() for stem in stems)
    if are_numbers and len(set(map(int, stems))) == len(stems):
        listed.sort(key=lambda one: int(one.path.stem))
    return listed


def _from_table(folder: Path, files: list[Path], notices: list[str]) -> list[Listed]:
    """Pictures as the folder's labels.csv lists them."""
    table = folder / LABELS
    reals = _Reals(folder)
    listed, seen = [], set()
    for number, row in _rows(table):
        path = _inside(folder, row["file"])
        real = None if path is None else reals.of(path)
        if path is None or real is None or real in seen or not path.is_file():
            wrong = "outside the folder" if real is None else "that is not there"
            raise DatasetError(
                f"line {number}: a file {'twice' if real in seen else wrong}",
                path=table,
                found=row["file"],
            )
        seen.add(real)
        listed.append(Listed(path, *_told(row, table, number)))
    if not listed:
        raise DatasetError("no pictures are listed", path=table)
    left = [
        path.relative_to(folder).as_posix()
        for path in files
        if reals.of(path) not in seen
    ]
    if left:
        notices.append(f"not in {LABELS}, left out: {_listed(left)}")
    return listed


class _Reals:
    """Where paths really lead; folders are looked up once."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.realpath(root)
        self._folders: dict[Path, str] = {}

    def of(self, path: Path) -> str | None:
        """The path without links; None if that is outside the root."""
        folder = path.parent
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        real = os.path.join(self._folders[folder], path.name)
        if os.path.islink(real):
            real = os.path.realpath(real)
        root = os.path.join(self._root, "")
        return real if os.path.join(real, "").startswith(root) else None


def _rows(table: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows with their numbers; each has a `file`, and what its head has besides."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, strict=True)
            head = rows.fieldnames or ()
            if "file" not in head:
                raise FormatError(
                    "no column of files",
                    path=table,
                    expected="columns file, and label or class",
                    found=", ".join(head[:8]) or "an empty file",
                )
            for row in rows:
                if None in row or None in row.values():
                    raise FormatError(
                        f"line {rows.line_num} has not as many fields as the head",
                        path=table,
                        expected=len(head),
                    )
                yield rows.line_num, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError("not a table", path=table, found=str(error)) from None


def _told(
    row: dict[str, str], table: Path, number: int
) -> tuple[int | None, str | None]:
    """The label and the class of a row: at least one where there are such columns."""
    label, name = row.get("label"), row.get("class") or None
    if not label and not name and ("label" in row or "class" in row):
        raise FormatError(
            f"line {number} has no label and no class", path=table, found=row["file"]
        )
    if not label:
        return None, name
    if _NUMBER.fullmatch(label):
        return int(label), name
    if name is not None:
        raise FormatError(
            f"line {number}: a label that is no number", path=table, found=repr(label)
        )
    return None, label


def _inside(folder: Path, name: str) -> Path | None:
    """The file `name` of a table in `folder`; None if the name itself leads out."""
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    # Backslashes are letters here, and separators where the table may come from.
    if ".." in posix.parts + windows.parts or posix.is_absolute() or "\0" in name:
        return None
    if windows.drive or windows.root:
        return None
    return folder.joinpath(*posix.parts)
