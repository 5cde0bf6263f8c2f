"""Two folders of rows side by side: what may be compared, and what could explain it."""

import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from benchmarks.compare.console import print_sections, printable
from benchmarks.compare.figures import compare_rows
from benchmarks.compare.markdown import write_markdown
from benchmarks.compare.runs import RowError
from benchmarks.compare.tables import sections
from benchmarks.verdict.rows import RowFile, read_file
from idxdata import FormatError

_ROWS = "rows.jsonl"

COMPARED, REFUSED, BAD_INPUT = 0, 1, 2
"""Exit statuses: all could be compared; something, or everything, could not; no rows."""


def main_compare(a: Path, b: Path, console: Console, *, out: Path | None) -> int:
    """Print how rows of `b` compare with those of `a`; returns the exit status.

    `a` and `b` are folders of results, or files such as their rows.jsonl. `out`: a
    folder for COMPARE.md, or a file whose name ends in .md. An input that cannot be
    read is told in one line on standard error.
    """
    try:
        file_a, file_b = _read(a), _read(b)
        result = compare_rows(file_a.rows, file_b.rows)
        opening = (*_opening("A", a, file_a), *_opening("B", b, file_b))
        shown = sections(result)
        print_sections(console, opening, shown)
        if out is not None:
            path = write_markdown(out, opening, shown)
            console.print(Text(f"\nwritten: {path}"), soft_wrap=True)
    except (RowError, FormatError, OSError) as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return BAD_INPUT
    return COMPARED if result.shown and not result.refused else REFUSED


def _read(path: Path) -> RowFile:
    file = path / _ROWS if path.is_dir() else path
    try:
        found = read_file(file)
    except FileNotFoundError as error:
        missing = f"{path}: no {_ROWS} in it" if path.is_dir() else f"{path}: not there"
        raise RowError(missing) from error
    if not found.rows:
        raise RowError(f"{path}: no rows")
    return found


def _opening(side: str, path: Path, file: RowFile) -> tuple[str, ...]:
    sessions = sorted({str(row.session) for row in file.rows})
    span = sessions[0] if len(sessions) == 1 else f"{sessions[0]} to {sessions[-1]}"
    line = f"{side}: {path}, {len(file.rows)} rows, run {span}"
    return (line,) if file.note is None else (line, f"{side}: {file.note}")
