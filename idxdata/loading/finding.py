"""Which files in a folder are a dataset's, in whatever spelling."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from idxdata.catalogue import (
    RECORDS,
    ROLES,
    FileRecord,
    Record,
    Role,
    SplitName,
)
from idxdata.errors import DatasetError
from idxdata.shard_names import NUMBER, Numbered, in_whole

_STEMS: dict[SplitName, tuple[str, ...]] = {
    "train": ("train",),
    "test": ("t10k", "test"),
}

_FILE_NAME = re.compile(
    rf"(?P<stem>train|t10k|test)-(?P<role>images|labels)(-{NUMBER})?"
    r"[-.]idx\d+-\w+(\.(gz|xz|zip))?"
)
_PACKED = (".gz", ".xz", ".zip")
_MAX_NAMES = 8

CLASSES = "classes.txt"
"""Names of classes beside the files of a dataset that is in no catalogue."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file that serves for a split's images or labels.

    `file`: what the catalogue knows of it, or None. `member`: its name where `path`
    is a zip archive of several. `shards`: where many files serve, all of them in order,
    of which `path` is the first.
    """

    path: Path
    file: FileRecord | None = None
    member: str | None = None
    shards: tuple[str, ...] = ()


Place = dict[tuple[SplitName, Role], Found]
"""What was found, by split and role."""


def class_names(folder: Path) -> tuple[str, ...] | None:
    """The lines of the folder's `classes.txt`; None if there is none.

    Raises `DatasetError` if it is no text, or empty.
    """
    try:
        lines = (folder / CLASSES).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        lines = []
    if not lines:
        raise DatasetError(
            "not a list of classes",
            path=folder / CLASSES,
            expected="a name in each line",
        )
    return tuple(lines)


def file_names(folder: Path) -> list[str]:
    """Names of the files in `folder`, links to files too, in order.

    Raises `FileNotFoundError` or `NotADirectoryError` if it is no folder.
    """
    return sorted(entry.name for entry in os.scandir(folder) if _is_file(entry))


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads in a circle
        return False


def find_unknown(folder: Path) -> Place:
    """The files of a dataset that is in no catalogue: MNIST's names, any spelling.

    Also numbered shards of such names, as `train-images-00000-of-00010-idx3-ubyte`. Raw
    goes before compressed. There may be no test split. Empty where no file has such a
    name. Raises `DatasetError` if one of a pair or a shard is missing, there are both
    one file and shards of the same, or a test split's files only.
    """
    names = file_names(folder)
    files, shards = _sorted_out(names)
    found: Place = {
        place: Found(folder / min(fitting, key=_preference))
        for place, fitting in files.items()
    }
    for (split, role), numbered in shards.items():
        if (split, role) in found:
            raise DatasetError(
                f"both one file and shards of {split} {role}",
                path=folder,
                found=listed([found[split, role].path.name, numbered[0].name]),
            )
        numbered.sort(key=lambda one: _preference(one.name))
        whole = in_whole(numbered, f"{split} {role}", folder)
        # Strings: of thousands, as many paths would take longer than all else.
        parts = tuple(os.path.join(folder, name) for name in whole)
        found[split, role] = Found(Path(parts[0]), shards=parts)
    if not found:
        return found
    needed = ["train"] + ["test"] * any(split == "test" for split, _ in found)
    for split in needed:
        for role in ROLES:
            if (split, role) not in found:
                ndim = 3 if role == "images" else 1
                stem = _STEMS[split][0]
                raise DatasetError(
                    f"no {split} {role} here",
                    path=folder,
                    expected=f"{stem}-{role}-idx{ndim}-ubyte or a spelling of it",
                    found=listed(names),
                )
    return found


def _sorted_out(
    names: Iterable[str],
) -> tuple[
    dict[tuple[SplitName, Role], list[str]],
    dict[tuple[SplitName, Role], list[Numbered]],
]:
    """Names of whole files and of shards, by split and role in the order of `_STEMS`."""
    files: dict[tuple[SplitName, Role], list[str]] = {}
    shards: dict[tuple[SplitName, Role], list[Numbered]] = {}
    for split in _STEMS:
        for role in ROLES:
            files[split, role], shards[split, role] = [], []
    roles: dict[str, Role] = {role: role for role in ROLES}
    splits = {stem: split for split, stems in _STEMS.items() for stem in stems}
    for name in names:
        match = _FILE_NAME.fullmatch(name)
        if match is None:
            continue
        stem, what, number, total = match.group("stem", "role", "number", "total")
        place = splits[stem], roles[what]
        if number is None:
            files[place].append(name)
        else:
            shards[place].append(Numbered(name, int(number), int(total)))
    return (
        {place: found for place, found in files.items() if found},
        {place: found for place, found in shards.items() if found},
    )


def _preference(name: str) -> tuple[bool, str]:
    return name.endswith(_PACKED), name


def find_known(record: Record, folder: Path) -> Place:
    """Those files of `record` that are in `folder`, or in an archive that is there.

    Each under the first of its candidates and spellings that is there; a file goes
    before the archive. Also in the archive's own sub-folder, as unpacking leaves it.
    """
    folders = [folder]
    if record.archive_folder:
        folders.append(folder / record.archive_folder)
    names = {place: set(file_names(place)) for place in folders if place.is_dir()}
    archive = _find_archive(record, folder)
    found: Place = {}
    for split in record.splits:
        for role in ROLES:
            one = _find_file(record.candidates(split, role), names)
            if one is None and archive is not None:
                file = record.candidates(split, role)[0]
                one = Found(archive, file, record.member(file))
            if one is not None:
                found[split, role] = one
    return found


def _find_file(
    candidates: Iterable[FileRecord], names: dict[Path, set[str]]
) -> Found | None:
    for file in candidates:
        for spelling in file.spellings:
            for place, there in names.items():
                if spelling in there:
                    return Found(place / spelling, file)
    return None


def _find_archive(record: Record, folder: Path) -> Path | None:
    for archive in record.archives:
        if (path := folder / archive.name).is_file():
            return path
    return None


def missing(record: Record, found: Place) -> tuple[FileRecord, ...]:
    """The files to fetch so that every split is whole, each name once."""
    lacking: dict[str, FileRecord] = {}
    for split in record.splits:
        for role in ROLES:
            if (split, role) not in found:
                file = record.candidates(split, role)[0]
                lacking.setdefault(file.name, file)
    return tuple(lacking.values())


def recognise(folder: Path) -> Record | None:
    """The dataset of the catalogue whose own file names are in `folder`, if any.

    Those with MNIST's file names cannot be told apart, and are not looked for.
    Raises `DatasetError` if there are several, as EMNIST's six splits are.
    """
    fitting = [
        record
        for record in RECORDS.values()
        if record.files
        and not any(_FILE_NAME.fullmatch(file.name) for file in record.files)
        and not missing(record, find_known(record, folder))
    ]
    # "qmnist/nist" has all that "qmnist" has, and more.
    fitting = [
        record
        for record in fitting
        if not any(_names(record) < _names(other) for other in fitting)
    ]
    if len(fitting) > 1:
        names = ", ".join(record.name for record in fitting)
        raise DatasetError(
            "files of several datasets here",
            path=folder,
            found=names,
            hint=f"say which: load({fitting[0].name!r}, folder=...)",
        )
    return fitting[0] if fitting else None


def _names(record: Record) -> set[str]:
    return {file.name for file in record.files}


def listed(names: list[str]) -> str:
    """Some of the names, for an error's text."""
    return ", ".join(names[:_MAX_NAMES]) or "an empty folder"
