"""The verdict on a terminal: tables, what else was found, and the two sentences last,
where a reader's eyes are when all is over."""

from rich.console import Console
from rich.markup import escape

from benchmarks.report import quality_tables, speed_tables
from benchmarks.report.console import print_table
from benchmarks.report.host_sections import host_verdicts
from benchmarks.report.tables import Table
from benchmarks.verdict import Verdict

MAX_PAIRS = 10


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Pure but for printing."""
    if len(verdict.hosts) > 1 and verdict.groups:
        _print(console, "Hosts, each by itself", host_verdicts(verdict))
    for group in verdict.groups:
        if group.contenders:
            _print(console, group.name, speed_tables.overview(group), "range")
            _print(console, "Seconds of an epoch", speed_tables.split(group))
        if any(one.speed.cuts for one in group.contenders):
            _print(
                console,
                "A step, apart and together",
                speed_tables.cuts(group),
                "neither ms",
                "fixed ms",
            )
        if group.comparisons:
            told = quality_tables.disagreements(group)
            some = Table(told.columns, told.rows[:MAX_PAIRS])
            _print(console, "Accuracy", some, "wrong alone, each seed")
    for finding in verdict.findings:
        console.print(f"[dim]-[/] {escape(finding)}", highlight=False)
    console.print()
    for sentence in verdict.sentences:
        console.print(f"[bold]{escape(sentence)}[/]", highlight=False)


def _print(console: Console, heading: str, table: Table, *left_out: str) -> None:
    """Without the columns that a report has room for, and a terminal has not."""
    table = table.without(*left_out)
    print_table(console, heading, table.columns, table.rows)
