"""What the catalogue knows of a dataset, as `list` prints it, and where it lies."""

from pathlib import Path
from typing import Any

from idxdata.catalogue import FileRecord, Record
from idxdata.commands.placing import Presence, place_of, presence
from idxdata.synthetic import NUM_TEST, NUM_TRAIN


def record_facts(record: Record) -> dict[str, Any]:
    """All of a record that JSON can hold, and where it lies on this machine."""
    place, where = whereabouts(record)
    return {
        "name": record.name,
        "title": record.title,
        "classes": record.classes,
        "first_label": record.first_label,
        "examples": num_examples(record),
        "download_nbytes": download_nbytes(record),
        "where": where,
        "folder": str(place),
        "license": record.license,
        "citation": record.citation,
        "homepage": record.homepage or None,
        "files": [_file_facts(record, file) for file in record.files],
        "archives": [
            {
                "name": archive.name,
                "urls": archive.urls,
                "nbytes": archive.nbytes,
                "sha256": archive.sha256,
                "md5": archive.md5,
            }
            for archive in record.archives
        ],
        "mirrors": record.mirrors,
        "label_columns": record.label_columns,
        "subsets": {
            part.name: {"split": part.split, "start": part.start, "stop": part.stop}
            for part in record.subsets
        },
        "quirks": record.quirks,
        "sources": record.sources,
        "how_to_make": record.how_to_make,
        "python": python_line(record),
    }


def num_examples(record: Record) -> dict[str, int | None]:
    """How many a split has; None where any number will do."""
    if not record.files:
        return {"train": NUM_TRAIN, "test": NUM_TEST}
    return {
        split: record.candidates(split, "images")[0].shape[0] for split in record.splits
    }


def download_nbytes(record: Record) -> int | None:
    """What fetching it takes; None where that is not known of some file."""
    if record.archives:
        return record.archives[0].nbytes
    firsts = {
        file.name: file.nbytes
        for split in record.splits
        for file in (
            record.candidates(split, "images")[0],
            record.candidates(split, "labels")[0],
        )
    }
    sizes = [nbytes for nbytes in firsts.values() if nbytes is not None]
    return sum(sizes) if sizes and len(sizes) == len(firsts) else None


def hash_kind(file: FileRecord) -> str:
    """How well the file's hash is known, in a word or two."""
    if file.sha256 is None:
        return "none" if file.md5 is None else "md5 only"
    return "verified" if file.is_hash_verified else "quoted"


def python_line(record: Record) -> str:
    """What loads it."""
    return f'data = idxdata.load("{record.name}")'


def whereabouts(record: Record) -> tuple[Path, Presence]:
    """The folder where it lies if nothing is said, and what of it is there."""
    place = place_of(record)
    return place, presence(record, place)


def _file_facts(record: Record, file: FileRecord) -> dict[str, Any]:
    return {
        "split": file.split,
        "role": file.role,
        "name": file.name,
        "array": file.array,
        "dtype": file.dtype,
        "shape": file.shape,
        "nbytes": file.nbytes,
        "sha256": file.sha256,
        "md5": file.md5,
        "hash": hash_kind(file),
        "urls": record.urls(file),
    }
