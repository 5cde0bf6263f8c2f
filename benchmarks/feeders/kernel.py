"""Our kernel alone: a ready order, one ready buffer, nothing around it."""

import numpy as np

from benchmarks.feed_data import Epoch, FeedData, Pairs
from benchmarks.feeders import _ours  # noqa: F401  (loads the kernels)
from idxdata.buffers import aligned_empty
from idxdata.formats import BatchFormat
from idxdata.gathering import Gatherer


def start(data: FeedData, batch_size: int) -> Epoch:
    """The same order in every epoch."""
    gatherer = Gatherer(data.split, BatchFormat())
    order = np.random.default_rng(0).permutation(len(data.split))
    parts = [
        order[first : first + batch_size] for first in range(0, len(order), batch_size)
    ]
    images = aligned_empty((batch_size, *gatherer.image_shape), np.float32)
    labels = aligned_empty((batch_size,), np.int64)

    def epoch(number: int) -> Pairs:
        for part in parts:
            pair = images[: len(part)], labels[: len(part)]
            gatherer.fill(part, *pair, seed=0, epoch=number)
            yield pair

    return epoch
