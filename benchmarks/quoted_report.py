"""What quoted recipes reached: a table of the rows that are kept, and pictures of them.

`python -m benchmarks.quoted_report --data mnist`. For each recipe the rows of its last
numbers count. Writes into a folder, `build/quoted` unless told otherwise: the table as
Markdown; of each committee the curve of its error against its members; and the test
images that it gets wrong. Rows of other data than that at hand are left out. Images are
never part of the project, so these pictures are made where they are looked at.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.report.console import print_table
from benchmarks.report.drawing import COLOURS, WRONG, Chart, panel, png_bytes, style
from benchmarks.run_loop import new_console
from idxdata import Dataset, IdxDataError, load
from idxdata.atomic import atomic_write
from idxdata.terminal import duration, percent
from trainers.errors import QuotedError
from trainers.quoted.rows import QuotedRow, is_by_same_numbers, read_rows

COLUMNS = ("name", "quoted", "reached", "how", "time", "spread")
_ACROSS = 8
"""Images beside each other."""


def last_rows(
    rows: Sequence[QuotedRow], data: str
) -> dict[tuple[str, str], list[QuotedRow]]:
    """Those that the test set judged, by name and loop; a seed's last one.

    `data`: the digest of the dataset, rows of others are left out. Of rows by several
    numbers of a recipe only those by the last numbers are kept.
    """
    judged = [row for row in rows if row.num_test and row.data == data]
    judged.sort(key=lambda row: row.started)
    newest = {row.name: row for row in judged}
    groups: dict[tuple[str, str], dict[tuple[int, ...], QuotedRow]] = {}
    for row in judged:
        if is_by_same_numbers(row, newest[row.name]):
            key = (row.name, row.details.get("loop", ""))
            groups.setdefault(key, {})[tuple(row.seeds)] = row
    return {key: list(found.values()) for key, found in sorted(groups.items())}


def cells(name: str, loop: str, rows: Sequence[QuotedRow]) -> tuple[str, ...]:
    """A line for `COLUMNS`."""
    errors = [row.num_wrong / row.num_judged for row in rows]
    mean = _percent(statistics.fmean(errors))
    row = rows[0]
    wrong = sorted(one.num_wrong for one in rows)
    if len(rows) > 1:
        reached = f"{mean} wrong, mean of {len(rows)} seeds"
        deviation = _percent(statistics.stdev(errors))
        spread = f"{wrong[0]} to {wrong[-1]} of {row.num_judged:,}, sd {deviation}"
    else:
        reached = f"{mean} wrong, {wrong[0]} of {row.num_judged:,}"
        spread = _of_members(row)
    wall_s = statistics.median(one.wall_s for one in rows)
    cpu_s = statistics.median(one.cpu_s for one in rows)
    each = " each" if len(rows) > 1 else ""
    return (
        f"{name} {loop}".strip(),
        f"{_percent(row.recipe['quoted_error'])} wrong",
        reached,
        row.how,
        f"{duration(wall_s)}, CPU {duration(cpu_s)}{each}",
        spread,
    )


def markdown(lines: Sequence[tuple[str, ...]]) -> str:
    """A table."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def curve(row: QuotedRow) -> Chart:
    """Images wrong, of the test and held out, against the number of members."""
    figure, axes = panel(width=6.5, height=3.6)
    parts = [("test", row.details, row.num_test, COLOURS[0])]
    held_out = row.held_out
    if held_out is not None and "wrong_of_first" in held_out.get("details", {}):
        parts.append(("held out", held_out["details"], held_out["num_examples"], WRONG))
    for name, details, count, colour in parts:
        first, each = (
            100 * np.array(details[part]) / count
            for part in ("wrong_of_first", "wrong_of_each")
        )
        members = np.arange(1, len(first) + 1)
        axes.plot(members, first, color=colour, lw=1.7, label=f"{name}, together")
        axes.plot(
            members,
            each,
            ".",
            color=colour,
            ms=4,
            alpha=0.5,
            label=f"{name}, each alone",
        )
    quoted = 100 * row.recipe["quoted_error"]
    axes.axhline(quoted, color=COLOURS[2], ls="--", lw=1.2, label="quoted")
    axes.set(xlabel="members", ylabel="wrong, %", ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid()
    axes.legend(ncols=2, fontsize=8)
    axes.set_title(f"{row.name}: errors against members")
    return Chart(
        f"{row.name}-curve",
        "Errors of the first 1, 2, 3 ... members together, and of each alone",
        figure,
    )


def wrong_images(row: QuotedRow, dataset: Dataset) -> Chart:
    """The test images that are wrong, each with its number, label and what is said.

    `dataset` is the row's. Raises `QuotedError` if it has other images or classes.
    """
    highest = max(row.details.get("said", []), default=0)
    if row.num_test != len(dataset.test) or highest >= len(dataset.classes):
        raise QuotedError(
            f"a row of {row.name} is not of {dataset.name}",
            expected=f"{len(dataset.test)} images of {len(dataset.classes)} classes",
            found=f"{row.num_test} images, class {highest}",
        )
    images, labels = dataset.test[np.array(row.wrong)].to_numpy()
    said = row.details.get("said", [None] * len(images))
    num_rows = max(1, -(-len(images) // _ACROSS))
    figure = Figure(figsize=(1.15 * _ACROSS, 1.5 * num_rows), layout="constrained")
    all_axes = list(figure.subplots(num_rows, _ACROSS, squeeze=False).flat)
    for axes in all_axes:
        axes.axis("off")
    for axes, image, label, other, index in zip(
        all_axes, images, labels, said, row.wrong, strict=False
    ):
        axes.imshow(image, cmap="gray_r", vmin=0, vmax=255)
        told = f"{dataset.classes[label]}"
        if other is not None:
            told += f", said {dataset.classes[other]}"
        axes.set_title(f"{index:,}\n{told}", fontsize=8)
    return Chart(f"{row.name}-wrong", "Test images that are judged wrongly", figure)


def _percent(share: float) -> str:
    return percent(share, digits=2).strip()


def _of_members(row: QuotedRow) -> str:
    each = sorted(row.details.get("wrong_of_each", []))
    if not each:
        return "nothing is random"
    return f"{len(each)} members, alone {each[0]} to {each[-1]}"


def _write(folder: Path, chart: Chart) -> Path:
    path = folder / f"{chart.name}.png"
    with atomic_write(path) as file:
        file.write(png_bytes(chart))
    return path


def main() -> int:
    """Returns the exit status: 0, 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quoted_report", description=__doc__
    )
    parser.add_argument("--data", default="mnist", help="a dataset's name or a folder")
    parser.add_argument("--results", type=Path, default=Path("results/quoted"))
    parser.add_argument("--to", type=Path, default=Path("build/quoted"))
    args = parser.parse_args()
    console = new_console()
    try:
        dataset = load(args.data)
        groups = last_rows(read_rows(args.results), dataset.digest)
        if not groups:
            raise IdxDataError(
                f"no rows in {args.results} that {dataset.name}'s test split judged"
            )
        lines = [cells(*key, rows) for key, rows in groups.items()]
        print_table(console, "Quoted, and reached on the test set", COLUMNS, lines)
        args.to.mkdir(parents=True, exist_ok=True)
        with atomic_write(args.to / "table.md") as file:
            file.write(markdown(lines).encode())
        committees = [
            row
            for rows in groups.values()
            for row in rows
            if len(row.details.get("wrong_of_first", [])) > 1
        ]
        with style():
            for row in committees:
                console.print(str(_write(args.to, curve(row))), markup=False)
                chart = wrong_images(row, dataset)
                console.print(str(_write(args.to, chart)), markup=False)
    except (IdxDataError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
