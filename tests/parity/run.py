"""`make parity`: is every recipe the same model in every loop?

`python -m tests.parity.run`. From one set of weights, on the same batches, each loop in
processes of its own, compared with the model in NumPy float64. Prints a table for each
recipe, writes PARITY.md with a plot for each. Exit status 0 if all holds, 1 if not, 2
for bad input.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from idxdata import IdxDataError
from tests.parity.children import PRECISIONS, Case, Results, cases_of, run_child
from tests.parity.measure import Setting, prepare
from tests.parity.more_recipes import ALL_RECIPES
from tests.parity.plots import plot_losses
from tests.parity.reference_loop import REFERENCE
from tests.parity.report import print_verdicts, write_losses, write_report
from tests.parity.verdicts import judge_recipe
from trainers.errors import RecipeError
from trainers.loops import LOOPS, find_loop

_PLAIN_WIDTH = 120


def parity(
    recipes: Sequence[str],
    loops: Sequence[str],
    setting: Setting,
    folder: Path,
    console: Console,
    *,
    num_processes: int = 1,
) -> bool:
    """Measure, print, write to `folder`; whether all holds. Raises as `prepare` does."""
    compared = [name for name in recipes if ALL_RECIPES[name].is_bit_comparable]
    unequal = [name for name in recipes if name not in compared]
    for name in compared:
        prepare(ALL_RECIPES[name], setting)
    folder.mkdir(parents=True, exist_ok=True)
    results = measure_all(compared, loops, setting, console, num_processes)
    verdicts = [judge_recipe(name, loops, results) for name in compared]
    for name in compared:
        plot_losses(name, results, folder / f"{name}.png")
    print_verdicts(verdicts, unequal, console)
    write_report(verdicts, unequal, setting, folder)
    write_losses(results, folder / "losses.jsonl")
    console.print(f"Report: {folder / 'PARITY.md'}", highlight=False)
    return all(verdict.holds for verdict in verdicts)


def measure_all(
    recipes: Sequence[str],
    loops: Sequence[str],
    setting: Setting,
    console: Console,
    num_processes: int,
) -> Results:
    """Every loop in a process for each precision, all recipes in it."""
    groups = [
        [case for case in cases_of(loop, recipes) if case[2] == precision]
        for loop in (REFERENCE.name, *loops)
        for precision in PRECISIONS
    ]
    results = Results()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    with bar, ThreadPoolExecutor(num_processes) as pool:
        task = bar.add_task("", total=sum(map(len, groups)))

        def show(case: Case) -> None:
            bar.update(task, advance=1, description=" ".join(case))

        running = [
            pool.submit(run_child, group, setting, results, show)
            for group in groups
            if group
        ]
        for future in running:
            future.result()
    return results


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",")))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.parity.run")
    parser.description = __doc__
    parser.add_argument("--recipes", type=_names, default=list(ALL_RECIPES))
    parser.add_argument("--loops", type=_names, default=list(LOOPS))
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--data", default="glyphs", help="a dataset's name or a folder")
    parser.add_argument("--batch-size", type=int, help="default: each recipe's")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--processes", type=int, default=2, help="at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=Path("results/parity"))
    return parser.parse_args()


def main() -> int:
    """Returns the exit status."""
    args = _arguments()
    console = Console() if sys.stdout.isatty() else Console(width=_PLAIN_WIDTH)
    try:
        for loop in args.loops:
            find_loop(loop)
        for recipe in args.recipes:
            if recipe not in ALL_RECIPES:
                raise RecipeError(
                    "no recipe of that name",
                    expected=f"one of {', '.join(ALL_RECIPES)}",
                    found=repr(recipe),
                )
        setting = Setting(
            args.data, args.steps, args.batch_size, args.threads, args.seed
        )
        holds = parity(
            args.recipes,
            args.loops,
            setting,
            args.results,
            console,
            num_processes=args.processes,
        )
    except (IdxDataError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
