"""`list`: the catalogue as a table, or all that it knows of one dataset."""

import argparse
import re
from typing import TYPE_CHECKING

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
    from idxdata.commands.record_facts import record_facts

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
    whole = ("name", "examples", "classes", "size", "where")
    print_table(console, heads, rows, right=("classes", "size"), whole=whole)
    print_line(
        console,
        "examples: train / test, + a third; where: in the cache; all of one: list NAME",
        "dim",
    )


def _cells(record: Record) -> list[Cell]:
    from idxdata.commands.record_facts import num_examples, whereabouts

    _, where = whereabouts(record)
    counts = [_count(count) for count in num_examples(record).values()]
    # "unclear: Keras says ..." in full is in the facts of one.
    license_start = re.split(r"[:;(]", record.license)[0].strip()
    return [
        (record.name, "bold"),
        record.title.partition(":")[0],
        " / ".join(counts[:2]) + " +" * (len(counts) > 2),
        str(len(record.classes)),
        _download(record),
        (where, {"here": "green", "partly": "yellow"}.get(where, "dim")),
        license_start,
    ]


def _count(count: int | None) -> str:
    return "any" if count is None else f"{count:,}"


def _download(record: Record) -> str:
    from idxdata.commands.record_facts import download_nbytes

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
    from idxdata.commands.record_facts import num_examples, python_line, whereabouts

    place, where = whereabouts(record)
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
    from idxdata.commands.record_facts import hash_kind

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
