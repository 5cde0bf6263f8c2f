"""Which recipe by which loop, each a process of its own, and how it is started."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.child import Row, run_child
from benchmarks.environment import CpuClock, foreign_load, thread_variables
from trainers.loops import find_loop
from trainers.recipes import find_recipe

_LIMIT_S = 600

_START_S = {
    "torch-eager": 5,
    "torch-compile": 27,
    "tf-eager": 7,
    "tf-function": 9,
    "tf-xla": 9,
    "keras-tf": 8,
    "keras-torch": 8,
    "keras-jax": 8,
    "jax-jit": 5.5,
}
"""Seconds to import, make batches and compile for mlp-128x2: CPU time, less a fifth
since that was taken on a busy machine with two cores."""


@dataclass(frozen=True, slots=True)
class LoopCase:
    """A recipe and a loop by their names; `num_rounds` of about `round_s` seconds each.

    Raises `RecipeError` or `LoopError` if there is none of that name.
    """

    recipe: str
    loop: str
    num_rounds: int
    round_s: float
    num_threads: int

    def __post_init__(self) -> None:
        find_recipe(self.recipe)
        find_loop(self.loop)

    @property
    def label(self) -> str:
        """For the progress bar."""
        return f"{self.recipe} by {self.loop}"

    @property
    def estimate_s(self) -> float:
        """About how long it takes on an idle machine, in seconds."""
        num_contenders = 3 if self.loop == "tf-function" else 2
        # Warming up takes about as long as two rounds.
        rounds_s = (self.num_rounds + 2) * self.round_s
        return _START_S[self.loop] + num_contenders * rounds_s


def run_loop_case(case: LoopCase, environment: Row, folder: Path) -> Row:
    """Run `case` in a new process: a row with "record" or "error".

    `folder` takes what frameworks keep on disk of what they compile; an empty one makes
    first steps those of a machine that has compiled nothing yet.
    """
    begin = CpuClock.now()
    number = str(case.num_threads)
    environ = (
        os.environ
        | thread_variables(case.num_threads)
        | {
            "NUMBA_NUM_THREADS": number,
            "TF_NUM_INTRAOP_THREADS": number,
            "JAX_PLATFORMS": "cpu",
            "JAX_ENABLE_COMPILATION_CACHE": "false",
            "TMPDIR": str(folder),
            "TORCHINDUCTOR_CACHE_DIR": str(folder / "torch"),
        }
    )
    found = run_child("benchmarks.loop_measure", asdict(case), environ, _LIMIT_S)
    load = foreign_load(begin, CpuClock.now())
    facts = {"case": asdict(case), "environment": environment, "foreign_load": load}
    return facts | found
