"""`list`: the catalogue as a table, or all that it knows of one dataset."""

import argparse
import re
from typing import TYPE_CHECKING, Any

from idxdata.catalogue import RECORDS, FileRecord, Record, find
from idxdata.commands.printing import (
    Cell,
    open_console,
    print_facts,
    print_json,
    print_line,
    print_table,
    size_text,
)

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

_WIDE = 100
_NUM_CLASSES_SHOWN = 62


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `main`."""
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="all that is known of this dataset"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON list of all, or one object"
    )


def main(args: argparse.Namespace) -> int:
    """Print the table, or the facts of one. Raises `CatalogueError` for other names."""
    if args.name is not None:
        record = find(args.name)
        if args.json:
            print_json(record_facts(record))
        else:
            _print_record(open_console(), record)
    elif args.json:
        print_json([record_facts(record) for record in RECORDS.values()])
    else:
        _print_all(open_console())
    return 0


def record_facts(record: Record) -> dict[str, Any]:
    """All of a record that JSON can hold, and where it lies on this machine."""
    place, where = _whereabouts(record)
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
        from idxdata.synthetic import NUM_TEST, NUM_TRAIN

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


def _whereabouts(record: Record) -> "tuple[Path, str]":
    from idxdata.commands.placing import place_of, presence

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


def _print_all(console: "Console") -> None:
    heads = ["name", "title", "examples", "classes", "size", "where", "licence"]
    # In a narrow terminal one text must do: titles are much like the names.
    is_wide = console.width >= _WIDE
    rows = []
    for record in RECORDS.values():
        cells = _cells(record)
        rows.append(cells if is_wide else [cells[0], *cells[2:]])
    if not is_wide:
        heads.remove("title")
    whole = ("name", "classes", "size", "where")
    least = {"examples": len("697,932 / 116,323")}
    right = ("classes", "size")
    print_table(console, heads, rows, right=right, whole=whole, least=least)
    print_line(
        console,
        "examples: train / test; where: in the cache; all of one: idxdata list NAME",
        "dim",
    )


def _cells(record: Record) -> list[Cell]:
    _, where = _whereabouts(record)
    counts = [_count(count) for count in num_examples(record).values()]
    # "unclear: Keras says ..." in full is in the facts of one.
    license_start = re.split(r"[:;(]", record.license)[0].strip()
    return [
        (record.name, "bold"),
        record.title.partition(":")[0],
        " / ".join(counts),
        str(len(record.classes)),
        _download(record),
        (where, {"here": "green", "partly": "yellow"}.get(where, "dim")),
        license_start,
    ]


def _count(count: int | None) -> str:
    return "any" if count is None else f"{count:,}"


def _download(record: Record) -> str:
    nbytes = download_nbytes(record)
    if nbytes is not None:
        return size_text(nbytes)
    return "?" if record.mirrors or record.archives else "-"


def _print_record(console: "Console", record: Record) -> None:
    print_line(console, record.title, "bold")
    print_facts(console, _facts(record))
    for file in record.files:
        print_line(console, f"{file.split} {file.role}: {file.name}", "bold")
        print_facts(console, _lines_of_file(file))
    for archive in record.archives:
        print_line(console, f"archive: {archive.name}", "bold")
        print_facts(console, _hashes(archive.sha256, archive.md5))


def _facts(record: Record) -> list[tuple[str, Cell]]:
    place, where = _whereabouts(record)
    counts = num_examples(record).items()
    classes = " ".join(record.classes[:_NUM_CLASSES_SHOWN])
    if record.first_label:
        classes += f"; labels begin with {record.first_label}"
    facts: list[tuple[str, Cell]] = [
        ("name", record.name),
        ("Python", f"import idxdata; {python_line(record)}"),
        ("examples", ", ".join(f"{split} {_count(count)}" for split, count in counts)),
        ("classes", f"{len(record.classes)}: {classes}"),
        ("download", _download(record)),
        ("folder", f"{place} ({'not there' if where == '-' else where})"),
        ("licence", record.license),
        ("citation", record.citation),
    ]
    if record.homepage:
        facts.append(("homepage", record.homepage))
    if record.how_to_make:
        facts.append(("to make it", record.how_to_make))
    if record.label_columns:
        facts.append(("labels", f"a table: {', '.join(record.label_columns)}"))
    for part in record.subsets:
        rows = f"{part.start}:{'' if part.stop is None else part.stop}"
        facts.append(("part", f"{part.name}, {part.split}[{rows}]"))
    facts += [("quirk", quirk) for quirk in record.quirks]
    facts += [("mirror", mirror) for mirror in record.mirrors]
    for archive in record.archives:
        facts += [("archive", url) for url in archive.urls]
    return facts + [("source", source) for source in record.sources]


def _lines_of_file(file: FileRecord) -> list[tuple[str, Cell]]:
    dims = " x ".join("any" if dim is None else f"{dim:,}" for dim in file.shape)
    facts: list[tuple[str, Cell]] = [("holds", f"{file.dtype} {dims}, {file.kind}")]
    if file.array is not None:
        facts.append(("array", file.array))
    if file.nbytes is not None:
        facts.append(("size", f"{file.nbytes:,} bytes"))
    facts.append(("hash", hash_kind(file)))
    return facts + _hashes(file.sha256, file.md5)


def _hashes(sha256: str | None, md5: str | None) -> list[tuple[str, Cell]]:
    return [(name, text) for name, text in (("sha256", sha256), ("md5", md5)) if text]
