"""What examples and ranks cost as they become many, and what breaks first.

`python -m benchmarks.scale_bench`: plan, cache and feed at 10^4 to 10^8 generated
examples of 4 x 4 bytes, and plans of 1 to 1,024 ranks without data. Each measurement is a
process of its own; rounds go through all of them in turn. Prints medians, the power of
the size by which each figure grows, and where the lines that are fitted reach a limit.
Needs 3.5 GB of disk below --results, which it frees again.
"""

import argparse
import gzip
import json
import math
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks import scale_measure
from benchmarks.child import Row
from benchmarks.report.console import print_table
from benchmarks.report.drawing import log_axis, looks, style
from benchmarks.run_loop import Run, environment, new_console, new_rows_path, run_all
from benchmarks.stats import spread
from idxdata.header import build_header
from idxdata.order.permutation import MAX_EXAMPLES
from trainers.arguments import positive

SIZES = tuple(10**power for power in range(4, 9))
RANKS = (1, 4, 16, 64, 256, 1024)
RANK_EXAMPLES = 10_000_000
RANKS_SUBJECT = "ranks"
SUBJECTS = tuple(name for name in scale_measure.SUBJECTS if name != RANKS_SUBJECT)
BLOCK = 1_000_000

FIGURES = {
    "per_example_s": ("ns an example", 1e9),
    "before_s": ("ms before the first batch", 1e3),
    "anonymous_nbytes": ("MB of memory", 1e-6),
}
LIMITS = {"before_s": 60.0, "anonymous_nbytes": 16e9}
"""A minute before training begins, and a small machine's memory."""


@dataclass(frozen=True, slots=True)
class Fit:
    """figure = base + slope * size, by least squares of relative errors.

    `power`: of the size by which the figure grows from the first size to the last.
    """

    base: float
    slope: float
    power: float

    def size_at(self, limit: float) -> float:
        """Where the line reaches `limit`; infinite if it does not grow."""
        return math.inf if self.slope <= 0 else max(0.0, limit - self.base) / self.slope


def fit(sizes: Sequence[int], values: Sequence[float]) -> Fit:
    """The line through positive `values` at `sizes`, two at least."""
    x, y = np.array(sizes, float), np.maximum(np.array(values, float), 1e-12)
    matrix = np.stack([1 / y, x / y], axis=1)
    base, slope = np.linalg.lstsq(matrix, np.ones(len(y)), rcond=None)[0]
    power = math.log(y[-1] / y[0]) / math.log(x[-1] / x[0])
    return Fit(float(base), float(slope), power)


def generate(folder: Path, n: int) -> None:
    """Images n x 4 x 4 and labels of little entropy, raw; images as .gz as well."""
    random = np.random.default_rng(0)
    uint8 = np.dtype(np.uint8)
    images = build_header(uint8, (n, 4, 4))
    with (
        open(folder / f"images-{n}.idx", "wb") as raw,
        gzip.open(folder / f"images-{n}.idx.gz", "wb", 1) as small,
        open(folder / f"labels-{n}.idx", "wb") as labels,
    ):
        raw.write(images)
        small.write(images)
        labels.write(build_header(uint8, (n,)))
        for start in range(0, n, BLOCK):
            count = min(BLOCK, n - start)
            block = random.integers(0, 4, (count, 16), np.uint8).tobytes()
            raw.write(block)
            small.write(block)
            labels.write(random.integers(0, 10, count, np.uint8).tobytes())


def measure(order: dict[str, Any], number: int, facts: dict[str, Any]) -> Row:
    """One row, from a fresh process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale_measure", json.dumps(order)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    record = json.loads(done.stdout.splitlines()[-1])["record"]
    case = {"group": order["subject"], "round": number, **order}
    return {"case": case, "record": record, "environment": facts}


Values = dict[tuple[str, int], dict[str, list[float]]]


def collect(rows: Sequence[Row]) -> Values:
    """By subject and size (or number of ranks): each figure's values."""
    values: Values = defaultdict(lambda: defaultdict(list))
    for row in rows:
        case = row["case"]
        size = case["ranks"] if case["group"] == RANKS_SUBJECT else case["n"]
        for figure, value in row["record"].items():
            values[case["group"], size][figure].append(value)
    return values


def fits(values: Values) -> dict[tuple[str, str], Fit]:
    """By subject and figure, where there are two sizes or more."""
    found = {}
    for subject in dict.fromkeys(name for name, _ in values):
        sizes = sorted(size for name, size in values if name == subject)
        for figure in FIGURES if len(sizes) > 1 else ():
            if all(figure in values[subject, n] for n in sizes):
                medians = [spread(values[subject, n][figure]).median for n in sizes]
                found[subject, figure] = fit(sizes, medians)
    return found


