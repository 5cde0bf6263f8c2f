"""TensorFlow as it is usually written: a Keras model and optimiser in a `tf.function`.

For information beside `handwritten.tensorflow`, which is what ours is held to: Keras's
optimisers take ten operations a weight where TensorFlow has one.
"""

from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any

import tensorflow as tf

from benchmarks.handwritten.keras import model_of, optimizer_of

Pairs = Sequence[tuple[Any, Any]]


class KerasTape:
    """A `Handwritten`."""

    def __init__(self, recipe: str, form: str, pairs: Pairs, num_steps: int) -> None:
        self.pairs = pairs
        self.model = model = model_of(recipe)
        self.optimizer = optimizer = optimizer_of(recipe, num_steps)
        variables = model.trainable_variables
        optimizer.build(variables)
        self.num_parameters = model.count_params()
        self.variables = [*variables, *optimizer.variables]
        self.initial = [variable.numpy() for variable in self.variables]
        is_one_hot = recipe == "mlp-512"

        def step(images: Any, labels: Any) -> Any:
            with tf.GradientTape() as tape:
                logits = model(images, training=True)
                if is_one_hot:
                    each = tf.nn.softmax_cross_entropy_with_logits(labels, logits)
                else:
                    each = tf.nn.sparse_softmax_cross_entropy_with_logits(
                        labels, logits
                    )
                loss = tf.reduce_mean(each)
            gradients = tape.gradient(loss, variables)
            optimizer.apply(gradients, variables)
            return loss

        self.step = tf.function(step, jit_compile=form == "xla")

    def reset(self) -> None:
        """Initial weights, fresh optimiser."""
        for variable, value in zip(self.variables, self.initial, strict=True):
            variable.assign(value)

    def train(self, num_steps: int) -> list[float]:
        """The loss of each step."""
        losses = [
            self.step(images, labels)
            for images, labels in islice(cycle(self.pairs), num_steps)
        ]
        values: list[float] = tf.stack(losses).numpy().tolist()
        return values


build = KerasTape
