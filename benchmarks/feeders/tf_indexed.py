"""tf.data over row numbers, each batch gathered by NumPy: for data not in memory."""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from benchmarks.feed_data import Epoch, FeedData


def start(data: FeedData, batch_size: int) -> Epoch:
    """An order of all rows is made at the beginning of each epoch."""
    images, labels = data.images, data.labels
    random = np.random.default_rng(0)

    def gather(rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        return images[rows], labels[rows].astype(np.int64)

    def convert(rows: Any) -> tuple[Any, Any]:
        batch, numbers = tf.numpy_function(gather, [rows], [tf.uint8, tf.int64])
        return tf.cast(batch, tf.float32) / 255.0, numbers

    def epoch(number: int) -> Any:
        order = tf.data.Dataset.from_tensor_slices(random.permutation(len(labels)))
        return order.batch(batch_size).map(convert).prefetch(tf.data.AUTOTUNE)

    return epoch
