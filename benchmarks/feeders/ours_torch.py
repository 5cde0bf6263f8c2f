"""idxdata: PyTorch tensors over our memory, without a DataLoader."""

from benchmarks.feed_data import Epoch, FeedData
from benchmarks.feeders._ours import batches
from idxdata.adapters import torch as adapter


def start(data: FeedData, batch_size: int) -> Epoch:
    """As users call it."""
    ours = batches(data, batch_size)
    return lambda number: adapter.tensors(ours, number)
