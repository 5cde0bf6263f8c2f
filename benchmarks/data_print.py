"""The data benchmark's tables on a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.contenders import Contender
from benchmarks.data_results import Results
from benchmarks.goals import GOALS, Goal, judge
from benchmarks.inputs import Input
from benchmarks.report.data_tables import (
    DATA_COLUMNS,
    GOAL_COLUMNS,
    LEGEND,
    absences,
    data_row,
    failures,
    goal_row,
    sections,
)


def print_results(
    results: Results,
    asked_inputs: Sequence[str],
    contenders: Sequence[Contender],
    files: Sequence[Input],
    console: Console,
) -> None:
    """A table for each input and group, what was left out, and the goals."""
    by_name = {file.name: file for file in files}
    for (name, group), keys in sections(results).items():
        rows = [data_row(results, key) for key in keys]
        notes = absences(contenders, group, by_name[name])
        _print_table(console, f"{group}s on {name}", DATA_COLUMNS, rows, notes)
    console.print(LEGEND, "", highlight=False)
    for line in failures(results):
        console.print(f"[red]failed:[/] {escape(line)}", highlight=False)
    console.print()
    goals = [goal for goal in GOALS if _is_asked(goal, asked_inputs, contenders)]
    if goals:
        rows = [goal_row(verdict) for verdict in judge(goals, results)]
        _print_table(console, "Goals", GOAL_COLUMNS, rows)


def _is_asked(
    goal: Goal, inputs: Sequence[str], contenders: Sequence[Contender]
) -> bool:
    labels = [contender.label for contender in contenders]
    return goal.ours.input in inputs and (
        f"{goal.ours.group}/{goal.ours.contender}" in labels
    )


def _print_table(
    console: Console,
    heading: str,
    columns: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    notes: Sequence[str] = (),
) -> None:
    console.print(f"[bold]{escape(heading)}[/]")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(columns[0])
    for column in columns[1:]:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)
    for note in notes:
        console.print(f"[dim]{escape(note)}[/]", highlight=False)
    console.print()
