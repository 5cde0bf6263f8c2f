"""What the commands print: tables by rich, facts, JSON; sizes and names in words."""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from idxdata.errors import MissingFrameworkError

if TYPE_CHECKING:
    from rich.console import Console

_UNITS = ("kB", "MB", "GB", "TB", "PB", "EB")

Cell = str | tuple[str, str]
"""A text, or a text and its style, such as "green"; styles show on terminals only."""


def safe(text: str) -> str:
    """`text` without what a terminal would obey: each such character is a "?"."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def size_text(nbytes: int) -> str:
    """Such as "812 bytes", "9.9 MB"; units are powers of 1000."""
    if nbytes < 1000:
        return f"{nbytes} byte{'s' * (nbytes != 1)}"
    size = float(nbytes)
    for unit in _UNITS:
        size /= 1000
        # 999.96 would be shown as 1000.0.
        if size < 999.95:
            break
    return f"{size:.1f} {unit}"


def print_json(value: object) -> None:
    """`value` as one JSON value on standard output; of ASCII, so of no control letters.

    Numbers that JSON does not have, NaN and infinities, are null.
    """
    print(json.dumps(_finite(value), allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and value - value != 0:
        return None
    return value


MIN_WIDTH, DEFAULT_WIDTH = 20, 80


def open_console() -> "Console":
    """rich's console on standard output: colours on terminals only.

    Raises `MissingFrameworkError` if rich is not installed.
    """
    try:
        from rich.console import Console
    except ImportError as error:
        raise MissingFrameworkError("rich", "cli") from error
    console = Console(highlight=False, markup=False, emoji=False)
    # COLUMNS=0, which some tools set, stands for a width that is not known.
    if console.width < MIN_WIDTH:
        console.width = DEFAULT_WIDTH if not console.width else MIN_WIDTH
    return console


def print_line(console: "Console", text: str, style: str = "") -> None:
    """One line, folded where the console ends."""
    from rich.text import Text

    print_stripped(console, Text(safe(text), style, overflow="fold"))


def print_table(
    console: "Console",
    heads: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> None:
    """A table; columns in `right` are numbers, those in `whole` are never folded."""
    from rich.table import Table

    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
    for head in heads:
        side: Literal["left", "right"] = "right" if head in right else "left"
        table.add_column(head, justify=side, no_wrap=head in whole, overflow="fold")
    for row in rows:
        table.add_row(*map(_text, row))
    print_stripped(console, table)


def print_facts(
    console: "Console", facts: Iterable[tuple[str, Cell]], *, indent: int = 2
) -> None:
    """Names and what there is to say of them, below each other."""
    from rich.padding import Padding
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, cell in facts:
        table.add_row(safe(name), _text(cell))
    print_stripped(console, Padding(table, (0, 0, 0, indent)))


def print_stripped(console: "Console", what: Any) -> None:
    """Without the blanks by which rich fills lines up: they are in the way in files."""
    with console.capture() as capture:
        console.print(what)
    for line in capture.get().splitlines():
        print(line.rstrip())


def _text(cell: Cell) -> Any:
    from rich.text import Text

    text, style = (cell, "") if isinstance(cell, str) else cell
    return Text(safe(text), style)
