"""`info`: what is in a file, told from its beginning; or why it is refused."""

import argparse
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from idxdata.commands.printing import (
    Cell,
    open_console,
    print_facts,
    print_json,
    print_line,
    size_text,
)

if TYPE_CHECKING:
    from rich.console import Console

    from idxdata.commands.file_facts import FileFacts, IdxFacts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `main`."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="raw, gzip, xz, or in a zip archive"
    )
    parser.add_argument(
        "--values",
        action="store_true",
        help="read all of it: the least and the largest value, gzip's members counted",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON list, a file an object"
    )


def main(args: argparse.Namespace) -> int:
    """Print what is in each file; 1 if one is refused.

    Reads only a file's beginning, or with `--values` all: whether the rest is sound,
    `verify` tells.
    """
    from idxdata.commands.file_facts import file_facts

    console = None if args.json else open_console()
    found = []
    for path in args.files:
        facts = file_facts(path, is_whole=args.values)
        found.append(facts)
        if console is not None:
            _print(console, facts)
    if args.json:
        print_json([_json(facts) for facts in found])
    return int(any(facts.refused for facts in found))


def _json(facts: "FileFacts") -> dict[str, Any]:
    found = asdict(facts)
    for array, one in zip(found["arrays"], facts.arrays, strict=True):
        array["ratio"] = one.ratio
    return found


def _print(console: "Console", facts: "FileFacts") -> None:
    print_line(console, facts.path, "bold")
    if facts.refused is not None:
        print_facts(console, [("refused", (facts.refused, "red"))])
        return
    rows: list[tuple[str, Cell]] = [("file", _container_words(facts))]
    for array in facts.arrays:
        if array.member is not None:
            rows.append(("member", (array.member, "bold")))
        rows.append(("IDX", f"{array.dtype} {_dims(array.shape)}"))
        rows.append(("payload", _payload_words(array)))
        rows.append(("first", _values_words(array)))
        if array.minimum is not None:
            rows.append(("range", f"{array.minimum:g} to {array.maximum:g}"))
    if facts.others:
        rows.append(("no IDX", ", ".join(facts.others)))
    print_facts(console, rows)


def _container_words(facts: "FileFacts") -> str:
    words = f"{facts.container}, {size_text(facts.nbytes or 0)}"
    if facts.num_gzip_members is not None:
        count = facts.num_gzip_members
        words += f", {count:,} member{'s' * (count != 1)}"
    header = facts.gzip_header
    if header is not None and header.name is not None:
        words += f", header names {header.name}"
    if header is not None and header.modified_s is not None:
        words += f", {_day(header.modified_s)}"
    return words


def _day(seconds: int) -> str:
    import datetime

    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d}"


def _payload_words(array: "IdxFacts") -> str:
    words = size_text(array.payload_nbytes)
    if array.packed_nbytes != array.header_nbytes + array.payload_nbytes:
        words += f", {array.ratio:.2f} times what it takes here"
    return words


def _values_words(array: "IdxFacts") -> str:
    if array.values is None:
        return "an example is too large to be shown"
    if not array.values:
        return "no values"
    # Of ten rows and more, of examples of several values, not all is shown.
    count = array.shape[0] if len(array.shape) == 1 else math.prod(array.shape[1:])
    words = " ".join(f"{value:g}" for value in array.values)
    if array.num_zeros:
        words = f"{array.num_zeros} zeros, then {words}"
    if count > array.num_zeros + len(array.values):
        words += " ..."
    return words


def _dims(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{dim:,}" for dim in shape)
