"""`verify`: files decoded to their last byte, and compared with what was published."""

import argparse
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from idxdata.catalogue import RECORDS, Record, find
from idxdata.commands.printing import (
    open_console,
    print_json,
    print_line,
    print_table,
)
from idxdata.errors import CatalogueError

if TYPE_CHECKING:
    from rich.console import Console

    from idxdata.commands.verdicts import State, Verdict

_STYLES: dict["State", str] = {
    "published": "green",
    "sound": "",
    "passed over": "dim",
    "differs": "red",
    "damaged": "red",
    "missing": "yellow",
}
_BAD = ("differs", "damaged", "missing")
_SUFFIXES = (".gz", ".xz", ".zip", ".npz", ".npy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `main`."""
    add = parser.add_argument
    add(
        "what",
        nargs="+",
        metavar="FILE|FOLDER|NAME",
        help="a file; a folder, for the files in it; a dataset's name (a folder of that "
        "name is ./NAME)",
    )
    add(
        "--folder", metavar="DIR", help="where a named dataset lies; default: the cache"
    )
    add("--json", action="store_true", help="print one JSON list, a file an object")


def main(args: argparse.Namespace) -> int:
    """Print a line for each file; 1 if one is damaged, missing or another.

    Raises `CatalogueError` for what is no path and no dataset's name, before
    anything is read.
    """
    records = [_record(what) for what in args.what]
    if args.folder is not None and None in records:
        raise ValueError("--folder goes with names of datasets alone")
    console = None if args.json else open_console()
    verdicts: list[Verdict] = []
    for what, record in zip(args.what, records, strict=True):
        if record is None:
            verdicts += _of_path(Path(what))
        else:
            verdicts += _of_record(record, args.folder)
    if console is None:
        print_json([asdict(verdict) for verdict in verdicts])
    else:
        _print(console, verdicts)
    return int(any(verdict.state in _BAD for verdict in verdicts))


def _record(what: str) -> Record | None:
    """The dataset of that name; None for a path, there or not, as `load` decides."""
    if what in RECORDS:
        return RECORDS[what]
    if os.path.lexists(what) or what.endswith(_SUFFIXES) or os.path.isabs(what):
        return None
    try:
        return find(what)
    except CatalogueError:
        first, separator, _ = what.partition("/")
        is_name = any(name.startswith(f"{first}/") for name in RECORDS if first)
        if separator and not is_name:
            return None
        raise


def _of_path(path: Path) -> "list[Verdict]":
    from idxdata.commands.verdicts import Verdict, judge, judge_together

    if not path.is_dir():
        return [judge(path)]
    from idxdata.loading.finding import file_names

    names = file_names(path)
    verdicts = [judge(path / name, is_asked_for=False) for name in names]
    if all(one.state == "passed over" for one in verdicts):
        verdicts.append(Verdict(str(path), "missing", "no data in this folder"))
    return judge_together(verdicts)


def _of_record(record: Record, folder: str | None) -> "Iterator[Verdict]":
    from idxdata.cache import Cache
    from idxdata.commands.verdicts import Verdict
    from idxdata.loading.downloading import default_place
    from idxdata.loading.finding import find_known, missing

    place = default_place(record, Cache()) if folder is None else Path(folder)
    if not record.files:
        if place.is_dir():
            yield from _judged(sorted(place.iterdir()), record)
        else:
            yield Verdict(str(place), "missing", f"{record.name} is not drawn yet")
        return
    found = find_known(record, place)
    yield from _judged(dict.fromkeys(one.path for one in found.values()), record)
    for file in missing(record, found):
        where = record.archives[0].name if record.archives else file.name
        text = f"{record.title} {file.split} {file.role}: not there"
        yield Verdict(str(place / where), "missing", text)


def _judged(paths: Iterable[Path], record: Record) -> "Iterator[Verdict]":
    from idxdata.commands.verdicts import judge

    return (judge(path, record=record) for path in paths)


def _print(console: "Console", verdicts: "list[Verdict]") -> None:
    """A folder after the other, each with the names of its files."""
    for folder, group in groupby(verdicts, lambda verdict: Path(verdict.path).parent):
        print_line(console, str(folder), "bold")
        rows = [
            (_name(one), (one.state, _STYLES[one.state]), one.text) for one in group
        ]
        print_table(console, ("file", "", "what it is"), rows, whole=("",))
    counts = Counter(verdict.state for verdict in verdicts)
    words = (f"{counts[state]} {state}" for state in _STYLES if counts[state])
    print_line(console, ", ".join(words))


def _name(verdict: "Verdict") -> str:
    return Path(verdict.path).name or verdict.path
