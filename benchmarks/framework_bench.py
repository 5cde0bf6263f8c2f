"""`make bench`: the same models in TensorFlow and PyTorch, interleaved, with a report.

Runs recipe by recipe, repeat by repeat, the loops in turn (A B A B), each run in a
fresh process. Repeat i uses seed i for weights and order in every loop.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.environment import describe_environment
from benchmarks.report.markdown import write_report
from benchmarks.report.tables import (
    QUALITY_COLUMNS,
    RATIO_COLUMNS,
    TIME_COLUMNS,
    quality_row,
    ratio_row,
    time_row,
)
from benchmarks.runner import Case, Row, run_case
from benchmarks.summary import Summary, conclusion, summarise
from idxdata import Batches, Dataset, IdxDataError, Plan, load
from idxdata.cpus import usable_cpus
from trainers.arguments import positive
from trainers.loops import find_loop
from trainers.recipes import find_recipe, fit_recipe

DEFAULT_RECIPES = "mlp-3x100,cnn-5x5"
DEFAULT_LOOPS = "torch-eager,tf-function"


def cases(args: argparse.Namespace) -> list[Case]:
    """The grid in the order it is run."""
    return [
        Case(recipe, loop, args.data, repeat, args.epochs, args.threads)
        for recipe in args.recipes
        for repeat in range(args.repeats)
        for loop in args.loops
    ]


def run_grid(
    grid: Sequence[Case], path: Path, console: Console, rows: list[Row]
) -> None:
    """Run all cases; each row goes to `rows` and to `path` as soon as it is there."""
    environment = describe_environment()
    total = sum(case.epochs or find_recipe(case.recipe).epochs for case in grid)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} epochs"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    with bar, open(path, "a") as file:
        task = bar.add_task("", total=total)
        for number, case in enumerate(grid, 1):
            label = f"{case.recipe}, {case.loop}, repeat {case.seed + 1}"
            bar.update(task, description=f"{number}/{len(grid)} {label}")
            row = run_case(case, environment, lambda: bar.advance(task))
            rows.append(row)
            file.write(json.dumps(row) + "\n")
            file.flush()
            bar.console.print(f"[dim]{number:>2}/{len(grid)}[/] {_outcome(label, row)}")


def _outcome(label: str, row: Row) -> str:
    if "error" in row:
        return f"{label}: [red]failed[/]: {escape(row['error'])}"
    record = row["record"]
    seconds = sum(epoch["total_s"] for epoch in record["epochs"])
    accuracy = 100 * record["metrics"]["accuracy"]
    return (
        f"{label}: {len(record['epochs'])} epochs in {seconds:.1f} s, "
        f"test accuracy {accuracy:.2f} %"
    )


def print_summary(summary: Summary, console: Console) -> None:
    """The tables of each recipe, then the conclusion."""
    for recipe in summary.recipes:
        contenders = summary.contenders_of(recipe)
        comparisons = summary.comparisons_of(recipe)
        console.print(f"\n[bold]{recipe}[/]")
        _print_table(console, TIME_COLUMNS, [time_row(c) for c in contenders])
        _print_table(console, QUALITY_COLUMNS, [quality_row(c) for c in contenders])
        _print_table(console, RATIO_COLUMNS, [ratio_row(c) for c in comparisons])
    console.print()
    for sentence in conclusion(summary):
        console.print(f"- {sentence}", highlight=False)


def _print_table(
    console: Console, columns: tuple[str, ...], rows: list[tuple[str, ...]]
) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(columns[0], max_width=20, min_width=10)
    for column in columns[1:]:
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table, "")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.framework_bench", description=__doc__
    )
    parser.add_argument("--data", default="glyphs", help="a dataset's name or a folder")
    parser.add_argument(
        "--recipes",
        default=DEFAULT_RECIPES,
        type=_names,
        help="comma-separated; default: %(default)s",
    )
    parser.add_argument(
        "--loops",
        default=DEFAULT_LOOPS,
        type=_names,
        help="comma-separated; default: %(default)s",
    )
    parser.add_argument("--repeats", type=positive, default=4)
    parser.add_argument("--epochs", type=positive, help="default: each recipe's own")
    parser.add_argument("--threads", type=positive, default=usable_cpus())
    parser.add_argument("--results", type=Path, default=Path("results"))
    return parser.parse_args()


def _names(text: str) -> list[str]:
    """Comma-separated names, each once."""
    return list(dict.fromkeys(name.strip() for name in text.split(",")))


def _check(args: argparse.Namespace, dataset: Dataset) -> None:
    for name in args.loops:
        find_loop(name)
    for name in args.recipes:
        shape = dataset.train.images.shape[1:]
        recipe = fit_recipe(find_recipe(name), shape, len(dataset.classes))
        Batches(dataset.train, Plan(len(dataset.train), recipe.batch_size, seed=0))


def main() -> int:
    """Returns the exit status: 0, 1 if a run failed, 2 bad input, 130 interrupted."""
    args = _arguments()
    console = Console()
    try:
        dataset = load(args.data)
        _check(args, dataset)
    except (IdxDataError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    args.results.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = args.results / f"{dataset.name}-{stamp}.jsonl"
    rows: list[Row] = []
    interrupted = False
    try:
        run_grid(cases(args), path, console, rows)
    except KeyboardInterrupt:
        interrupted = True
        console.print("Interrupted; what follows is of the runs that had ended.")
    if not rows:
        path.unlink(missing_ok=True)
        return 130
    summary = summarise(rows)
    print_summary(summary, console)
    if summary.contenders:
        report = write_report(rows, summary, dataset.classes, path)
        console.print(f"Report: {report}")
    console.print(f"Rows: {path}")
    if interrupted:
        return 130
    return 1 if summary.failures else 0


if __name__ == "__main__":
    sys.exit(main())
