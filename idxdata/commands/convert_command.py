"""`convert`: examples from one format to another."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from idxdata.exchange.content import Content

FORMATS = ("idx", "idx.gz", "npy", "npz", "png", "parquet")

_MAX_SIDE = 65_535
_SUBSETS = ("test10k", "test50k")
"""Of QMNIST: rows of its test split, which is written itself."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from idxdata.commands.numbers import positive

    add = parser.add_argument
    add(
        "inputs",
        nargs="+",
        metavar="FILE|FOLDER|NAME",
        help="a file, a folder, or a dataset's name; several pictures; a file of images "
        "and one of their labels",
    )
    add("target", type=_path, metavar="OUT", help="a file, or a folder")
    add("--labels", metavar="FILE", help="the labels of a file of images")
    add(
        "--to",
        choices=FORMATS,
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)}; default: what OUT's name ends in, else idx for what "
        "is not IDX yet",
    )
    add(
        "--split",
        metavar="NAME",
        help="only this split; or a name for what has none",
    )
    add(
        "--size",
        type=_size,
        metavar="HxW",
        help="resize pictures, such as 28x28; their sides keep their ratio",
    )
    add(
        "--shards",
        type=positive,
        metavar="N",
        help="IDX files in N parts each, as even as can be; `load` takes their folder",
    )
    add("--grey", action="store_true", help="pictures to one channel")
    add("--invert", action="store_true", help="swap black and white of pictures")
    add(
        "--force",
        action="store_true",
        help="replace the file OUT; folders are never replaced",
    )
    add("--json", action="store_true", help="print what was written as JSON")


def _path(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text


def _size(text: str) -> tuple[int, int]:
    sides = text.lower().replace("×", "x").split("x")
    if len(sides) == 1:
        sides *= 2
    if len(sides) == 2 and all(side.isascii() and side.isdecimal() for side in sides):
        height, width = map(int, sides)
        if 1 <= height <= _MAX_SIDE and 1 <= width <= _MAX_SIDE:
            return height, width
    raise argparse.ArgumentTypeError(f"not a size such as 28x28: {text!r}")


def main(args: argparse.Namespace) -> int:
    """Write OUT; say its parts and its size, notices on standard error."""
    import sys

    from idxdata.commands.printing import print_json, safe
    from idxdata.exchange.publishing import check_target
    from idxdata.exchange.writing import write_content

    format = _format(args)
    # Before what may take minutes.
    _check_places(args)
    check_target(Path(args.target), force=args.force)
    if args.shards is not None and not format.startswith("idx"):
        raise ValueError(f"--shards goes with --to idx or idx.gz, not with {format}")
    content = write_content(
        _open(args),
        args.target,
        format,
        force=args.force,
        num_shards=args.shards,
    )
    facts = _facts(content, args.target, format)
    if args.json:
        print_json(facts)
        return 0
    for notice in content.notices:
        print(f"note: {safe(notice)}", file=sys.stderr)
    for part in facts["parts"]:
        name = f"{part['split']}: " if part["split"] else ""
        labels = ", labels" if part["has_labels"] else ""
        shape = " × ".join(map(str, part["shape"]))
        print(f"{name}{part['dtype']} {shape}{labels}")
    print(f"{safe(facts['path'])}  ({facts['nbytes']:,} bytes, {format})")
    return 0


def _format(args: argparse.Namespace) -> Any:
    """What `--to` says or OUT's name; else IDX for what is not IDX, and for shards.

    Raises `ValueError` where they do not say, or say two things.
    """
    from idxdata.exchange.writing import guess_format

    told = guess_format(args.target)
    is_plain = args.to is None and told is None
    if is_plain and (args.shards is not None or not _is_idx(args.inputs)):
        return "idx"
    if is_plain:
        raise ValueError(
            f"{args.target}: the name does not say in which format; add --to "
            f"{', '.join(FORMATS)}"
        )
    if told is not None and args.to not in (None, told):
        raise ValueError(f"{args.target}: the name says {told}, --to {args.to}")
    return args.to or told


def _is_idx(inputs: Sequence[str]) -> bool:
    """Whether all is IDX: named datasets are. Raises what `kind_of` does."""
    from idxdata.exchange.reading import kind_of

    return all(_is_name(name) or kind_of(Path(name)) == "idx" for name in inputs)


def _is_name(text: str) -> bool:
    """Whether a dataset of the catalogue is meant; not by what ends as files do."""
    from idxdata.catalogue import RECORDS
    from idxdata.exchange.writing import guess_format

    is_file = os.path.exists(text) or guess_format(text) is not None
    return text in RECORDS or not is_file


def _check_places(args: argparse.Namespace) -> None:
    """Refuse to write over what is read, or into it. Raises `ValueError`."""
    target = os.path.realpath(args.target)
    for source in filter(None, (*args.inputs, args.labels)):
        place = os.path.realpath(source)
        is_apart = os.path.commonpath([place, target]) not in (place, target)
        if os.path.exists(source) and not is_apart:
            raise ValueError(f"{args.target}: would be written over {source}")


def _open(args: argparse.Namespace) -> "Content":
    """What is to be written, from wherever it comes."""
    from idxdata.exchange.pixels import PictureOptions
    from idxdata.exchange.reading import altered_content, read_content

    first, *others = args.inputs
    if _is_name(first) and not others:
        if args.labels is not None:
            raise ValueError(f"{first}: has labels, so --labels does not go with it")
        options = PictureOptions(args.size, args.grey, args.invert)
        content = altered_content(_from_name(first), options, first)
    else:
        content = read_content(
            *args.inputs,
            labels=args.labels,
            size=args.size,
            grey=args.grey,
            invert=args.invert,
        )
    return content if args.split is None else _split(content, args.split, first)


def _split(content: "Content", wanted: str, source: str) -> "Content":
    """That part alone, under its name; what has no name gets it."""
    from idxdata.exchange.content import UNNAMED, Content, split_name

    name = split_name(wanted)
    parts = content.parts
    if name not in parts and UNNAMED not in parts:
        raise ValueError(f"{source}: no split {wanted!r}, only {', '.join(parts)}")
    part = parts[name] if name in parts else parts[UNNAMED]
    return Content({name: part}, content.classes, content.notices)


def _from_name(name: str) -> "Content":
    from idxdata.exchange.content import Content, Part
    from idxdata.loading import load

    data = load(name)
    parts = {
        split: Part(*part.to_numpy())
        for split, part in data.splits.items()
        if split not in _SUBSETS
    }
    return Content(parts, data.classes)


def _facts(content: "Content", target: str, format: str) -> dict[str, Any]:
    files = [Path(target)]
    if os.path.isdir(target):
        files = [path for path in Path(target).rglob("*") if path.is_file()]
    parts = [
        {
            "split": split,
            "shape": list(part.data.shape),
            "dtype": part.data.dtype.name,
            "has_labels": part.labels is not None,
            "labels_dtype": None if part.labels is None else part.labels.dtype.name,
        }
        for split, part in content.parts.items()
    ]
    return {
        "path": target,
        "format": format,
        "nbytes": sum(path.stat().st_size for path in files),
        "num_files": len(files),
        "parts": parts,
        "classes": None if content.classes is None else list(content.classes),
        "notices": list(content.notices),
    }
