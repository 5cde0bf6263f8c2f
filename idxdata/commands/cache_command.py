"""`cache`: what has been decoded once and is kept; whether it is sound; less of it."""

import argparse
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from idxdata.commands.printing import (
    Cell,
    open_console,
    print_json,
    print_line,
    print_table,
    safe,
    size_text,
)

if TYPE_CHECKING:
    from rich.console import Console

    from idxdata.cache import Cache
    from idxdata.caching.sweeping import CacheEntry
    from idxdata.caching.verifying import CacheCheck

_SIZES = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "t": 1000**4}
_BINARY_SIZES = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_STYLES = {"sound": "", "repaired": "yellow", "damaged": "red"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `main`."""
    add = parser.add_argument
    add(
        "action",
        choices=("list", "verify", "prune", "where"),
        help="list: the entries; verify: hash them again and mend them; prune: delete "
        "what killed processes left, and entries by --max-size and --older-than; where: "
        "the folder, which the environment variable IDXDATA_CACHE sets",
    )
    add(
        "--max-size",
        type=size,
        metavar="SIZE",
        help="prune: the least recently used go until the rest takes no more: 500MB, 2GB",
    )
    add(
        "--older-than",
        type=duration,
        metavar="TIME",
        help="prune: those that nobody used for so long go: 12h, 30d, 8w",
    )
    add("--dry-run", action="store_true", help="prune: only tell which would go")
    add("--json", action="store_true", help="print one JSON value")


def main(args: argparse.Namespace) -> int:
    """Do what `args.action` says; 1 if `verify` finds what cannot be mended.

    Raises `CacheError` where the folder cannot be used; `ValueError` for the options
    of `prune` with something else.
    """
    from idxdata.cache import Cache

    options = (args.max_size, args.older_than, args.dry_run)
    if args.action != "prune" and options != (None, None, False):
        raise ValueError("--max-size, --older-than, --dry-run go with cache prune")
    cache = Cache()
    match args.action:
        case "list":
            _list(cache, args.json)
        case "verify":
            return _verify(cache, args.json)
        case "prune":
            _prune(cache, args)
        case "where":
            folder = str(cache.folder)
            print_json({"folder": folder}) if args.json else print(safe(folder))
    return 0


def size(text: str) -> int:
    """Bytes, of "1000", "500MB", "2 GB", "1.5GiB"."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kmgt]?)(i?)b?", text.lower())
    if match is None or (match[3] and not match[2]):
        raise argparse.ArgumentTypeError(f"expected such as 500MB, 2GB, found {text!r}")
    units = _BINARY_SIZES if match[3] else _SIZES
    return int(float(match[1]) * units[match[2]])


def duration(text: str) -> float:
    """Seconds, of "90s", "15m", "12h", "30d", "8w"."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([smhdw])", text.lower())
    if match is None:
        raise argparse.ArgumentTypeError(f"expected such as 12h, 30d, found {text!r}")
    return float(match[1]) * _SECONDS[match[2]]


def _list(cache: "Cache", has_json: bool) -> None:
    entries = cache.entries()
    if has_json:
        print_json([asdict(entry) for entry in entries])
        return
    console = open_console()
    heads = ("made of", "array", "size", "last used", "")
    whole = ("array", "size", "last used", "")
    for folder, group in groupby(entries, lambda entry: Path(entry.source).parent):
        print_line(console, str(folder), "bold")
        print_table(console, heads, map(_row, group), right=("size",), whole=whole)
    print_line(console, _total(entries, "in", cache))


def _row(entry: "CacheEntry") -> tuple[Cell, ...]:
    return (
        Path(entry.source).name,
        f"{entry.dtype} {' x '.join(map(str, entry.shape))}",
        size_text(entry.nbytes),
        _ago(time.time() - entry.last_used_s),
        ("in use", "green") if entry.is_in_use else "",
    )


def _ago(seconds: float) -> str:
    """Uses are known to an hour."""
    hours = int(seconds // 3600)
    if hours < 1:
        return "this hour"
    if hours < 48:
        return f"{hours} h ago"
    return f"{hours // 24} days ago"


def _total(entries: "tuple[CacheEntry, ...]", words: str, cache: "Cache") -> str:
    count = f"{len(entries)} entr{'y' if len(entries) == 1 else 'ies'}"
    nbytes = sum(entry.nbytes for entry in entries)
    return f"{count}, {size_text(nbytes)}, {words} {cache.folder}"


def _verify(cache: "Cache", has_json: bool) -> int:
    console = None if has_json else open_console()
    sources = {entry.name: entry.source for entry in cache.entries()}
    checks = cache.verify()
    if console is None:
        print_json(
            [asdict(check) | {"source": sources.get(check.entry)} for check in checks]
        )
    else:
        _print_checks(console, checks, sources)
        bad = sum(check.state != "sound" for check in checks)
        print_line(console, f"{len(checks)} checked, {bad} not sound, {cache.folder}")
    return int(any(check.state == "damaged" for check in checks))


def _print_checks(
    console: "Console", checks: "Iterable[CacheCheck]", sources: Mapping[str, str]
) -> None:
    for check in checks:
        # What a damaged entry was made of it may no longer tell.
        name = sources.get(check.entry, f"entry {check.entry}")
        reason = "" if check.reason is None else f": {check.reason}"
        print_line(console, f"{check.state}, {name}{reason}", _STYLES[check.state])


def _prune(cache: "Cache", args: argparse.Namespace) -> None:
    limits = {"max_bytes": args.max_size, "older_than": args.older_than}
    if args.dry_run:
        gone = surplus(cache.entries(), **limits)
    else:
        gone = cache.prune(**limits)
    if args.json:
        print_json([asdict(entry) for entry in gone])
        return
    verb = "would delete" if args.dry_run else "deleted"
    for entry in gone:
        print(safe(f"{verb} {size_text(entry.nbytes)}, made of {entry.source}"))
    words = "to be deleted from" if args.dry_run else "deleted from"
    print(safe(_total(gone, words, cache)))


def surplus(
    entries: "tuple[CacheEntry, ...]",
    *,
    max_bytes: int | None,
    older_than: float | None,
) -> "tuple[CacheEntry, ...]":
    """Those of `entries`, least recently used first, that `Cache.prune` would delete."""
    left = sum(entry.nbytes for entry in entries)
    gone = []
    for entry in entries:
        age = time.time() - entry.last_used_s
        is_old = older_than is not None and age > older_than
        is_too_much = max_bytes is not None and left > max_bytes
        if (is_old or is_too_much) and not entry.is_in_use:
            gone.append(entry)
            left -= entry.nbytes
    return tuple(gone)
