"""`convert`: examples from one format to another."""

import argparse
import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from idxdata.exchange.content import Content

FORMATS = ("idx", "idx.gz", "npy", "npz", "png", "parquet")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "source",
        metavar="FILE|FOLDER|NAME",
        help="a file, a folder, or a dataset's name",
    )
    add("target", metavar="OUT", help="a file, or a folder")
    add("--labels", metavar="FILE", help="the labels of a file of images")
    add(
        "--to",
        choices=FORMATS,
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)}; default: what OUT's name ends in",
    )
    add("--split", metavar="NAME", help="only this split")
    add("--size", type=_size, metavar="HxW", help="resize pictures, such as 28x28")
    add("--grey", action="store_true", help="pictures to one channel")
    add("--invert", action="store_true", help="swap black and white of pictures")
    add(
        "--force",
        action="store_true",
        help="replace the file OUT; folders are never replaced",
    )
    add("--json", action="store_true", help="print what was written as JSON")


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.lower().replace("×", "x").partition("x")
    try:
        size = int(height), int(width or height)
    except ValueError:
        size = (0, 0)
    if not all(1 <= side <= 65_535 for side in size):
        raise argparse.ArgumentTypeError(f"not a size such as 28x28: {text!r}")
    return size


def main(args: argparse.Namespace) -> int:
    from idxdata.commands.printing import safe
    from idxdata.exchange.writing import guess_format, write_content

    format = args.to or guess_format(args.target)
    if format is None:
        raise ValueError(
            f"{args.target}: the name does not say in which format; add --to "
            f"{', '.join(FORMATS)}"
        )
    _check_places(args)
    content = _open(args)
    write_content(content, args.target, format, force=args.force)
    facts = _facts(content, args.target, format)
    if args.json:
        print(json.dumps(facts))
    else:
        for part in facts["parts"]:
            name = f"{part['split']}: " if part["split"] else ""
            labels = ", labels" if part["has_labels"] else ""
            shape = " × ".join(map(str, part["shape"]))
            print(f"{name}{part['dtype']} {shape}{labels}")
        print(f"{safe(facts['path'])}  ({facts['nbytes']:,} bytes, {format})")
    return 0


def _check_places(args: argparse.Namespace) -> None:
    """Refuse to write over what is read, or over anything unasked."""
    target = os.path.realpath(args.target)
    for source in filter(None, (args.source, args.labels)):
        if not os.path.exists(source):
            continue
        place = os.path.realpath(source)
        if os.path.commonpath([place, target]) in (place, target):
            raise ValueError(f"{args.target}: would be written over {source}")
    if os.path.isdir(target):
        if os.listdir(target):
            raise ValueError(
                f"{args.target}: a folder that is not empty; name a new one"
            )
    elif os.path.lexists(args.target) and not args.force:
        raise ValueError(f"{args.target}: is there already; --force replaces it")


def _open(args: argparse.Namespace) -> "Content":
    """What is to be written, from wherever it comes."""
    from idxdata.exchange.content import Content, Part
    from idxdata.exchange.reading import read_content

    picture = {"size": args.size, "grey": args.grey, "invert": args.invert}
    if os.path.exists(args.source):
        content = read_content(args.source, **picture)
    else:
        content = _from_name(args.source)
        if any(picture.values()):
            raise ValueError("--size, --grey and --invert are for pictures")
    if args.labels is not None:
        if content.single is None:
            raise ValueError(f"{args.source}: --labels is for one array of images")
        labels = read_content(args.labels).single
        if labels is None:
            raise ValueError(f"{args.labels}: not one array of labels")
        content = Content({"": Part(content.single.data, labels.data)})
    if args.split is not None:
        if args.split not in content.parts:
            there = ", ".join(name or "one without a name" for name in content.parts)
            raise ValueError(f"{args.source}: no split {args.split!r}, only {there}")
        content = Content({"": content.parts[args.split]}, content.classes)
    return content


def _from_name(name: str) -> "Content":
    from idxdata.exchange.content import Content, Part
    from idxdata.loading import load

    data = load(name)
    subsets = ("test10k", "test50k")  # of QMNIST: rows of its test split
    parts = {
        split: Part(part.images, part.labels)
        for split, part in data.splits.items()
        if split not in subsets
    }
    return Content(parts, data.classes)


def _facts(content: "Content", target: str, format: str) -> dict[str, Any]:
    nbytes = 0
    if os.path.isdir(target):
        for folder, _, files in os.walk(target):
            nbytes += sum(os.path.getsize(os.path.join(folder, name)) for name in files)
    else:
        nbytes = os.path.getsize(target)
    parts = [
        {
            "split": split,
            "shape": list(part.data.shape),
            "dtype": part.data.dtype.name,
            "has_labels": part.labels is not None,
        }
        for split, part in content.parts.items()
    ]
    classes = None if content.classes is None else list(content.classes)
    return {
        "path": target,
        "format": format,
        "nbytes": nbytes,
        "parts": parts,
        "classes": classes,
    }
