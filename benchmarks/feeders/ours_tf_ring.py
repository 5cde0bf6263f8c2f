"""idxdata: TensorFlow tensors over our memory, without tf.data."""

from benchmarks.feed_data import Epoch, FeedData
from benchmarks.feeders._ours import batches
from idxdata.adapters import tensorflow as adapter


def start(data: FeedData, batch_size: int) -> Epoch:
    """As users call it."""
    ours = batches(data, batch_size)
    return lambda number: adapter.tensors(ours, number)
