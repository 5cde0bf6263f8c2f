"""What the benchmarks of data have in common: runs in a row, their rows in a file."""

import importlib.metadata
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.child import Row
from benchmarks.environment import describe_environment

_PLAIN_WIDTH = 150
"""Columns of output that is no terminal's, so that tables stay whole in a log."""


@dataclass(frozen=True, slots=True)
class Run:
    """A measurement to come, of one row or several; `is_kept` False for a warm-up."""

    label: str
    start: Callable[[], Row | list[Row]]
    is_kept: bool = True


def run_all(runs: Sequence[Run], path: Path, console: Console) -> list[Row]:
    """Run them in order; rows that are kept are returned and appended to `path`.

    An interrupt ends it; the rows so far are returned. Of none at all there is no file,
    and stderr says so.
    """
    rows: list[Row] = []
    with run_progress(console) as bar, open(path, "a") as file:
        task = bar.add_task("", total=len(runs))
        try:
            for run in runs:
                bar.update(task, description=run.label)
                measured = run.start()
                found = [measured] if isinstance(measured, dict) else measured
                bar.advance(task)
                if run.is_kept:
                    rows += found
                    file.writelines(json.dumps(row) + "\n" for row in found)
                    file.flush()
        except KeyboardInterrupt:
            console.print("Interrupted; what follows is of the runs that had ended.")
    if not rows:
        path.unlink(missing_ok=True)
        print("nothing was measured", file=sys.stderr)
    return rows


def run_progress(console: Console) -> Progress:
    """A bar that counts runs and is gone when they are done."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


def environment(peers: Sequence[str]) -> dict[str, Any]:
    """The machine and versions, those of the packages `peers` among them."""
    facts = describe_environment()
    for package in peers:
        try:
            facts["packages"][package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return facts


def new_console() -> Console:
    """As wide as the terminal, or as tables need it."""
    return Console() if sys.stdout.isatty() else Console(width=_PLAIN_WIDTH)


def new_rows_path(folder: Path) -> Path:
    """A file named by the time, in `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return folder / f"rows-{stamp}.jsonl"


def names(text: str) -> list[str]:
    """A command line's comma-separated names, each once."""
    return list(dict.fromkeys(name.strip() for name in text.split(",")))
