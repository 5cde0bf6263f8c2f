"""idxdata: the split as bytes with PyTorch, which makes the batches itself; here a CPU."""

from benchmarks.feed_data import Epoch, FeedData
from benchmarks.feeders._ours import batches
from idxdata.adapters import torch as adapter


def start(data: FeedData, batch_size: int) -> Epoch:
    """Needs the memory of all images once more."""
    resident = adapter.resident(batches(data, batch_size))
    return resident.tensors
