"""Seconds to a test accuracy: from raw files, import to answer, in PyTorch, TensorFlow, JAX.

`python -m benchmarks.record_bench --data FOLDER`. A run is a fresh process that loads its
framework, reads the four files, trains a recipe of `recipes/record` for its fixed number
of epochs, and judges by the test split; its time is that of the whole process. A goal is
reached if the mean accuracy over seeds is at least it: single runs may lie below.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.child import Row
from benchmarks.environment import describe_environment
from benchmarks.report.cells import ratio_text
from benchmarks.report.console import print_table
from benchmarks.run_loop import Run, names, new_console, new_rows_path, run_all
from benchmarks.runner import Case, run_case
from benchmarks.stats import PairedRatio, Spread, paired_ratio, spread
from benchmarks.turns import in_turn
from idxdata import IdxDataError, load
from idxdata.cpus import usable_cpus
from trainers.arguments import positive, threads
from trainers.loops import find_loop
from trainers.recipe_files import read_recipe

RECIPES = Path(__file__).parents[1] / "recipes" / "record"
GOALS = {"99.0": 0.990, "99.5": 0.995}
"""Test accuracies, by the name of the recipe's file."""
LOOPS = ("torch-eager", "tf-function", "jax-jit")
COLUMNS = (
    "goal", "loop", "seeds", "s, whole process", "s, training", "against the first",
    "accuracy", "std", "goal reached by", "",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Published:
    """What others say of theirs. `counted`: what their seconds hold."""

    accuracy: str
    seconds: str
    hardware: str
    counted: str
    source: str


PUBLISHED = (
    Published(
        "99 %, one epoch",
        "0.76",
        "GeForce GTX 1660 Ti in a laptop",
        "training, with the data in the GPU's memory before",
        "github.com/tuomaso/train_mnist_fast, last notebook",
    ),
    Published(
        "99.185 %, 14 epochs",
        "172",
        "the same",
        "PyTorch's basic example, training",
        "the same, first notebook",
    ),
)
PUBLISHED_COLUMNS = ("accuracy", "s", "hardware", "what is counted", "source")


@dataclass(frozen=True, slots=True)
class Result:
    """One recipe in one loop. `wall_s`: whole processes; `train_s`: epochs in them.

    `ratio`: of `wall_s` to those of the first loop with the same seeds; None for that.
    """

    name: str
    loop: str
    wall_s: Spread
    train_s: Spread
    accuracies: tuple[float, ...]
    ratio: PairedRatio | None

    @property
    def is_reached(self) -> bool:
        """Whether the mean is at the goal."""
        return statistics.fmean(self.accuracies) >= GOALS[self.name]

    def cells(self) -> tuple[str, ...]:
        """A row for `COLUMNS`."""
        values = self.accuracies
        reached = sum(value >= GOALS[self.name] for value in values)
        return (
            f"{self.name} %",
            self.loop,
            str(len(values)),
            _seconds(self.wall_s),
            _seconds(self.train_s),
            "" if self.ratio is None else ratio_text(self.ratio),
            f"{100 * statistics.fmean(values):.3f} %",
            f"{100 * statistics.stdev(values):.3f} %" if len(values) > 1 else "",
            f"{reached} of {len(values)}",
            "reached" if self.is_reached else "not reached",
        )


def results(rows: Sequence[Row], base: str) -> list[Result]:
    """Of rows with a record, by goal and loop; times of the loop `base` are divided by,
    those of equal seeds.
    """
    kept: dict[tuple[str, str], dict[int, Row]] = {}
    for row in rows:
        if "record" in row:
            case = row["case"]
            name = Path(case["recipe"]).stem
            kept.setdefault((name, case["loop"]), {})[case["seed"]] = row
    found = []
    for (name, loop), of_seeds in kept.items():
        seeds = sorted(of_seeds)
        of_base = kept.get((name, base), {})
        shared = [seed for seed in seeds if seed in of_base]
        ratio = None
        if loop != base and shared:
            ratio = paired_ratio(
                [of_base[seed]["wall_s"] for seed in shared],
                [of_seeds[seed]["wall_s"] for seed in shared],
            )
        records = [of_seeds[seed]["record"] for seed in seeds]
        found.append(
            Result(
                name,
                loop,
                spread([of_seeds[seed]["wall_s"] for seed in seeds]),
                spread([sum(e["total_s"] for e in r["epochs"]) for r in records]),
                tuple(record["metrics"]["accuracy"] for record in records),
                ratio,
            )
        )
    return found


def _seconds(values: Spread) -> str:
    return f"{values.median:.1f} ({values.low:.1f}-{values.high:.1f})"


def planned(
    goals: Sequence[str],
    loops: Sequence[str],
    data: str,
    rounds: int,
    num_threads: int,
) -> list[Run]:
    """A seed a round, all loops in turn; before them an epoch of each, not kept.

    The first run compiles what is kept on disk from then on, and reads libraries that
    nobody has read yet.
    """
    facts = describe_environment()

    def run(name: str, loop: str, seed: int, *, is_kept: bool) -> Run:
        recipe = str(RECIPES / f"{name}.toml")
        case = Case(recipe, loop, data, seed, None if is_kept else 1, num_threads)
        label = f"{name} {loop}"
        start = partial(run_case, case, facts, lambda: None)
        return Run(label if is_kept else f"{label}, warm-up", start, is_kept)

    made = [run(name, loop, 0, is_kept=False) for name in goals for loop in loops]
    for seed in range(rounds):
        for name in goals:
            made += [
                run(name, loop, seed, is_kept=True) for loop in in_turn(loops, seed)
            ]
    return made


def main() -> int:
    """Returns the exit status: 0, 1 if a run failed or a goal was missed, 2 bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.record_bench", description=__doc__
    )
    parser.add_argument("--data", default="mnist", help="a dataset's name or a folder")
    parser.add_argument("--goals", type=names, default=list(GOALS))
    parser.add_argument("--loops", type=names, default=list(LOOPS))
    parser.add_argument("--rounds", type=positive, default=6, help="a seed each")
    parser.add_argument("--threads", type=threads, default=usable_cpus())
    parser.add_argument("--results", type=Path, default=Path("results/record"))
    args = parser.parse_args()
    try:
        if unknown := set(args.goals) - set(GOALS):
            raise ValueError(f"no such goal: {', '.join(sorted(unknown))}")
        _ = load(args.data).test
        for name in args.goals:
            read_recipe(RECIPES / f"{name}.toml")
        for name in args.loops:
            find_loop(name)
        path = new_rows_path(args.results)
    except (IdxDataError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    console = new_console()
    runs = planned(args.goals, args.loops, args.data, args.rounds, args.threads)
    rows = run_all(runs, path, console)
    found = results(rows, args.loops[0])
    print_table(
        console,
        f"From raw files to a test accuracy on {args.data}, {args.threads} threads",
        COLUMNS,
        [result.cells() for result in found],
    )
    print_table(
        console,
        "Published, as their authors give them: not measured here",
        PUBLISHED_COLUMNS,
        [
            (one.accuracy, one.seconds, one.hardware, one.counted, one.source)
            for one in PUBLISHED
        ],
    )
    for row in rows:
        if "error" in row:
            console.print(f"{row['case']}: {row['error']}", markup=False)
    console.print(f"Rows: {path}", markup=False)
    is_complete = len(rows) == len(args.goals) * len(args.loops) * args.rounds
    is_whole = is_complete and all("record" in row for row in rows)
    return 0 if is_whole and all(one.is_reached for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
