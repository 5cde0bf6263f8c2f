"""What `keras_loop` does by TensorFlow; the same names as in `keras_on_torch`."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainers.loops import tf_loop
from trainers.loops.job import Job
from trainers.loops.keras_fit import Gradients, StepLog, joined_pairs
from trainers.loops.masks import Masks


def configure(job: Job) -> dict[str, Any]:
    """Threads, precision and device, as for TensorFlow's own loops."""
    return dict(tf_loop.configure(job))


def jit_compile(job: Job) -> bool:
    """What "auto" means: XLA, but not on a machine with CPUs only."""
    return job.device != "cpu"


def feed(pairs: Iterable[Any], masks: Masks, step: int, log: StepLog) -> Any:
    """What `fit` takes for an epoch that begins at `step`.

    Of a `tf.data.Dataset` no time is known; nor of others, which TensorFlow takes in a
    thread of its own, two ahead and more.
    """
    if not isinstance(pairs, tf.data.Dataset):
        return joined_pairs(pairs, masks, step)
    if not masks.shapes:
        return pairs
    kinds = [tf.as_dtype(masks.dtype)] * len(masks.shapes)

    def make(step: Any, size: Any) -> list[NDArray[Any]]:
        return masks.of(int(step), int(size))

    def joined(step: Any, pair: tuple[Any, Any]) -> Any:
        images, labels = pair
        made = tf.numpy_function(make, [step, tf.shape(images)[0]], kinds)
        for mask, shape in zip(made, masks.shapes, strict=True):
            mask.set_shape((images.shape[0], *shape))
        return (images, *made), labels

    # The number goes with the batch, and maps are in order: no mask meets another step.
    return pairs.enumerate(step).map(joined)


def train_step(model: Any, inputs: Any, labels: Any) -> Any:
    """One step of `fit`; the logs.

    By a dataset of one element, whose batch size is not known beforehand, as with plans
    that keep a short last batch: `train_on_batch`, and `fit` on batches of one size,
    have graphs of their own, whose last bits were seen to differ.
    """
    one = tf.data.Dataset.from_tensors((inputs, labels))
    model.make_train_function()
    return model.train_function(iter(one.concatenate(one.map(_doubled).take(0))))


def to_floats(losses: list[Any]) -> list[float]:
    """The values of scalar tensors."""
    return [float(loss) for loss in tf.stack(losses).numpy()]


def gradients(model: Any) -> Gradients:
    """(inputs, labels) -> the loss and its gradients by `model.trainable_variables`."""

    def compute(inputs: Any, labels: Any) -> tuple[Any, list[Any]]:
        with tf.GradientTape() as tape:
            loss = model.compute_loss(y=labels, y_pred=model(inputs, training=True))
        variables = [variable.value for variable in model.trainable_variables]
        return loss, tape.gradient(loss, variables)

    return compute


def forward(model: Any) -> Callable[[Any], Any]:
    """images -> logits, in evaluation."""
    images = model.inputs[0]
    spec = tf.TensorSpec(images.shape, np.float32)
    compiled: Callable[[Any], Any] = tf.function(
        lambda images: model(images, training=False), input_signature=[spec]
    )
    return compiled


def _doubled(*tensors: Any) -> Any:
    return tf.nest.map_structure(lambda tensor: tf.concat([tensor] * 2, 0), tensors)
