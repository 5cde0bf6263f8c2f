"""Networks of one recipe, view and seed each, trained in processes of their own.

As many side by side as there are threads, each on one: small networks on small batches
gain little from a second. A member is a pure function of its recipe, view, loop, seed and
data.
"""

import json
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from idxdata import Dataset, Split
from idxdata.atomic import atomic_write
from trainers.checkpoints import read_weights
from trainers.environment import variables
from trainers.errors import QuotedError
from trainers.folder import LAST, RECORD
from trainers.inference import predict_probabilities
from trainers.loops.job import Precision
from trainers.options import RunOptions
from trainers.quoted.job import Event
from trainers.quoted.shifting import shifted
from trainers.quoted.turning import turned
from trainers.quoted.views import find_view
from trainers.recipes import Recipe, fit_recipe
from trainers.run import run

_NUM_WATCHED = 1000
"""Of the train split, evaluated after each epoch: members never see what they are for."""
_TIME = "time.json"
_CHECKPOINT_S = 60.0
_LOOK_S = 0.5
"""Between looks at how far the processes are."""
_LEAST = 1e-9
"""Of probabilities, so that none is a veto."""
_OF_CHILDREN = {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
"""Libraries look at it when they are loaded."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Member:
    """`view`: how it sees images, see `find_view`. `folder`: where its checkpoint is,
    with which it goes on after an interruption.
    """

    recipe: Recipe
    view: str
    loop: str
    seed: int
    folder: Path
    precision: Precision

    @property
    def spent_s(self) -> tuple[float, float]:
        """Seconds of wall and CPU that training took; of processes that were killed none."""
        try:
            wall_s, cpu_s = json.loads((self.folder / _TIME).read_bytes())
        except FileNotFoundError:
            return 0.0, 0.0
        return float(wall_s), float(cpu_s)


def make_members(
    recipes: Sequence[Recipe],
    views: Sequence[str],
    num_seeds: int,
    loop: str,
    data: Dataset,
    folder: Path,
    *,
    precision: Precision,
) -> list[Member]:
    """Each recipe, fitted to the data, with each view, of seed 0; then of seed 1 ..."""
    shape, num_classes = data.train.images.shape[1:], len(data.classes)
    fitted = [fit_recipe(recipe, shape, num_classes) for recipe in recipes]
    return [
        Member(
            recipe,
            view,
            loop,
            seed,
            folder / f"{recipe.name}-{view}-{loop}-{seed}",
            precision,
        )
        for seed in range(num_seeds)
        for recipe in fitted
        for view in views
    ]


def train_members(
    members: Sequence[Member],
    train: Split,
    data: Dataset,
    *,
    num_processes: int,
    on_event: Event,
) -> None:
    """Train those that are not finished on `train`, a part of `data`.

    `on_event` gets "progress" of the part "epochs", see `reproduce`: those of all
    members. Raises what `run` raises; members that are under way are stopped then, with
    their checkpoints.
    """
    images, labels = train.to_numpy()
    shown = {
        view: _shown(data, seen(images, view), labels)
        for view in dict.fromkeys(member.view for member in members)
    }

    total = sum(member.recipe.epochs for member in members)

    def tell(done: int, num_ended: int) -> None:
        text = f"{num_ended} of {len(members)} members, {members[0].loop}"
        event = {"event": "progress", "part": "epochs", "text": text}
        on_event(event | {"done": done, "total": total})

    calls = [(member, shown[member.view]) for member in members]
    _in_processes(_train, calls, num_processes, tell)


def members_answers(
    members: Sequence[Member],
    images: NDArray[np.uint8],
    *,
    shifts: Sequence[tuple[int, int]],
    turns: Sequence[float],
    num_processes: int,
    on_event: Event,
) -> list[NDArray[np.float64]]:
    """What each member says of `images`: (n, classes), the logarithms of probabilities,
    their mean over `shifts` and `turns` of its view; without any, of it as it is.

    `on_event` gets "progress" of the part "judge", see `reproduce`: those looks.
    """
    views = {
        view: seen(images, view)
        for view in dict.fromkeys(member.view for member in members)
    }
    total = len(members) * _num_looks(shifts, turns)

    def tell(done: int, num_ended: int) -> None:
        text = f"{num_ended} of {len(members)} members"
        event = {"event": "progress", "part": "judge", "text": text}
        on_event(event | {"done": done, "total": total})

    calls = [(member, views[member.view], shifts, turns) for member in members]
    return _in_processes(_answer, calls, num_processes, tell)


def seen(images: NDArray[np.uint8], view: str) -> NDArray[np.uint8]:
    """Images (n, height, width) as the view of that name has them."""
    find = find_view(view)
    return images if find is None else find(images)


def _shown(data: Dataset, images: NDArray[np.uint8], labels: NDArray[Any]) -> Dataset:
    watched = Split(images[:_NUM_WATCHED], labels[:_NUM_WATCHED])
    return Dataset(data.name, Split(images, labels), watched, data.classes)


def _train(tell: Callable[[int], None], member: Member, data: Dataset) -> None:
    begin, (wall_s, cpu_s) = time.perf_counter(), member.spent_s
    was_finished = (member.folder / RECORD).exists()
    options = RunOptions(
        recipe=member.recipe,
        loop=member.loop,
        data=data,
        seed=member.seed,
        num_threads=1,
        precision=member.precision,
        checkpoint_folder=member.folder,
        checkpoint_s=_CHECKPOINT_S,
        resume=True,
    )

    def on_event(event: dict[str, Any]) -> None:
        if event["event"] == "start" and event["resumed_at"] is not None:
            tell(event["resumed_at"][0])
        elif event["event"] == "epoch":
            tell(event["epoch"] + 1)

    # A finished one is not trained again, but it must be of this recipe and this data.
    run(options, on_event)
    if was_finished:
        return
    spent_s = wall_s + time.perf_counter() - begin, cpu_s + time.process_time()
    with atomic_write(member.folder / _TIME) as file:
        file.write(json.dumps(spent_s).encode())


def _answer(
    tell: Callable[[int], None],
    member: Member,
    images: NDArray[np.uint8],
    shifts: Sequence[tuple[int, int]],
    turns: Sequence[float],
) -> NDArray[np.float64]:
    recipe, weights = read_weights(member.folder / LAST)
    total = np.zeros((len(images), recipe.num_classes))
    for done, some in enumerate(_looks(images, shifts, turns), 1):
        found = predict_probabilities(recipe, weights, member.loop, some)
        total += np.log(np.maximum(found, _LEAST))
        tell(done)
    return total / _num_looks(shifts, turns)


def _num_looks(shifts: Sequence[tuple[int, int]], turns: Sequence[float]) -> int:
    return max(len(shifts) + len(turns), 1)


def _looks(
    images: NDArray[np.uint8],
    shifts: Sequence[tuple[int, int]],
    turns: Sequence[float],
) -> Iterator[NDArray[np.uint8]]:
    for shift in shifts:
        yield shifted(images, *shift)
    for degrees in turns:
        yield turned(images, degrees)
    if not shifts and not turns:
        yield images


def _in_processes(
    function: Callable[..., Result],
    calls: Sequence[tuple[Any, ...]],
    num_processes: int,
    tell: Callable[[int, int], None],
) -> list[Result]:
    """What each call gives. A fresh process for each: frameworks share none.

    `function` gets, before the call's arguments, what takes how much it has done.
    `tell` gets the sum of those, and how many calls have ended, when either changes.
    """
    spawn = multiprocessing.get_context("spawn")
    # Memory that children have too: one that is killed can leave no lock behind.
    done = spawn.RawArray("q", len(calls))
    with variables(_OF_CHILDREN), ThreadPoolExecutor(num_processes) as pool:
        futures = [
            pool.submit(_in_process, function, call, done, index)
            for index, call in enumerate(calls)
        ]
        left: set[Future[Result]] = set(futures)
        told = None
        try:
            while True:
                now = sum(done), len(calls) - len(left)
                if now != told:
                    tell(*now)
                    told = now
                if not left:
                    break
                ended, left = wait(left, _LOOK_S, FIRST_COMPLETED)
                for one in ended:
                    one.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()  # checkpoints are whole at any time
            raise
        return [one.result() for one in futures]


def _in_process(
    function: Callable[..., Result], call: tuple[Any, ...], done: Any, index: int
) -> Result:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        1, spawn, initializer=_begin_child, initargs=(done, index)
    ) as pool:
        try:
            return pool.submit(_call, function, call).result()
        except BrokenProcessPool as error:
            raise QuotedError(
                "a process of a member was killed",
                hint="with --work, the same command goes on",
            ) from error


def _begin_child(done: Any, index: int) -> None:
    global _tell
    _tell = partial(done.__setitem__, index)
    _end_with_parent()


def _call(function: Callable[..., Result], call: tuple[Any, ...]) -> Result:
    return function(_tell, *call)


def _tell(count: int) -> None:
    """How much this child has done; `_begin_child` says where."""


def _end_with_parent() -> None:
    """However that ends: nobody would take the answer."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # for the type checker: we are its child

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
