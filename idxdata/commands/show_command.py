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
    safe,
)

if TYPE_CHECKING:
    from rich.console import Console

    from idxdata.commands.choosing import Example
    from idxdata.commands.opening import Opened, Part
    from idxdata.sharding import Images

_NUM_SHOWN, _NUM_ON_SHEET = 20, 100
"""Where nothing says how many."""

_NUM_OF_CLASS = 2
"""Where nothing at all is said, and that is of all classes no more than _NUM_SHOWN."""

_SHEET_COLUMNS = 10


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
        help="such as 0:20, or 5,7,9, or -10: (as --rows=-10:); default: "
        f"{_NUM_OF_CLASS} of each class or the first {_NUM_SHOWN}, on a sheet the "
        f"first {_NUM_ON_SHEET}",
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
    examples = choose(opened, part, _choice(args, opened, part))
    title = f"{opened.name} {split}" if len(opened.parts) > 1 else opened.name
    title += ", misfits first" * args.misfits
    facts = {"name": opened.name, "note": opened.note, "split": split, "png": args.png}
    size = None
    if args.png is not None:
        size = _save(args, title, opened, images, examples)
        facts |= {"width": size[0], "height": size[1]}
    if args.json:
        print_json(facts | {"examples": _facts(opened, examples)})
        return 0
    words = f"{len(examples)} of {len(images):,}"
    if size is not None:
        print(safe(f"{args.png}: {words} images, {size[0]} x {size[1]}"))
        print(safe(opened.note), end="\n" if opened.note else "")
    elif console is not None:
        print_line(console, f"{title}, {words}", "bold")
        _print(console, args, opened, images, examples)
    return 0


def _split(opened: "Opened", name: str | None) -> "tuple[str, Part]":
    """Raises `ValueError` if there is no such split."""
    name = next(iter(opened.parts)) if name is None else name
    if name not in opened.parts:
        there = ", ".join(opened.parts)
        raise ValueError(f"{opened.name}: no split {name!r}, only {there}")
    return name, opened.parts[name]


def _pictures(name: str, part: "Part") -> "Images":
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
    return images.reshape(images.shape[:3]) if images.ndim == 4 and is_grey else images


def _choice(args: argparse.Namespace, opened: "Opened", part: "Part") -> Any:
    from idxdata.commands.choosing import Choice

    count, per_class = args.count, args.per_class
    if count is None and args.rows is None and per_class is None:
        is_few = _NUM_OF_CLASS * len(opened.classes) <= _NUM_SHOWN
        if args.png is not None:
            count = _NUM_ON_SHEET
        elif part.labels is None or args.classes or args.misfits or not is_few:
            count = _NUM_SHOWN
        else:
            per_class = _NUM_OF_CLASS
    return Choice(
        rows=args.rows,
        classes=args.classes,
        is_misfits=args.misfits,
        per_class=per_class,
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


def _save(
    args: argparse.Namespace,
    title: str,
    opened: "Opened",
    images: "Images",
    examples: "Sequence[Example]",
) -> tuple[int, int]:
    from idxdata.commands.captions import caption, class_name
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
            rows.append((class_name(opened, label), tiles))
    else:
        tiles = [Tile(images[one.index], caption(opened, one)) for one in examples]
        across = max(_SHEET_COLUMNS, math.isqrt(len(tiles)))
        for start in range(0, len(tiles), across):
            rows.append(("", tiles[start : start + across]))
    return save_sheet(args.png, safe(title), rows)


def _print(
    console: "Console",
    args: argparse.Namespace,
    opened: "Opened",
    images: "Images",
    examples: "Sequence[Example]",
) -> None:
    from idxdata.commands.side_by_side import print_pictures

    if opened.note:
        print_line(console, opened.note, "dim")
    print_pictures(
        console,
        opened,
        images,
        examples,
        max_width=args.width,
        is_by_class=args.per_class is not None,
    )
