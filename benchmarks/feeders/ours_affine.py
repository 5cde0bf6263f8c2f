"""idxdata with augmentation: shifted, turned and scaled."""

from benchmarks.feed_data import Epoch, FeedData
from benchmarks.feeders._ours import batches
from idxdata import Augmentation
from idxdata.adapters import numpy as adapter


def start(data: FeedData, batch_size: int) -> Epoch:
    """NumPy arrays."""
    augmentation = Augmentation(shift=2, rotate=15, scale=0.1)
    ours = batches(data, batch_size, augmentation=augmentation)
    return lambda number: adapter.tensors(ours, number)
