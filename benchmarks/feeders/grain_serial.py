"""Grain at its quickest here: no threads, and each batch converted at once."""

from typing import Any

import grain

from benchmarks.feed_data import Epoch, FeedData
from benchmarks.feeders.grain import Examples, convert


def start(data: FeedData, batch_size: int) -> Epoch:
    """Each epoch has a seed of its own, as `reseed_each_epoch` gives it."""
    options = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)

    def epoch(number: int) -> Any:
        pipeline = grain.MapDataset.source(Examples(data)).shuffle(seed=number)
        return pipeline.batch(batch_size).map(convert).to_iter_dataset(options)

    return epoch
