"""What a contender does in its process, turn by turn."""

import gc
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from benchmarks.contest.cuts import CutOrder, Cutter
from benchmarks.contest.entry import widened
from benchmarks.contest.planted import plant
from benchmarks.contest.tutorial import TutorialFeed, check_tutorial
from idxdata import Dataset, load
from trainers import session
from trainers.loops import find_loop
from trainers.options import RunOptions
from trainers.recipe_files import get_recipe
from trainers.recipes import Recipe, fit_recipe
from trainers.run import run

CUT_TURNS = 2

Emit = Callable[[dict[str, Any]], None]
Wait = Callable[[str], None]


def work(order: dict[str, Any], emit: Emit, wait: Wait) -> None:
    """Train, then cut; `order` is `Entry.case` with "cuts": none, short or long."""
    dataset = plant(order["planted"], load(order["data"]))
    recipe = widened(get_recipe(order["recipe"]), order["width"])
    if order["loader"] == "tutorial":
        check_tutorial(find_loop(order["loop"]), recipe)
        patch.object(session, "Feed", TutorialFeed).start()
    turns = _Turns(emit, wait)
    run(_options(order, recipe, dataset), turns)
    emit(
        {
            "event": "gc",
            "enabled": gc.isenabled(),
            "collections": turns.collections,
        }
    )
    if order["cuts"] != "none":
        emit({"event": "cuts", "cuts": _cuts(order, recipe, dataset, wait)})


class _Turns:
    """Passes on what a run tells, and waits between its epochs."""

    def __init__(self, emit: Emit, wait: Wait) -> None:
        self._emit, self._wait = emit, wait
        self._left = 0
        self._before = 0
        self.collections = 0

    def __call__(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind in ("start", "epoch", "record", "warning"):
            self._emit(event)
        if kind == "start":
            self._left = event["epochs"]
            self._wait("epoch")
            self._before = _collections()
        elif kind == "epoch":
            self._left -= 1
            if not self._left:
                self.collections = _collections() - self._before
            self._wait("epoch" if self._left else "finish")


def _collections() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())


def _options(order: dict[str, Any], recipe: Recipe, dataset: Dataset) -> RunOptions:
    return RunOptions(
        recipe=recipe,
        loop=order["loop"],
        data=dataset,
        seed=order["seed"],
        epochs=order["epochs"],
        batch_size=order["batch_size"],
        num_threads=order["num_threads"],
        precision=order["precision"],
        device=order["device"],
    )


def _cuts(
    order: dict[str, Any], recipe: Recipe, dataset: Dataset, wait: Wait
) -> dict[str, Any]:
    fitted = fit_recipe(recipe, dataset.train.images.shape[1:], len(dataset.classes))
    if order["batch_size"] is not None:
        fitted = replace(fitted, batch_size=order["batch_size"])
    wait("cuts")
    cutter = Cutter(
        CutOrder(
            fitted,
            find_loop(order["loop"]),
            dataset,
            order["seed"],
            order["num_threads"],
            order["precision"],
            order["device"],
        )
    )
    cutter.take_turn()
    for _ in range(CUT_TURNS - 1):
        wait("cuts")
        cutter.take_turn()
    if order["cuts"] == "long":
        wait("cuts")
        cutter.take_long_turn()
    return cutter.record()
