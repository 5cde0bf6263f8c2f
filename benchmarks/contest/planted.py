"""Faults that the self-test puts into a contender, which the benchmark has to find.

They go behind the back of whatever is measured: nothing else may use them.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.contest.entry import Planted
from idxdata import Dataset, Split
from trainers import run, session
from trainers.feeding import Feed
from trainers.loops import Loop
from trainers.loops.job import Device
from trainers.recipes import Recipe
from trainers.weights import Weights, initial_weights

SLOWER_BY = 0.05
_NAP_EVERY_S = 0.02
"""Sleeping a twentieth of each step would be below what a timer can do."""


def plant(fault: Planted | None, dataset: Dataset) -> Dataset:
    """Put `fault` into this process; the dataset to train on."""
    if fault == "slow":
        patch.object(session, "Feed", SlowFeed).start()
    elif fault == "other_order":
        patch.object(session, "Feed", OtherOrderFeed).start()
    elif fault == "other_weights":
        patch.object(run, "initial_weights", _other_weights).start()
    elif fault == "other_data":
        return _with_another_pixel(dataset)
    return dataset


class SlowFeed(Feed):
    """Sleeps for `SLOWER_BY` of the time that passes between batches."""

    def train_pairs(self, epoch: int, start_step: int, device: Device) -> Iterable[Any]:
        """One epoch's pairs, with naps between them."""
        return _with_naps(super().train_pairs(epoch, start_step, device))


def _with_naps(pairs: Iterable[Any]) -> Iterator[Any]:
    woke = time.perf_counter()
    for pair in pairs:
        awake_s = time.perf_counter() - woke
        if awake_s > _NAP_EVERY_S:
            time.sleep(awake_s * SLOWER_BY)
            woke = time.perf_counter()
        yield pair


class OtherOrderFeed(Feed):
    """The order of another seed."""

    def __init__(
        self, dataset: Dataset, recipe: Recipe, loop: Loop, seed: int, *rest: int
    ) -> None:
        super().__init__(dataset, recipe, loop, seed + 1, *rest)


def _other_weights(recipe: Recipe, seed: int) -> Weights:
    return initial_weights(recipe, seed + 1)


def _with_another_pixel(dataset: Dataset) -> Dataset:
    images = np.array(dataset.train.images)
    images[0, 0, 0] ^= 1
    train = Split(images, dataset.train.labels)
    return Dataset(dataset.name, train, dataset.test, dataset.classes)
