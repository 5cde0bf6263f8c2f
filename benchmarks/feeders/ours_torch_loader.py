"""idxdata: a DataLoader over whole batches, in this process."""

import itertools

from torch.utils.data import DataLoader

from benchmarks.feed_data import Epoch, FeedData
from benchmarks.feeders._ours import MANY_EPOCHS, batches
from idxdata.adapters import torch as adapter


def start(data: FeedData, batch_size: int) -> Epoch:
    """One loader for all epochs, as `dataset` is made for."""
    ours = batches(data, batch_size)
    loader = DataLoader(adapter.dataset(ours, MANY_EPOCHS), batch_size=None)
    pairs = iter(loader)
    return lambda number: itertools.islice(pairs, ours.num_steps)
