"""One case, one fresh process, one row."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.environment import CpuClock, foreign_load, thread_variables

Row = dict[str, Any]
"""What is stored of a run: "case", "environment", "foreign_load", "wall_s" of the whole
process, and either "record" (a `trainers.record.RunRecord`) or "error" (text)."""


@dataclass(frozen=True, slots=True)
class Case:
    """One run of the grid. `epochs` None is the recipe's own number."""

    recipe: str
    loop: str
    data: str
    seed: int
    epochs: int | None
    num_threads: int


def run_case(case: Case, environment: Row, on_epoch: Callable[[], None]) -> Row:
    """Run `case` in a new process; calls `on_epoch` after each of its epochs.

    A run that fails gives a row with "error" instead of "record".
    """
    command = [
        sys.executable, "-m", "trainers", "run", "--json",
        "--recipe", case.recipe, "--loop", case.loop, "--data", case.data,
        "--seed", str(case.seed), "--threads", str(case.num_threads),
    ]  # fmt: skip
    if case.epochs is not None:
        command += ["--epochs", str(case.epochs)]
    row: Row = {"case": asdict(case), "environment": environment}
    begin = CpuClock.now()
    with (
        tempfile.TemporaryFile("w+") as stderr,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=os.environ | thread_variables(case.num_threads),
        ) as process,
    ):
        assert process.stdout is not None  # for the type checker: it is a pipe
        for line in process.stdout:
            if not line.startswith('{"event"'):
                continue  # a framework's own chatter
            event = json.loads(line)
            if event["event"] == "epoch":
                on_epoch()
            elif event["event"] == "record":
                row["record"] = event["record"]
        status = process.wait()
        stderr.seek(0)
        messages = stderr.read().strip().splitlines()
    end = CpuClock.now()
    row["foreign_load"] = foreign_load(begin, end)
    row["wall_s"] = end.wall_s - begin.wall_s
    if status:
        row.pop("record", None)
        row["error"] = f"exit status {status}: " + (messages or ["no message"])[-1]
    return row
