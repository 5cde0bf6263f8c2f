"""Where results lie: a folder for what may be told in one breath, rows as JSON lines."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.contest.entry import Axis
from benchmarks.contest.rounds import SCHEMA, Row
from idxdata import Dataset
from idxdata.locks import Lock, named_lock

ROWS = "rows.jsonl"


def results_folder(root: Path, dataset: Dataset, facts: dict[str, Any]) -> Path:
    """`root/<dataset>-<key>`, the key being of the data and of `facts`, JSON values:
    what must be equal in all rows."""
    whole = {"schema": SCHEMA, "data": dataset.digest} | facts
    text = json.dumps(whole, sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:8]
    return root / f"{dataset.name}-{key}"


@contextmanager
def held_folder(folder: Path) -> Iterator[Path]:
    """`folder`, made if it is not there, by one run at a time; raises ValueError."""
    folder.mkdir(parents=True, exist_ok=True)
    with named_lock(folder / ".lock", wait=False) as lock:
        if lock is Lock.BUSY:
            raise ValueError(f"another run is measuring into {folder}")
        yield folder


def rows_path(folder: Path, axis: Axis | None) -> Path:
    """The file of the rows of a run, or of one along an axis."""
    return folder / (ROWS if axis is None else f"sensitivity-{axis}.jsonl")


def command_of(path: Path) -> str:
    """The command line that made the file's first row. Changes nothing."""
    with open(path) as file:
        return str(json.loads(file.readline())["command"])


class Rows:
    """Rows, and what can be counted in them."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def next_round(self, group: str) -> int:
        """The first number that no row of the group has."""
        return 1 + max(
            (row["round"] for row in self.rows if row["group"] == group), default=-1
        )

    def num_rounds(self, group: str) -> int:
        """How many rounds of the group have a result."""
        return len(
            {
                (row["session"], row["round"])
                for row in self.rows
                if row["group"] == group and "record" in row
            }
        )

    def epoch_times(
        self, group: str, contenders: Sequence[str]
    ) -> dict[str, list[float]]:
        """By contender, seconds an epoch in each round that all of those given ended.

        Of contenders that never ended one, or failed in their last, nothing: they do not
        keep others waiting.
        """
        rounds: dict[tuple[str, int], dict[str, float]] = {}
        last: dict[str, Row] = {}
        for row in self.rows:
            if row["group"] == group:
                last[row["contender"]] = row
                if "record" in row:
                    times = rounds.setdefault((row["session"], row["round"]), {})
                    times[row["contender"]] = epoch_s(row)
        present = [
            name for name in contenders if name in last and "record" in last[name]
        ]
        whole = [times for times in rounds.values() if set(present) <= set(times)]
        return {name: [times[name] for times in whole] for name in present}


class RowFile(Rows):
    """Rows that are there, and those that come.

    Half a row at the end, left by something that was killed while it wrote, is cut off.
    Lines are taken at their word: `verdict.rows.read_rows` checks them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        _end_lines(path)
        lines = path.read_text().splitlines() if path.exists() else []
        super().__init__([json.loads(line) for line in lines])

    def append(self, *rows: Row) -> None:
        """Written at once, in one piece."""
        self.rows += rows
        with open(self.path, "a") as file:
            file.write("".join(json.dumps(row) + "\n" for row in rows))
            file.flush()
            os.fsync(file.fileno())


def epoch_s(row: Row) -> float:
    """Median over the run's epochs of the time one took, in seconds."""
    return float(median(epoch["total_s"] for epoch in row["record"]["epochs"]))


def _end_lines(path: Path) -> None:
    if not path.exists():
        return
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    if end == len(content):
        return
    try:
        json.loads(content[end:])
    except ValueError:
        os.truncate(path, end)
    else:
        # A whole row, which an editor saved without its end.
        with open(path, "ab") as file:
            file.write(b"\n")
