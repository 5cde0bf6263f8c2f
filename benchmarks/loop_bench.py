"""`make bench-loops`: each recipe by each loop, ours against one written by hand.

Both are built in one fresh process, on the same 64 batches of glyphs in memory, and run
in turn, each round from the initial weights. Nothing is evaluated or measured beside
training. Prints who is slower, and all loops of a recipe beside each other.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from benchmarks.child import Row
from benchmarks.loop_cases import LoopCase, run_loop_case
from benchmarks.loop_results import FAILED, SLOWER, parse_row, tally
from benchmarks.report.console import print_table
from benchmarks.report.loop_report import write_loop_report
from benchmarks.report.loop_tables import (
    FORM_LEGEND,
    OTHER_COLUMNS,
    OTHER_LEGEND,
    PAIR_COLUMNS,
    PAIR_LEGEND,
    failures,
    form_columns,
    form_rows,
    other_rows,
    pair_row,
)
from benchmarks.run_loop import (
    Run,
    environment,
    names,
    new_console,
    new_rows_path,
    run_all,
)
from benchmarks.stats import spread
from idxdata import IdxDataError, load
from idxdata.cpus import usable_cpus
from trainers.arguments import positive
from trainers.loops import LOOPS
from trainers.recipes import RECIPES

PEERS = ("jax", "jaxlib")

MIN_ROUNDS = 5
"""Fewer give no interval that decides anything."""


def print_loops(rows: Sequence[Row], console: Console) -> None:
    """The table of pairs, that of loop forms, failures and what else ran."""
    outcomes = [parse_row(row) for row in rows]
    pairs = [pair_row(outcome) for outcome in outcomes]
    print_table(
        console, "Ours against the loop by hand", PAIR_COLUMNS, pairs, [PAIR_LEGEND]
    )
    others = other_rows(outcomes)
    if others:
        print_table(
            console, "What is usually written", OTHER_COLUMNS, others, [OTHER_LEGEND]
        )
    print_table(
        console,
        "All loops of a recipe, ms a step",
        form_columns(outcomes),
        form_rows(outcomes),
        [FORM_LEGEND],
    )
    for line in failures(outcomes):
        console.print(f"[red]failed:[/] {escape(line)}", highlight=False)
    loads = [row["foreign_load"] for row in rows if row["foreign_load"] is not None]
    if loads:
        load = spread(loads)
        console.print(
            f"Others kept {load.median:.2f} CPUs busy ({load.low:.2f}-{load.high:.2f}): "
            "of a machine that is not idle, trust ratios and no times.",
            highlight=False,
        )
    console.print(tally(outcomes), highlight=False)


def exit_status(rows: Sequence[Row]) -> int:
    """1 if a contender failed or ours is slower, else 0, also where it is undecided."""
    outcomes = [parse_row(row) for row in rows]
    is_bad = any(outcome.verdict in (SLOWER, FAILED) for outcome in outcomes)
    return 1 if is_bad or failures(outcomes) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.loop_bench", description=__doc__
    )
    parser.add_argument(
        "--recipes", type=names, default=list(RECIPES), help="comma-separated"
    )
    parser.add_argument(
        "--loops", type=names, default=list(LOOPS), help="comma-separated"
    )
    parser.add_argument(
        "--rounds", type=positive, default=MIN_ROUNDS, help="default: %(default)s"
    )
    parser.add_argument(
        "--round-s", type=float, default=0.2, help="seconds; default: %(default)s"
    )
    parser.add_argument("--threads", type=positive, default=usable_cpus())
    parser.add_argument("--results", type=Path, default=Path("results/loops"))
    return parser.parse_args()


def main() -> int:
    """Returns the exit status: that of `exit_status`, 1 if nothing ran, 2 bad input."""
    args = _arguments()
    console = new_console()
    try:
        cases = [
            LoopCase(recipe, loop, args.rounds, args.round_s, args.threads)
            for recipe in args.recipes
            for loop in args.loops
        ]
        load("glyphs")  # made before children could make it at the same time
    except (IdxDataError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    minutes = sum(case.estimate_s for case in cases) / 60
    console.print(
        f"{len(cases)} cases, about {max(1, round(minutes))} min on an idle machine.",
        highlight=False,
    )
    facts = environment(PEERS)
    path = new_rows_path(args.results)
    with tempfile.TemporaryDirectory() as folder:
        start = partial(run_loop_case, environment=facts, folder=Path(folder))
        runs = [Run(case.label, partial(start, case)) for case in cases]
        rows = run_all(runs, path, console)
    if not rows:
        return 1
    print_loops(rows, console)
    console.print(f"Report: {write_loop_report(rows, path)}", highlight=False)
    console.print(f"Rows: {path}", highlight=False)
    return exit_status(rows)


if __name__ == "__main__":
    sys.exit(main())
