"""The verdict on a terminal: tables, what else was found, and the two sentences last,
where a reader's eyes are when all is over."""

from rich.console import Console
from rich.markup import escape

from benchmarks.report import quality_tables, speed_tables
from benchmarks.report.console import print_table
from benchmarks.report.tables import Table
from benchmarks.verdict import Verdict

MAX_PAIRS = 10


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Pure but for printing."""
    for group in verdict.groups:
        if group.contenders:
            _print(console, group.name, speed_tables.overview(group))
            _print(console, "Seconds of an epoch", speed_tables.split(group))
        if any(one.speed.cuts for one in group.contenders):
            _print(console, "A step, apart and together", speed_tables.cuts(group))
        if group.comparisons:
            told = quality_tables.disagreements(group)
            _print(console, "Accuracy", _without_notes(told))
    for finding in verdict.findings:
        console.print(f"[dim]-[/] {escape(finding)}", highlight=False)
    console.print()
    for sentence in verdict.sentences:
        console.print(f"[bold]{escape(sentence)}[/]", highlight=False)


def _print(console: Console, heading: str, table: Table) -> None:
    print_table(console, heading, table.columns, table.rows[:MAX_PAIRS])


def _without_notes(table: Table) -> Table:
    return Table(table.columns, table.rows)
