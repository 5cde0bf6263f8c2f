"""Child processes: which cases, in which process, and what came of them."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.environment import thread_variables
from tests.parity.measure import Measured, Setting
from tests.parity.reference_loop import REFERENCE
from trainers.loops import LOOPS

PRECISIONS = ("float64", "float32")

_ROOT = Path(__file__).parents[2]

Case = tuple[str, str, str]
"""Loop, recipe, precision."""


@dataclass(slots=True)
class Results:
    """What was measured, by recipe, loop and precision, and what was not, and why."""

    measured: dict[Case, Measured] = field(default_factory=dict)
    missing: dict[Case, str] = field(default_factory=dict)
    errors: dict[Case, str] = field(default_factory=dict)

    def of(self, recipe: str, precision: str) -> dict[str, Measured]:
        """By loop, without the reference, in the order of `LOOPS`."""
        keys = ((loop, (loop, recipe, precision)) for loop in LOOPS)
        return {loop: self.measured[key] for loop, key in keys if key in self.measured}

    def reference(self, recipe: str) -> Measured | None:
        """Of the reference."""
        return self.measured.get((REFERENCE.name, recipe, "float64"))


def cases_of(loop: str, recipes: Iterable[str]) -> list[Case]:
    """Both precisions of a loop, float64 first; the reference has only that."""
    precisions = PRECISIONS[:1] if loop == REFERENCE.name else PRECISIONS
    return [(loop, recipe, precision) for precision in precisions for recipe in recipes]


def run_child(
    cases: Sequence[Case],
    setting: Setting,
    results: Results,
    on_case: Callable[[Case], None] = lambda case: None,
) -> None:
    """Measure `cases` in one new process, into `results`.

    A process that cannot start or ends before its time leaves an error for each case
    that is left.
    """
    left = list(cases)
    try:
        message = _run(left, setting, results, on_case)
    except OSError as error:
        message = f"no process: {error}"
    for case in left:
        results.errors[case] = message
        on_case(case)


def _run(
    left: list[Case],
    setting: Setting,
    results: Results,
    on_case: Callable[[Case], None],
) -> str:
    """Take what is done out of `left`; returns what the process said at its end."""
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryFile("w+") as stderr,
    ):
        order = {"cases": left, "setting": asdict(setting), "folder": folder}
        with subprocess.Popen(
            [sys.executable, "-m", "tests.parity.child", json.dumps(order)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            cwd=_ROOT,
            env=os.environ | thread_variables(setting.num_threads),
        ) as process:
            assert process.stdout is not None  # for the type checker: it is a pipe
            for text in process.stdout:
                if not text.startswith('{"case"'):
                    continue  # a framework's own chatter
                line = json.loads(text)
                case = left.pop(0)
                _take(case, line, Path(folder), results)
                on_case(case)
        stderr.seek(0)
        last = (stderr.read().strip().splitlines() or ["no message"])[-1]
    return f"exit status {process.returncode}: {last}"


def _take(case: Case, line: Mapping[str, str], folder: Path, results: Results) -> None:
    if "missing" in line:
        results.missing[case] = line["missing"]
    elif "error" in line:
        results.errors[case] = line["error"]
    else:
        with np.load(folder / line["file"]) as arrays:
            results.measured[case] = dict(arrays)
