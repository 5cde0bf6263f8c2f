"""`stats`: how labels are spread, pixels in numbers, examples that are there twice."""

import argparse
from typing import TYPE_CHECKING

from idxdata.commands.printing import (
    Cell,
    open_console,
    print_facts,
    print_json,
    print_line,
    print_table,
)

if TYPE_CHECKING:
    from rich.console import Console

    from idxdata.commands.repeats import Repeats
    from idxdata.commands.split_facts import DataFacts, SplitFacts

_MAX_CLASSES = 100
_MAX_BAR, _MIN_BAR = 24, 4
_NUM_ROWS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `main`."""
    add = parser.add_argument
    add(
        "what",
        metavar="FILE|FOLDER|NAME",
        help="a file of images or of labels, a folder, or a dataset's name",
    )
    add("--labels", metavar="FILE", help="the labels of a file of images")
    add("--member", metavar="PATH", help="the file meant in a zip archive")
    add("--offline", action="store_true", help="fetch nothing")
    add("--json", action="store_true", help="print one JSON object")


def main(args: argparse.Namespace) -> int:
    """Print the figures. Raises what `open_examples` does."""
    console = None if args.json else open_console()

    from idxdata.commands.opening import open_examples
    from idxdata.commands.split_facts import data_facts

    facts = data_facts(
        open_examples(
            args.what, labels=args.labels, member=args.member, offline=args.offline
        )
    )
    if console is None:
        print_json(facts.to_json())
    else:
        _print(console, facts)
    return 0


def _print(console: "Console", facts: "DataFacts") -> None:
    splits = facts.splits
    title = facts.name
    if facts.classes:
        title += f", {len(facts.classes)} class{'es' * (len(facts.classes) != 1)}"
    print_line(console, title, "bold")
    if facts.note:
        print_line(console, facts.note, "dim")
    print()
    rows = _rows(list(splits.values()))
    print_table(console, ("", *splits), rows, right=tuple(splits))
    notes = _notes(facts)
    if notes:
        print()
        print_facts(console, notes, indent=0)
    if any(one.label_counts for one in splits.values()):
        print()
        _print_labels(console, facts)


def _rows(splits: "list[SplitFacts]") -> list[list[Cell]]:
    rows: list[list[Cell]] = [["examples", *(f"{one.count:,}" for one in splits)]]
    if any(one.shape is not None for one in splits):
        rows.append(["image", *map(_image_words, splits)])
    if any(one.pixels is not None for one in splits):
        is_scaled = any(one.pixels and one.pixels.scale != 1 for one in splits)
        unit = " of pixels / 255" if is_scaled else " of pixels"
        rows += [
            [f"{name}{unit}", *_pixel_words(splits, name)] for name in ("mean", "std")
        ]
        names = ("pixels", "ink", "least ink", "most ink", "blank images")
        rows += [[name, *_pixel_words(splits, name)] for name in names]
        rows.append(["duplicates", *(_repeat_words(one.duplicates) for one in splits)])
    return rows


def _image_words(facts: "SplitFacts") -> str:
    if facts.shape is None:
        return "-"
    return f"{facts.dtype} {' x '.join(map(str, facts.shape))}"


def _pixel_words(splits: "list[SplitFacts]", name: str) -> list[str]:
    words = []
    for one in splits:
        pixels = one.pixels
        if pixels is None:
            words.append("-")
            continue
        least, most = pixels.least_ink, pixels.most_ink
        told = {
            "mean": " ".join(map(_number, pixels.mean)),
            "std": " ".join(map(_number, pixels.std)),
            "pixels": f"{pixels.minimum:g} to {pixels.maximum:g}",
            "ink": f"{pixels.ink:.1f}",
            "least ink": f"{least[0]:.1f}, row {least[1]}",
            "most ink": f"{most[0]:.1f}, row {most[1]}",
            "blank images": f"{len(pixels.blank):,}",
        }
        words.append(told[name])
    return words


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.6g}"


def _repeat_words(found: "Repeats | None") -> str:
    if found is None:
        return "-"
    words = f"{found.count:,}"
    if found.num_conflicts:
        words += f", {found.num_conflicts:,} labelled otherwise"
    return words


def _notes(facts: "DataFacts") -> list[tuple[str, Cell]]:
    """What goes across splits, the first of what is listed, and a line to copy."""
    notes: list[tuple[str, Cell]] = []
    for (split, other), found in facts.overlaps.items():
        words = f"{found.count:,} of {split} are in {other} too"
        if found.num_conflicts:
            words += f", {found.num_conflicts:,} labelled otherwise"
        notes.append(("overlap", words + _pairs(found)))
    for name, one in facts.splits.items():
        if one.duplicates is not None and one.duplicates.pairs:
            words = _repeat_words(one.duplicates) + _pairs(one.duplicates)
            notes.append((f"duplicates of {name}", words))
        if one.pixels is not None and len(one.pixels.blank):
            rows = ", ".join(map(str, one.pixels.blank[:_NUM_ROWS]))
            notes.append((f"blank in {name}", f"rows {rows}"))
    pixels = next(iter(facts.splits.values())).pixels
    if pixels is not None and pixels.scale != 1:
        mean, std = (
            ", ".join(map(_number, values)) for values in (pixels.mean, pixels.std)
        )
        notes.append(("to normalise", f"mean=[{mean}], std=[{std}], of pixels / 255"))
    return notes


def _pairs(found: "Repeats") -> str:
    """The first pairs, such as ": 20 is 4, 21 is 3"."""
    pairs = ", ".join(f"{row} is {first}" for row, first in found.pairs)
    return f": {pairs}" if pairs else ""


def _print_labels(console: "Console", facts: "DataFacts") -> None:
    """A line for each class: how many there are, their share, and that as a bar."""
    from idxdata.terminal import bar, percent

    splits = {name: one for name, one in facts.splits.items() if one.label_counts}
    shares = {name: _shares(one) for name, one in splits.items()}
    largest = max(max(values) for values in shares.values()) or 1.0
    longest = max(map(len, facts.classes))
    free = (console.width - min(longest, 20)) // len(splits) - len(
        "60,000   10.0 %      "
    )
    width = max(_MIN_BAR, min(_MAX_BAR, free))
    heads = ["class", *(head for name in splits for head in (name, "", ""))]
    rows = []
    for label, name in enumerate(facts.classes[:_MAX_CLASSES]):
        cells: list[Cell] = [name]
        for split, one in splits.items():
            share = shares[split][label]
            count = (one.label_counts or ())[label]
            cells += [
                f"{count:,}",
                percent(share),
                (bar(share / largest, width), "cyan"),
            ]
        rows.append(cells)
    print_table(console, heads, rows, right=tuple(splits), whole=("",))
    if len(facts.classes) > _MAX_CLASSES:
        left = len(facts.classes) - _MAX_CLASSES
        print_line(console, f"and {left:,} more classes: --json tells all", "dim")


def _shares(facts: "SplitFacts") -> list[float]:
    counts = facts.label_counts or ()
    return [count / max(1, facts.count) for count in counts]
