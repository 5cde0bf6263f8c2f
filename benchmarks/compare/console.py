"""Sections of a comparison on a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.compare.tables import Section

_ON_THE_LEFT = ("group", "contender", "what", "why", "in", "only in", "losses")


def print_sections(
    console: Console, opening: Sequence[str], sections: Sequence[Section]
) -> None:
    """`opening` first, one a line. Nothing in a text is taken for markup."""
    for line in opening:
        console.print(Text(printable(line)))
    for section in sections:
        console.print()
        console.print(Text(section.heading, style="bold"))
        if section.rows:
            console.print(_table(section))
        for line in section.lines:
            console.print(Text(printable(line)))


def printable(text: str) -> str:
    """`text` as one line without characters that steer a terminal."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)


def _table(section: Section) -> Table:
    is_text = "what" in section.columns
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in section.columns:
        on_the_left = is_text or column in _ON_THE_LEFT
        table.add_column(
            column, justify="left" if on_the_left else "right", overflow="fold"
        )
    for row in section.rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table
