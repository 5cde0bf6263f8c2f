"""A run's batches as the framework's own tutorial loads them, in place of the service."""

import importlib
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from benchmarks.feed_data import Epoch, FeedData
from idxdata import Dataset
from trainers.errors import LoopError
from trainers.feeding import Feed
from trainers.loops import Loop
from trainers.loops.job import Device
from trainers.recipes import Recipe

FEEDERS = {"torch": "torch_tutorial", "tensorflow": "tf_tutorial"}
"""By adapter: the file of `benchmarks.feeders`."""


def check_tutorial(loop: Loop, recipe: Recipe) -> None:
    """Raises `LoopError` if there is no tutorial's loader for such a run."""
    if loop.adapter not in FEEDERS or recipe.has_one_hot_labels:
        raise LoopError(
            "no tutorial's loader for this",
            expected="PyTorch or TensorFlow, and integer labels",
            found=f"{loop.name}, {recipe.name}",
        )


class TutorialFeed(Feed):
    """As `Feed`, but for train batches: in the framework's own order, at its own cost."""

    def __init__(
        self, dataset: Dataset, recipe: Recipe, loop: Loop, seed: int, *rest: int
    ) -> None:
        super().__init__(dataset, recipe, loop, seed, *rest)
        self._data = FeedData(dataset.train)
        self._facts = (loop, recipe.batch_size, seed)

    @cached_property
    def _epoch(self) -> Epoch:
        """Made at its first use: TensorFlow may not start before it is configured."""
        loop, batch_size, seed = self._facts
        _seed(loop, seed)
        module = importlib.import_module(f"benchmarks.feeders.{FEEDERS[loop.adapter]}")
        start: Callable[[FeedData, int], Epoch] = module.start
        return start(self._data, batch_size)

    def train_pairs(self, epoch: int, start_step: int, device: Device) -> Iterable[Any]:
        """One epoch; of a last batch alone (`start_step`), the service's."""
        if start_step:
            return super().train_pairs(epoch, start_step, device)
        pairs: Iterable[Any] = self._epoch(epoch)
        if self._facts[0].adapter == "torch":
            # Models here take (m, height, width); ToTensor puts a channel in front.
            pairs = ((images[:, 0], labels) for images, labels in pairs)
        return pairs


def _seed(loop: Loop, seed: int) -> None:
    if loop.adapter == "torch":
        import torch

        torch.manual_seed(seed)
    else:
        import tensorflow as tf

        tf.random.set_seed(seed)
