"""A table of text, which terminal, Markdown and HTML show alike."""

from collections.abc import Sequence
from dataclasses import dataclass

_LONG = 36

Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The first column names a row; `note` tells what the others are."""

    columns: Cells
    rows: tuple[Cells, ...]
    note: str = ""

    @property
    def long_columns(self) -> set[int]:
        """Those of words rather than numbers, besides the first."""
        return {
            index
            for row in self.rows
            for index, cell in enumerate(row)
            if index and len(cell) > _LONG
        }

    def without_empty(self) -> "Table":
        """Without the columns that have nothing to tell in any row."""
        return self._columns(
            [
                index
                for index in range(len(self.columns))
                if not index or any(row[index] not in ("", "-") for row in self.rows)
            ]
        )

    def without(self, *columns: str) -> "Table":
        """Without these columns, where there are any of these names."""
        return self._columns(
            [i for i, column in enumerate(self.columns) if column not in columns]
        )

    def _columns(self, kept: Sequence[int]) -> "Table":
        return Table(
            tuple(self.columns[index] for index in kept),
            tuple(tuple(row[index] for index in kept) for row in self.rows),
            self.note,
        )


def markdown_table(columns: Cells, rows: Sequence[Cells]) -> str:
    """A table in GitHub's Markdown."""
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join("| " + " | ".join(map(_cell, cells)) + " |" for cells in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
