"""The data benchmark's tables on a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from benchmarks.contenders import Contender
from benchmarks.data_results import Results
from benchmarks.goals import GOALS, Goal, judge
from benchmarks.inputs import Input
from benchmarks.report.cells import GOAL_COLUMNS, goal_row
from benchmarks.report.console import print_table
from benchmarks.report.data_tables import (
    DATA_COLUMNS,
    LEGEND,
    absences,
    data_row,
    failures,
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
        print_table(console, f"{group}s on {name}", DATA_COLUMNS, rows, notes)
    console.print(LEGEND, "", highlight=False)
    for line in failures(results):
        console.print(f"[red]failed:[/] {escape(line)}", highlight=False)
    console.print()
    goals = [goal for goal in GOALS if _is_asked(goal, asked_inputs, contenders)]
    if goals:
        rows = [goal_row(verdict) for verdict in judge(goals, results)]
        print_table(console, "Goals", GOAL_COLUMNS, rows)


def _is_asked(
    goal: Goal, inputs: Sequence[str], contenders: Sequence[Contender]
) -> bool:
    labels = [contender.label for contender in contenders]
    return goal.ours.input in inputs and (
        f"{goal.ours.group}/{goal.ours.contender}" in labels
    )
