"""Which Parquet files of a folder are which split's, and whether all are there."""

import re
from pathlib import Path

from idxdata.errors import DatasetError
from idxdata.exchange.content import UNNAMED, USUAL_PARTS, split_name

# Hugging Face's; older ones have a hash at the end.
_SHARD = re.compile(
    r"(?P<split>\w+)-(?P<number>\d{5})-of-(?P<count>\d{5})(-[0-9a-f]+)?"
)


def parquet_files(folder: Path) -> list[Path]:
    """The files called *.parquet in `folder`, else in its only folder: "data", say."""
    if found := _in(folder):
        return found
    below = [
        path
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith(".")
    ]
    return _in(below[0]) if len(below) == 1 else []


def _in(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.glob("*.parquet")
        if path.is_file() and not path.name.startswith(".")
    )


def group_files(path: Path) -> dict[str, list[Path]]:
    """The files of each part, in order; a file itself is one unnamed part.

    Raises `DatasetError` for a part of which a file is missing or there twice, and for
    files of which some tell a split and some do not.
    """
    if not path.is_dir():
        return {UNNAMED: [path]}
    groups: dict[str, list[Path]] = {}
    counts: dict[str, set[int]] = {}
    for file in parquet_files(path):
        split, count = _told(file)
        groups.setdefault(split, []).append(file)
        counts.setdefault(split, set()).add(count)
    for split, files in groups.items():
        if split and counts[split] != {len(files)}:
            raise DatasetError(
                f"not all files of the split {split}, and no others",
                path=path,
                expected=f"{max(counts[split])} files",
                found=", ".join(file.name for file in files[:4]),
            )
    if UNNAMED in groups and len(groups) > 1:
        raise DatasetError(
            "files with and without the name of a split",
            path=path,
            found=f"{groups[UNNAMED][0].name} beside {', '.join(filter(None, groups))}",
        )
    return groups


def _told(file: Path) -> tuple[str, int]:
    """The split that a file's name tells, and of how many files it says it is."""
    if match := _SHARD.fullmatch(file.stem):
        return split_name(match["split"]), int(match["count"])
    name = split_name(file.stem)
    return (name, 1) if name.lower() in USUAL_PARTS else (UNNAMED, 1)
