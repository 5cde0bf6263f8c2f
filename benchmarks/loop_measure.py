"""The child process of `loop_bench`: both contenders of a recipe and loop, in turn.

Prints a JSON line. A contender that fails is left out, with its reason.
"""

import gc
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.handwritten import Handwritten
from benchmarks.loop_contenders import Makers, contenders
from benchmarks.turns import in_turn
from trainers.loops import find_loop
from trainers.recipes import find_recipe


@dataclass(frozen=True, slots=True)
class Taken:
    """What some steps took: wall time, CPU time of all threads, and the last loss."""

    wall_s: float
    cpu_s: float
    last_loss: float


@dataclass(slots=True)
class Side:
    """A contender and what is known of it. `error` is empty while it works."""

    contender: Handwritten | None = None
    first_step_s: float | None = None
    steps_per_s: list[float] = field(default_factory=list)
    cpu_step_s: list[float] = field(default_factory=list)
    last_loss: float | None = None
    error: str = ""

    def attempt(self, work: Callable[[], None]) -> None:
        """Do `work`; if it fails, the contender is out."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the row says what it was
            # A framework's message can be a whole graph.
            lines = str(error).strip().splitlines() or [""]
            self.error = f"{type(error).__name__}: {lines[0]}"
            self.contender = None

    def record(self) -> dict[str, Any]:
        """JSON values, of each round steps/s and a step's CPU time of all threads.

        The latter waits for nobody, so that with one thread and a busy machine it is
        the better figure.
        """
        return {
            "first_step_s": self.first_step_s,
            "steps_per_s": self.steps_per_s,
            "cpu_step_s": self.cpu_step_s,
            "last_loss": self.last_loss,
            "error": self.error,
        }


def measure(order: dict[str, Any]) -> dict[str, Any]:
    """The record of one `loop_cases.LoopCase`, given as a dictionary."""
    recipe, loop = find_recipe(order["recipe"]), find_loop(order["loop"])
    flags, wake, makers = contenders(recipe, loop, order["num_threads"])
    sides = start(makers, wake)
    num_steps = steps_of_round(sides, order["round_s"])
    for number in range(order["num_rounds"]):
        for name in in_turn(list(sides), number):
            run_round(sides[name], num_steps)
    return {
        "flags": flags,
        "batch_size": recipe.batch_size,
        "steps_per_round": num_steps,
        "sides": {name: side.record() for name, side in sides.items()},
    }


def start(makers: Makers, wake: Callable[[], None]) -> dict[str, Side]:
    """Make each contender and time its first step, the framework being awake."""
    sides: dict[str, Side] = {}
    for name, make in makers.items():
        side = sides[name] = Side()

        def begin(side: Side = side, make: Callable[[], Handwritten] = make) -> None:
            wake()
            side.contender = contender = make()
            side.first_step_s = timed(contender, 1).wall_s

        side.attempt(begin)
    _check_sizes(sides)
    return sides


def steps_of_round(sides: dict[str, Side], round_s: float) -> int:
    """So many that the slower contender takes `round_s`; also the warm-up of both."""
    slowest = 0.0
    for side in sides.values():
        found: list[float] = []

        def look(side: Side = side, found: list[float] = found) -> None:
            found.append(_step_s(side, round_s / 2))

        side.attempt(look)
        slowest = max([slowest, *found])
    return max(1, round(round_s / slowest)) if slowest else 1


def run_round(side: Side, num_steps: int) -> None:
    """One round from the initial weights: steps/s, the last loss being there.

    On batches trained on over and over, the loss would vanish, and with it the work.
    """

    def work() -> None:
        contender = side.contender
        if contender is None:
            return
        contender.reset()
        # What an optimiser makes at its first step is none of the others' time.
        contender.train(1)
        taken = timed(contender, num_steps)
        side.last_loss = taken.last_loss
        side.cpu_step_s.append(taken.cpu_s / num_steps)
        side.steps_per_s.append(num_steps / taken.wall_s)

    side.attempt(work)


def timed(contender: Handwritten, num_steps: int) -> Taken:
    """Train so many steps, all losses finite; no garbage is collected meanwhile."""
    gc.collect()
    gc.disable()
    try:
        cpu_begin, begin = time.process_time(), time.perf_counter()
        losses = contender.train(num_steps)
        wall_s = time.perf_counter() - begin
        cpu_s = time.process_time() - cpu_begin
    finally:
        gc.enable()
    if not all(map(math.isfinite, losses)):
        raise ArithmeticError("a loss is not finite")
    return Taken(wall_s, cpu_s, losses[-1])


def _step_s(side: Side, least_s: float) -> float:
    """Of a call that takes at least `least_s`, since `fit` takes time to begin."""
    if side.contender is None:
        return 0.0
    num_steps = 1
    while (taken := timed(side.contender, num_steps).wall_s) < least_s:
        num_steps *= 2
    return taken / num_steps


def _check_sizes(sides: dict[str, Side]) -> None:
    """Two models with different numbers of parameters are not the same model."""
    made = [side.contender for side in sides.values() if side.contender is not None]
    sizes = {contender.num_parameters for contender in made}
    if len(sizes) > 1:
        raise ValueError(f"contenders have different numbers of parameters: {sizes}")


if __name__ == "__main__":
    print(json.dumps({"record": measure(json.loads(sys.argv[1]))}))
