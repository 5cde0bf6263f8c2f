"""idxdata: NumPy arrays, each batch with memory of its own."""

from benchmarks.feed_data import Epoch, FeedData
from benchmarks.feeders._ours import batches
from idxdata.adapters import numpy as adapter


def start(data: FeedData, batch_size: int) -> Epoch:
    """As users call it."""
    ours = batches(data, batch_size, fresh=True)
    return lambda number: adapter.tensors(ours, number)
