"""Batches as TensorFlow tensors and as a tf.data pipeline."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.batches import Batches
from idxdata.buffers import ALIGNMENT
from idxdata.errors import MissingFrameworkError

try:
    import tensorflow as tf
except ModuleNotFoundError as error:
    if error.name != "tensorflow":
        raise
    raise MissingFrameworkError("tensorflow", "tensorflow") from error

Pair = tuple[Any, Any]


def dataset(batches: Batches, epochs: int) -> Any:
    """A `tf.data.Dataset` of whole batches, all epochs in a row.

    Elements are images float32 (None, ...) and labels int64 (None,), in our order;
    its cardinality is known, so `fit` shows progress; for `fit` over several
    epochs pass `steps_per_epoch=batches.num_steps`. Works inside a `tf.function`.
    Batches are made in Python, so the pipeline runs only in this process and
    cannot be saved in a graph.
    """
    num_steps = batches.num_steps

    def make(index: int) -> Pair:
        batch = batches.batch(*divmod(int(index), num_steps))
        return batch.images, batch.labels

    def element(index: Any) -> Pair:
        images, labels = tf.numpy_function(make, [index], [tf.float32, tf.int64])
        images.set_shape((None, *batches.example_shape))
        labels.set_shape((None,))
        return images, labels

    return tf.data.Dataset.range(epochs * num_steps).map(element)


def tensors(batches: Batches, epoch: int) -> Iterator[Pair]:
    """One epoch's (images, labels) as eager tensors over our memory, no copy.

    Through dlpack, and so without tf.data. TensorFlow aborts the process for
    memory that is not 64-byte aligned; our buffers are, and it is checked.
    """
    for batch in batches.epoch(epoch):
        yield _tensor(batch.images), _tensor(batch.labels)


def _tensor(array: NDArray[Any]) -> Any:
    if array.ctypes.data % ALIGNMENT:
        return tf.constant(np.array(array))
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
