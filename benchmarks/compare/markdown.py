"""COMPARE.md: sections of a comparison in GitHub's Markdown."""

import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.compare.console import printable
from benchmarks.compare.tables import Cells, Section
from idxdata.atomic import atomic_write

_NAME = "COMPARE.md"
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def write_markdown(
    out: Path, opening: Sequence[str], sections: Sequence[Section]
) -> Path:
    """Write `out`, or COMPARE.md in it if its name does not end in .md; whole or not.

    Makes folders that are missing. Returns the file's path; raises `OSError`.
    """
    is_file = out.suffix == ".md" and not out.is_dir()
    path = out if is_file else out / _NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = ["# Comparison of two benchmarks", _bullets(opening)]
    for section in sections:
        parts.append(f"## {section.heading}")
        if section.rows:
            parts.append(_table(section.columns, section.rows))
        if section.lines:
            parts.append(_bullets(section.lines))
    with atomic_write(path) as file:
        file.write(("\n\n".join(parts) + "\n").encode())
    return path


def escaped(text: str) -> str:
    """`text` as one line that Markdown and HTML show as it is, in a table too."""
    line = re.sub("[&<>]", lambda found: _ENTITIES[found[0]], printable(text))
    return re.sub(r"([\\`*_{}\[\]|~#!])", r"\\\1", line)


def _table(columns: Cells, rows: Sequence[Cells]) -> str:
    lines = [columns, tuple("---" for _ in columns)]
    lines += [tuple(map(escaped, row)) for row in rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _bullets(lines: Sequence[str]) -> str:
    # A line of a list may not begin as another list would.
    texts = [re.sub(r"^(\d*)([-+.)=])", r"\1\\\2", escaped(line)) for line in lines]
    return "\n".join(f"- {text}" for text in texts)
