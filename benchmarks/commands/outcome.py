"""What a measurement leaves: a folder, rows, and lines on the terminal."""

from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from benchmarks.contest.folder import epoch_s
from benchmarks.contest.rounds import Row
from idxdata import Dataset

COMMAND = ("python", "-m", "benchmarks")


@dataclass(frozen=True, slots=True)
class Measured:
    """Where rows went and how it ended. `has_problem`: other than by a contender."""

    folder: Path
    dataset: Dataset
    rows: list[Row]
    session: str
    was_interrupted: bool
    has_problem: bool = False

    @property
    def has_failures(self) -> bool:
        """Whether a process of this session gave no result."""
        return any(
            "error" in row or "cuts_error" in row
            for row in self.rows
            if row["session"] == self.session
        )


def outcome(row: Row) -> str:
    """A finished process in one line."""
    who = f"[dim]round {row['round'] + 1}[/] {escape(row['group'])}: "
    who += f"[bold]{escape(row['contender'])}[/]"
    if "error" in row:
        return f"{who} [red]failed[/]: {escape(row['error'])}"
    epochs = row["record"]["epochs"]
    accuracy = 100 * row["record"]["metrics"]["accuracy"]
    noisy = any(turn["is_noisy"] for turn in row["turns"] if turn["what"] == "epoch")
    mark = " [yellow]noisy[/]" if noisy else ""
    if "cuts_error" in row:
        mark += f" [red]failed after training[/]: {escape(row['cuts_error'])}"
    return (
        f"{who} {epoch_s(row):.3f} s an epoch ({len(epochs)}), "
        f"test accuracy {accuracy:.2f} %{mark}"
    )
