"""Which of a named dataset's files lie where they belong."""

from pathlib import Path
from typing import Literal

from idxdata.cache import Cache
from idxdata.catalogue import Record
from idxdata.loading.downloading import default_place
from idxdata.loading.finding import find_known, missing

Presence = Literal["here", "partly", "-"]


def place_of(record: Record, folder: str | None = None) -> Path:
    """`folder`, or where the dataset lies if nothing is said.

    Raises `CacheError` if that is in a home folder, and there is none.
    """
    return default_place(record, Cache()) if folder is None else Path(folder)


def presence(record: Record, place: Path) -> Presence:
    """Whether all files of the dataset are there, some, or none."""
    if not place.is_dir():
        return "-"
    if not record.files:
        return "here"
    found = find_known(record, place)
    if not missing(record, found):
        return "here"
    return "partly" if found else "-"


def files_in(place: Path) -> set[Path]:
    """All files in the folder and in its folders; none where it is not there."""
    return {path for path in place.rglob("*") if path.is_file()}
