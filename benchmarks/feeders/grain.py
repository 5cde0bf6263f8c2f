"""Grain as its documentation does it: shuffle, map, batch; threads as they come."""

from typing import Any

import grain as _grain
import numpy as np
from numpy.typing import NDArray

from benchmarks.feed_data import Epoch, FeedData


class Examples:
    """A source: image and label by row number."""

    def __init__(self, data: FeedData) -> None:
        self._images, self._labels = data.images, data.labels

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[NDArray[Any], np.int64]:
        return self._images[index], np.int64(self._labels[index])


def convert(pair: tuple[NDArray[Any], Any]) -> tuple[NDArray[Any], Any]:
    """An example, or a batch of them."""
    return pair[0].astype(np.float32) / 255, pair[1]


def start(data: FeedData, batch_size: int) -> Epoch:
    """Each epoch has a seed of its own, as `reseed_each_epoch` gives it."""

    def epoch(number: int) -> Any:
        pipeline = _grain.MapDataset.source(Examples(data)).shuffle(seed=number)
        return pipeline.map(convert).batch(batch_size).to_iter_dataset()

    return epoch
