"""What `run` and `sensitivity` share: check, measure with progress, report."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from benchmarks.commands.outcome import COMMAND, Measured, outcome
from benchmarks.contest.contest import Contest
from benchmarks.contest.entry import Axis, Entry, widened
from benchmarks.contest.folder import (
    ROWS,
    RowFile,
    command_of,
    held_folder,
    results_folder,
    rows_path,
)
from benchmarks.contest.machine import environment
from benchmarks.contest.rounds import OnTurn
from benchmarks.contest.schedule import Rule
from benchmarks.contest.tutorial import check_tutorial
from benchmarks.report import write_reports
from benchmarks.report.terminal import print_verdict
from benchmarks.verdict import judge
from benchmarks.verdict.rows import read_rows
from idxdata import Batches, Dataset, Plan, load
from idxdata.terminal import duration
from trainers.loops import find_loop
from trainers.recipe_files import get_recipe
from trainers.recipes import fit_recipe


def check(entries: Sequence[Entry], dataset: Dataset) -> None:
    """Raise what a child would, before any is started, where that can be told here."""
    for entry in entries:
        recipe = fit_recipe(
            widened(get_recipe(entry.recipe), entry.width),
            dataset.train.images.shape[1:],
            len(dataset.classes),
        )
        if entry.loader == "tutorial":
            check_tutorial(find_loop(entry.loop), recipe)
        size = entry.batch_size or recipe.batch_size
        Batches(dataset.train, Plan(len(dataset.train), size, seed=0))


def measure(
    entries: Sequence[Entry],
    rule: Rule,
    results: Path,
    console: Console,
    *,
    num_threads: int,
    axis: Axis | None = None,
    cluster: str | None = None,
) -> Measured:
    """Play the contest; what was measured stays, also when it is interrupted.

    `num_threads`: the run's, whatever points of an axis have. `cluster`: the address of
    a Ray cluster to play it on; None plays it here.
    """
    dataset = load(entries[0].data)
    check(entries, dataset)
    if cluster is not None:
        from benchmarks.commands.cluster_measuring import measure_on

        return measure_on(
            cluster,
            entries,
            rule,
            results,
            console,
            dataset=dataset,
            num_threads=num_threads,
            axis=axis,
        )
    facts = environment()
    place = {
        "num_threads": num_threads,
        "precision": entries[0].precision,
        "device": entries[0].device,
        "environment": facts,
    }
    with held_folder(results_folder(results, dataset, place)) as folder:
        path = rows_path(folder, axis)
        contest, was_interrupted = _play(entries, rule, path, facts, console)
    rows = contest.file.rows
    return Measured(folder, dataset, rows, contest.session, was_interrupted)


def _play(
    entries: Sequence[Entry],
    rule: Rule,
    path: Path,
    facts: dict[str, Any],
    console: Console,
) -> tuple[Contest, bool]:
    """The contest that was played into `path`, and whether it was interrupted."""
    if path.exists():
        read_rows(path)  # which refuses what is not ours to go on with
    file = RowFile(path)
    if file.rows:
        console.print(f"[dim]going on with the {len(file.rows)} rows of[/] {path}")
    session = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    command = shlex.join([*COMMAND, *sys.argv[1:]])
    is_main = entries[0].axis is None
    contest = Contest(entries, rule, file, session, facts, command, cuts=is_main)
    try:
        with contest_progress(contest, console) as on_turn:
            contest.play(on_turn, lambda row: console.print(outcome(row)))
    except KeyboardInterrupt:
        console.print("Interrupted; what follows is of the runs that had ended.")
        return contest, True
    return contest, False


def report(measured: Measured, console: Console) -> int:
    """Print the verdict, write the pages; the exit status."""
    if measured.rows:
        page = report_folder(measured.folder, measured.dataset, console)
        console.print(f"Report: {page}", highlight=False, soft_wrap=True)
    if measured.was_interrupted:
        return 130
    if measured.has_problem:
        return 2
    return 1 if measured.has_failures else 0


def report_folder(folder: Path, dataset: Dataset | None, console: Console) -> Path:
    """What a folder's rows say, on the terminal and as pages."""
    main = folder / ROWS
    axes = {
        file.stem.removeprefix("sensitivity-"): file
        for file in sorted(folder.glob("sensitivity-*.jsonl"))
    }
    rows = read_rows(main) if main.exists() else []
    along = {axis: read_rows(file) for axis, file in axes.items()}
    print_verdict(judge(rows, sensitivity=along), console)
    first = main if rows else next(axes[axis] for axis, some in along.items() if some)
    return write_reports(folder, dataset, command=command_of(first))


@contextmanager
def contest_progress(contest: Contest, console: Console) -> Iterator[OnTurn]:
    """A line that says who is at it and how much time is left."""
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]}"),
        console=console, transient=True,
        disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("", total=1.0, left="")
        yield lambda entry, what: _update(bar, task, contest, entry, what)


def _update(
    bar: Progress, task: TaskID, contest: Contest, entry: Entry, what: str
) -> None:
    left = contest.left_s()
    elapsed = contest.elapsed_s
    bar.update(
        task,
        description=f"{entry.group}: {entry.contender}, {what}",
        completed=0.0 if left is None else elapsed / max(elapsed + left, 1e-9),
        left="" if left is None else f"at most {duration(left)} left",
    )