def print_scale(values: Values, console: Console) -> None:
    """A table for each figure, and where the lines lead."""
    lines = fits(values)
    for figure, (unit, scale) in FIGURES.items():
        for names, title in (
            (SUBJECTS, f"{unit}, by examples"),
            ((RANKS_SUBJECT,), f"{unit}, by ranks ({RANK_EXAMPLES:,} examples)"),
        ):
            there = sorted({n for name, n in values if name in names})
            rows = [
                (
                    name,
                    *(_span(values, name, n, figure, scale) for n in there),
                    f"{lines[name, figure].power:+.2f}"
                    if (name, figure) in lines
                    else "",
                )
                for name in names
                if any(figure in values[name, n] for n in there if (name, n) in values)
            ]
            columns = ("", *(f"{n:,}" for n in there), "power")
            print_table(console, title, columns, rows)
    print_table(
        console, "What breaks first", ("examples", "what"), breaking_points(values)
    )


def breaking_points(values: Values) -> list[tuple[str, str]]:
    """Where the fitted lines reach `LIMITS`, the fewest examples first."""
    points = [(float(MAX_EXAMPLES), "the most that a plan takes, 2^32")]
    for (subject, figure), line in fits(values).items():
        if subject == RANKS_SUBJECT or figure not in LIMITS:
            continue
        size = line.size_at(LIMITS[figure])
        unit, scale = FIGURES[figure]
        if size < 1e12:
            points.append((size, f"{subject}: {LIMITS[figure] * scale:,.0f} {unit}"))
    return [(f"{size:.1e}", text) for size, text in sorted(points)]


def _span(values: Values, subject: str, n: int, figure: str, scale: float) -> str:
    if (subject, n) not in values or figure not in values[subject, n]:
        return ""
    found = spread(values[subject, n][figure])
    low, middle, high = (x * scale for x in (found.low, found.median, found.high))
    return f"{_short(middle)} ({_short(low)}-{_short(high)})"


def _short(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def draw(values: Values, path: Path) -> None:
    """Each figure over the number of examples, a line a subject; a PNG."""
    import matplotlib.pyplot as plt

    with style():
        figure, axes = plt.subplots(
            1, len(FIGURES), figsize=(11, 3.6), layout="constrained"
        )
        colours = looks(SUBJECTS)
        for place, (name, (unit, scale)) in zip(axes, FIGURES.items(), strict=True):
            for subject in SUBJECTS:
                sizes = sorted(
                    n for who, n in values if who == subject and name in values[who, n]
                )
                medians = [
                    max(spread(values[subject, n][name]).median * scale, 1e-3)
                    for n in sizes
                ]
                look = colours[subject]
                place.plot(
                    sizes, medians, color=look.colour, marker=look.marker, label=subject
                )
            place.set(xscale="log", yscale="log", title=unit, xlabel="examples")
            log_axis(place.xaxis)
            log_axis(place.yaxis)
        figure.legend(
            *axes[0].get_legend_handles_labels(),
            loc="outside lower center",
            ncols=len(SUBJECTS),
        )
        figure.savefig(path, dpi=90)
        plt.close(figure)


def main() -> int:
    """Returns the exit status: 0, or 1 if nothing was measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale_bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument("--sizes", type=positive, nargs="+", default=SIZES)
    parser.add_argument("--ranks", type=positive, nargs="+", default=RANKS)
    parser.add_argument("--results", type=Path, default=Path("results/scale_bench"))
    args = parser.parse_args()
    console, path = new_console(), new_rows_path(args.results)
    facts = environment(())
    folder = args.results / "data"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for n in args.sizes:
            with console.status(f"generating {n:,} examples"):
                generate(folder, n)
        orders: list[dict[str, Any]] = [
            {"subject": subject, "n": n, "folder": str(folder)}
            for n in args.sizes
            for subject in SUBJECTS
        ]
        orders += [
            {"subject": RANKS_SUBJECT, "n": RANK_EXAMPLES, "ranks": count}
            for count in args.ranks
        ]
        runs = [
            Run(
                " ".join(str(order[key]) for key in ("subject", "n")),
                partial(measure, order, number, facts),
            )
            for number in range(args.rounds)
            for order in orders
        ]
        rows = run_all(runs, path, console)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not rows:
        return 1
    values = collect(rows)
    print_scale(values, console)
    picture = path.with_suffix(".png")
    draw(values, picture)
    console.print(f"Rows: {path}\nPicture: {picture}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
