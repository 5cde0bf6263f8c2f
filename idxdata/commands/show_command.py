"""`show`: examples as pictures of characters in the terminal, or on a sheet, a PNG."""

import argparse
import math
import os
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from idxdata.commands.printing import (
    open_console,
    print_json,
    print_line,
    print_stripped,
    safe,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console

    from idxdata.commands.choosing import Example
    from idxdata.commands.opening import Opened, Part

_NUM_SHOWN, _NUM_ON_SHEET = 10, 100
"""Where nothing says how many."""

_SHEET_COLUMNS = 10
_MAX_NAME = 24
_GAP = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `main`."""
    from idxdata.commands.numbers import positive, rows

    add = parser.add_argument
    add(
        "what",
        metavar="FILE|FOLDER|NAME",
        help="a file of images, a folder, or a dataset's name",
    )
    add("--split", metavar="SPLIT", help="of a dataset; default: train")
    add(
        "--rows",
        type=rows,
        metavar="ROWS",
        help="such as 0:20, or 5,7,9, or -10: (as --rows=-10:); default: the first "
        f"{_NUM_SHOWN}, on a sheet {_NUM_ON_SHEET}",
    )
    add(
        "--class",
        dest="classes",
        action="append",
        default=[],
        metavar="CLASS",
        help="only of this class, by name or label; may be given again for another",
    )
    add(
        "--misfits",
        action="store_true",
        help="the farthest from the mean image of their class first",
    )
    add("--per-class", type=positive, metavar="N", help="N of each class, row by row")
    add("--count", type=positive, metavar="N", help="no more than N in all")
    add("--labels", metavar="FILE", help="the labels of a file of images")
    add("--member", metavar="PATH", help="the file meant in a zip archive")
    add(
        "--png",
        metavar="OUT",
        help="write a sheet of the pictures there, and print none",
    )
    add("--force", action="store_true", help="replace what is at OUT")
    add(
        "--width",
        type=positive,
        default=28,
        metavar="N",
        help="columns of the terminal for a picture: wider ones are made smaller; "
        "default 28",
    )
    add("--offline", action="store_true", help="fetch nothing")
    add("--json", action="store_true", help="print which, as one JSON object")


def main(args: argparse.Namespace) -> int:
    """Show what is asked for. Raises what `open_examples` and `choose` do."""
    from idxdata.commands.choosing import choose
    from idxdata.commands.opening import open_examples

    if args.png is not None and os.path.lexists(args.png) and not args.force:
        raise ValueError(f"{args.png}: is there already; --force replaces it")
    console = None if args.json or args.png is not None else open_console()
    opened = open_examples(
        args.what, labels=args.labels, member=args.member, offline=args.offline
    )
    split, part = _split(opened, args.split)
    images = _pictures(opened.name, part)
    examples = choose(opened, part, _choice(args))
    facts: dict[str, Any] = {"name": opened.name, "split": split, "png": args.png}
    title = f"{opened.name} {split}" if len(opened.parts) > 1 else opened.name
    if args.png is not None:
        size = _save(args, title, opened, images, examples)
        facts |= {"width": size[0], "height": size[1]}
    if args.json:
        print_json(facts | {"examples": _facts(opened, examples)})
    elif args.png is not None:
        words = f"{len(examples)} of {len(images):,} images, {size[0]} x {size[1]}"
        print(safe(f"{args.png}: {words}"))
    elif console is not None:
        words = f"{title}, {len(examples)} of {len(images):,}"
        print_line(console, words + ", misfits first" * args.misfits, "bold")
        _print(console, args, opened, images, examples)
    return 0


def _split(opened: "Opened", name: str | None) -> "tuple[str, Part]":
    """Raises `ValueError` if there is no such split."""
    name = next(iter(opened.parts)) if name is None else name
    if name not in opened.parts:
        there = ", ".join(opened.parts)
        raise ValueError(f"{opened.name}: no split {name!r}, only {there}")
    return name, opened.parts[name]


def _pictures(name: str, part: "Part") -> "NDArray[Any]":
    """The images as (n, h, w) or (n, h, w, 3). Raises `DatasetError` for all else."""
    from idxdata.errors import DatasetError

    images = part.images
    if images is None:
        raise DatasetError(f"{name}: these are labels, not images")
    has_pixels = images.ndim > 1 and 0 not in images.shape[1:]
    is_grey = images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 1)
    is_rgb = images.ndim == 4 and images.shape[3] == 3
    if images.dtype != "uint8" or not has_pixels or not (is_grey or is_rgb):
        raise DatasetError(
            f"{name} cannot be shown as pictures",
            expected="uint8 of shape (n, h, w), or (n, h, w, 3) for colour",
            found=f"{images.dtype.name} of shape {images.shape}",
        )
    return images[..., 0] if images.ndim == 4 and is_grey else images


def _choice(args: argparse.Namespace) -> Any:
    from idxdata.commands.choosing import Choice

    count = args.count
    if count is None and args.rows is None and args.per_class is None:
        count = _NUM_SHOWN if args.png is None else _NUM_ON_SHEET
    return Choice(
        rows=args.rows,
        classes=args.classes,
        is_misfits=args.misfits,
        per_class=args.per_class,
        count=count,
    )


def _facts(opened: "Opened", examples: "Iterable[Example]") -> list[dict[str, Any]]:
    return [
        {
            "index": one.index,
            "label": one.label,
            "class": None if one.label is None else opened.classes[one.label],
            "distance": one.distance,
        }
        for one in examples
    ]


def _caption(opened: "Opened", example: "Example") -> str:
    """Such as "12: 7", or "12" where there are no labels."""
    if example.label is None:
        return f"{example.index}"
    return f"{example.index}: {_name(opened, example.label)}"


def _name(opened: "Opened", label: int) -> str:
    name = safe(opened.classes[label])
    return name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…"


def _save(
    args: argparse.Namespace,
    title: str,
    opened: "Opened",
    images: "NDArray[Any]",
    examples: "Sequence[Example]",
) -> tuple[int, int]:
    from idxdata.commands.sheet import MAX_PICTURES, Tile, save_sheet

    if len(examples) > MAX_PICTURES:
        raise ValueError(
            f"{len(examples):,} pictures are too many for a sheet: at most "
            f"{MAX_PICTURES:,}: add --count"
        )
    rows: list[tuple[str, list[Tile]]] = []
    if args.per_class is not None:
        for label, group in groupby(examples, lambda one: one.label or 0):
            tiles = [Tile(images[one.index], str(one.index)) for one in group]
            rows.append((_name(opened, label), tiles))
    else:
        tiles = [Tile(images[one.index], _caption(opened, one)) for one in examples]
        across = max(_SHEET_COLUMNS, math.isqrt(len(tiles)))
        for start in range(0, len(tiles), across):
            rows.append(("", tiles[start : start + across]))
    return save_sheet(args.png, safe(title) + ", misfits first" * args.misfits, rows)


def _print(
    console: "Console",
    args: argparse.Namespace,
    opened: "Opened",
    images: "NDArray[Any]",
    examples: "Sequence[Example]",
) -> None:
    """As many side by side as fit; with `--per-class` each class begins a line."""
    width = images.shape[2]
    width = max(1, width // -(-width // args.width))
    per_line = max(1, (console.width + _GAP) // (width + _GAP))
    groups: list[list[Example]] = [list(examples)]
    if args.per_class is not None:
        groups = [list(group) for _, group in groupby(examples, lambda one: one.label)]
    for group in groups:
        for start in range(0, len(group), per_line):
            _print_line(console, opened, images, group[start : start + per_line], width)


def _print_line(
    console: "Console",
    opened: "Opened",
    images: "NDArray[Any]",
    examples: "Sequence[Example]",
    width: int,
) -> None:
    from rich.table import Table
    from rich.text import Text

    from idxdata.terminal import picture

    grid = Table.grid(padding=(0, _GAP, 0, 0))
    for _ in examples:
        grid.add_column(width=width, no_wrap=True)
    has_colour = console.color_system is not None
    grid.add_row(
        *(
            picture(images[one.index], has_colour=has_colour, max_width=width)
            for one in examples
        )
    )
    grid.add_row(
        *(
            Text(_caption(opened, one), "dim", overflow="ellipsis", no_wrap=True)
            for one in examples
        )
    )
    if has_colour:
        console.print(grid)
    else:
        print_stripped(console, grid)
