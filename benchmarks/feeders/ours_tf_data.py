"""idxdata: a tf.data pipeline of whole batches."""

import itertools

from benchmarks.feed_data import Epoch, FeedData
from benchmarks.feeders._ours import MANY_EPOCHS, batches
from idxdata.adapters import tensorflow as adapter


def start(data: FeedData, batch_size: int) -> Epoch:
    """One pipeline for all epochs, as `dataset` is made for."""
    ours = batches(data, batch_size)
    pairs = iter(adapter.dataset(ours, MANY_EPOCHS))
    return lambda number: itertools.islice(pairs, ours.num_steps)
