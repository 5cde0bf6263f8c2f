"""Data alone and compute alone: what an epoch is made of, each measured by itself."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Any

from benchmarks.contest.floor import matmul_step_s
from idxdata import Batches, BatchFormat, Dataset, Plan
from trainers.feeding import Feed, framework_pairs, on_host
from trainers.loops import Loop, import_loop
from trainers.loops.job import Device, Job
from trainers.recipes import Recipe
from trainers.weights import initial_weights

ROUND_S = 0.25
"""Seconds of a measurement, about."""

SMALLER = (4, 2)
"""Compute is also measured at a fourth and a half of the batch size."""


@dataclass(frozen=True, slots=True)
class CutOrder:
    """What is cut: a recipe fitted to the data, by a loop, as the run had it."""

    recipe: Recipe
    loop: Loop
    dataset: Dataset
    seed: int
    num_threads: int
    precision: Any
    device: Device


class Cutter:
    """Measures `CutOrder`, a turn at a time; `record` is the row's `cuts`."""

    def __init__(self, order: CutOrder) -> None:
        self._order = order
        self._feed = Feed(order.dataset, order.recipe, order.loop, order.seed, 0)
        self._compute = Compute(order, order.recipe.batch_size)
        self._data: list[float] = []
        self._steps: list[float] = []
        self._more: dict[str, Any] = {"batch_sizes": None, "matmul_step_s": None}

    def take_turn(self) -> None:
        """Each of the two once."""
        self._data.append(self._data_step_s())
        self._steps.append(self._compute.step_s())

    def take_long_turn(self) -> None:
        """Smaller batches, and the matrix products alone."""
        order, size = self._order, self._order.recipe.batch_size
        smaller = sorted({max(1, size // divisor) for divisor in SMALLER} - {size})
        times = [[count, Compute(order, count).step_s()] for count in smaller]
        self._more = {
            "batch_sizes": [*times, [size, self._compute.step_s()]],
            "matmul_step_s": matmul_step_s(order.recipe, size, order.precision),
        }

    def record(self) -> dict[str, Any]:
        """JSON values; `docs/rows.md` tells them."""
        return {
            "data_step_s": self._data,
            "compute_step_s": self._steps,
            "compute_loss": self._compute.losses,
        } | self._more

    def _data_step_s(self) -> float:
        """Seconds a batch over a whole epoch, or as much of it as there is time for."""
        count = 0
        pairs = self._feed.train_pairs(0, 0, self._order.device)
        begin = time.perf_counter()
        for pair in pairs:
            count += 1
            if count % 16 == 0 and time.perf_counter() - begin > ROUND_S:
                break
        on_host(pair[0])  # which waits for a device
        return (time.perf_counter() - begin) / count


class Compute:
    """A trainer of its own that is given one batch over and over, learning nothing.

    With a learning rate of 0 all arithmetic is done and no weight moves: on one batch
    a model would learn it by heart, and numbers close to 0 take other times. `losses`:
    the first and the last one; equal, but for dropout.
    """

    def __init__(self, order: CutOrder, batch_size: int) -> None:
        still = replace(
            order.recipe.optimizer, learning_rate=0.0, final_learning_rate=None
        )
        recipe = replace(order.recipe, optimizer=still, batch_size=batch_size)
        job = Job(
            recipe,
            order.loop.form,
            1_000_000,
            seed=order.seed,
            num_threads=order.num_threads,
            precision=order.precision,
            device=order.device,
        )
        self._module = import_loop(order.loop)
        self._trainer = self._module.build(job)
        self._module.load_weights(self._trainer, initial_weights(recipe, order.seed))
        self._pairs = one_batch(order, batch_size)
        self._is_fit = order.loop.is_fit
        self._num_steps = 0
        self.losses: list[float] = []

    def step_s(self) -> float:
        """Seconds a step, of about `ROUND_S` seconds; compiled before that."""
        if not self._num_steps:
            self._train(1)
            self._num_steps = self._enough()
        count = self._num_steps
        seconds, losses = self._train(count)
        self.losses = [losses[0], losses[-1]]
        if self._is_fit:
            # A call of `fit` takes time to begin and to end, which is no step's.
            longer, _ = self._train(3 * count)
            return max(longer - seconds, 0.0) / (2 * count)
        return seconds / count

    def _enough(self) -> int:
        count = 2
        while (seconds := self._train(count)[0]) < ROUND_S / 2:
            count *= 2
        return max(2, round(count * ROUND_S / seconds))

    def _train(self, num_steps: int) -> tuple[float, list[float]]:
        pairs = self._pairs
        if isinstance(pairs, list):
            pairs = islice(cycle(pairs), num_steps)
        timed = self._module.train_epoch(self._trainer, pairs, num_steps)
        return timed.total_s, timed.losses


def one_batch(order: CutOrder, batch_size: int) -> Iterable[Any]:
    """The first batch, in memory: a list of one; for `fit` on TensorFlow an endless
    pipeline of it."""
    recipe, split = order.recipe, order.dataset.train
    form = (
        BatchFormat(labels="one_hot", num_classes=recipe.num_classes)
        if recipe.has_one_hot_labels
        else BatchFormat()
    )
    plan = Plan(len(split), min(batch_size, len(split)), seed=order.seed)
    batches = Batches(split, plan, format=form, fresh=True)
    pair = next(iter(framework_pairs(order.loop, batches, order.device)))
    if not (order.loop.is_fit and order.loop.adapter == "tensorflow"):
        return [pair]
    import tensorflow as tf

    return tf.data.Dataset.from_tensors(pair).repeat()  # type: ignore[no-any-return]
