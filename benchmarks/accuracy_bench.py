"""Test accuracy over seeds: every recipe in every loop, and whether it is the quoted one.

`python -m benchmarks.accuracy_bench --data mnist`. A seed gives every loop the same
initial weights, order and masks. Accuracy is of the last epoch's weights; nothing is
chosen by looking at it. Times mean nothing here: several runs go on at once.
"""

import argparse
import json
import math
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.child import Row
from benchmarks.environment import describe_environment
from benchmarks.report.console import print_table
from benchmarks.run_loop import names, new_console, new_rows_path, run_progress
from benchmarks.runner import Case, run_case
from idxdata import IdxDataError, load
from idxdata.cpus import usable_cpus
from trainers.arguments import positive
from trainers.loops import find_loop
from trainers.recipes import RECIPES, find_recipe

QUOTED = {("mnist", "mlp-128x2"): 0.977}
"""What texts quote as the test accuracy of (dataset, recipe)."""

COLUMNS = ("recipe", "loop", "seeds", "mean", "std", "least", "most", "quoted", "")


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Test accuracies in [0, 1] of one recipe in one loop, a seed each."""

    recipe: str
    loop: str
    values: tuple[float, ...]
    quoted: float | None

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float:
        """Sample standard deviation over seeds; not a number for one."""
        return statistics.stdev(self.values) if len(self.values) > 1 else math.nan

    @property
    def verdict(self) -> str:
        """Of the mean, where there is a figure to reach."""
        if self.quoted is None:
            return ""
        return "reached" if self.mean >= self.quoted else "not reached"

    def cells(self) -> tuple[str, ...]:
        """A row for `COLUMNS`, in per cent."""
        return (
            self.recipe,
            self.loop,
            str(len(self.values)),
            f"{100 * self.mean:.2f}",
            f"{100 * self.deviation:.2f}",
            f"{100 * min(self.values):.2f}",
            f"{100 * max(self.values):.2f}",
            "" if self.quoted is None else f"{100 * self.quoted:.1f}",
            self.verdict,
        )


def accuracies(rows: Sequence[Row]) -> list[Accuracy]:
    """Of the rows with a record, in the order of their recipes and loops."""
    groups: dict[tuple[str, str, str], list[float]] = {}
    for row in rows:
        if "record" in row:
            record = row["record"]
            key = (record["dataset"], row["case"]["recipe"], row["case"]["loop"])
            groups.setdefault(key, []).append(record["metrics"]["accuracy"])
    return [
        Accuracy(recipe, loop, tuple(values), QUOTED.get((dataset, recipe)))
        for (dataset, recipe, loop), values in sorted(groups.items())
    ]


def run_cases(
    cases: Sequence[Case], num_jobs: int, path: Path, console: Console
) -> list[Row]:
    """Rows of all cases, `num_jobs` at once; each goes to `path` when it is there."""
    environment = describe_environment()
    rows: list[Row] = []
    with (
        open(path, "a") as file,
        run_progress(console) as bar,
        ThreadPoolExecutor(num_jobs) as pool,
    ):
        task = bar.add_task("runs", total=len(cases))
        futures: list[Future[Row]] = [
            pool.submit(run_case, case, environment, lambda: None) for case in cases
        ]
        try:
            for future in as_completed(futures):
                row = future.result()
                rows.append(row)
                file.write(json.dumps(row) + "\n")
                file.flush()
                bar.advance(task)
                if "error" in row:
                    console.print(f"{row['case']}: {row['error']}", markup=False)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            console.print("Interrupted; what follows is of the runs that had ended.")
    return rows


def main() -> int:
    """Returns the exit status: 0, 1 if a run failed or a figure was missed, 2 bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy_bench", description=__doc__
    )
    parser.add_argument("--data", default="mnist", help="a dataset's name or a folder")
    parser.add_argument("--recipes", type=names, default=list(RECIPES))
    parser.add_argument(
        "--loops", type=names, default=["torch-eager", "tf-function", "jax-jit"]
    )
    parser.add_argument("--seeds", type=positive, default=5, help="how many, from 0")
    parser.add_argument("--epochs", type=positive, help="default: each recipe's own")
    parser.add_argument(
        "--jobs",
        type=positive,
        default=usable_cpus(),
        help="runs of one thread at once",
    )
    parser.add_argument("--results", type=Path, default=Path("results/accuracy"))
    args = parser.parse_args()
    try:
        load(args.data)
        for name in args.recipes:
            find_recipe(name)
        for name in args.loops:
            find_loop(name)
    except (IdxDataError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    cases = [
        Case(recipe, loop, args.data, seed, args.epochs, 1)
        for recipe in args.recipes
        for loop in args.loops
        for seed in range(args.seeds)
    ]
    console = new_console()
    path = new_rows_path(args.results)
    rows = run_cases(cases, args.jobs, path, console)
    found = accuracies(rows)
    print_table(
        console,
        f"Test accuracy on {args.data}, %",
        COLUMNS,
        [accuracy.cells() for accuracy in found],
    )
    console.print(f"Rows: {path}")
    is_complete = len(rows) == len(cases) and all("record" in row for row in rows)
    return 0 if is_complete and all(a.verdict != "not reached" for a in found) else 1


if __name__ == "__main__":
    sys.exit(main())
