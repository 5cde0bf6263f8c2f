"""Keras by hand: a `Sequential` model, `compile` and `fit`, for each backend.

Batches come from a tf.data pipeline with the backend TensorFlow, from a generator with
the others: Keras's quickest ways. A step is an execution, as in ours, which knows each
step's loss; with `steps_per_execution` of 32 small models are quicker on TensorFlow.
"""

from collections.abc import Iterable
from itertools import cycle
from typing import Any

import keras
from keras import layers

Pairs = Iterable[tuple[Any, Any]]


def wake(form: str) -> None:
    """A `fit` of another model."""
    model = keras.Sequential([layers.Input((1,)), layers.Dense(1)])
    model.compile(loss="mse")
    model.fit(keras.ops.ones((2, 1)), keras.ops.ones((2, 1)), verbose=0)


class Keras:
    """A `Handwritten`."""

    def __init__(self, recipe: str, form: str, pairs: Pairs, num_steps: int) -> None:
        self.model = model_of(recipe)
        self.optimizer = optimizer_of(recipe, num_steps)
        self.optimizer.build(self.model.trainable_variables)
        losses = keras.losses
        loss: Any = losses.SparseCategoricalCrossentropy(from_logits=True)
        if recipe == "mlp-512":
            loss = losses.CategoricalCrossentropy(from_logits=True)
        self.model.compile(self.optimizer, loss)
        self.num_parameters = self.model.count_params()
        self.variables = [*self.model.trainable_variables, *self.optimizer.variables]
        self.initial = [keras.ops.convert_to_numpy(v) for v in self.variables]
        self.pairs = pairs

    def reset(self) -> None:
        """Initial weights, fresh optimiser."""
        for variable, value in zip(self.variables, self.initial, strict=True):
            variable.assign(value)

    def train(self, num_steps: int) -> list[float]:
        """The mean loss of all steps, which is all that `fit` says."""
        batches: Any = self.pairs
        if isinstance(batches, list):
            # Keras takes a generator, but not `cycle` itself.
            batches = (pair for pair in cycle(self.pairs))
        history = self.model.fit(
            batches, steps_per_epoch=num_steps, shuffle=False, verbose=0
        )
        losses: list[float] = history.history["loss"]
        return losses


build = Keras


def model_of(recipe: str) -> Any:
    """The model that makes logits of images (m, 28, 28)."""
    match recipe:
        case "mlp-3x100":
            hidden = [layers.Dense(100, "relu") for _ in range(3)]
        case "cnn-5x5":
            return keras.Sequential(
                [
                    layers.Input((28, 28)),
                    layers.Reshape((28, 28, 1)),
                    layers.Conv2D(16, 5, activation="relu"),
                    layers.MaxPooling2D(),
                    layers.Conv2D(32, 5, activation="relu"),
                    layers.MaxPooling2D(),
                    layers.Flatten(),
                    layers.Dense(500, "relu"),
                    layers.Dense(10),
                ]
            )
        case "mlp-512":
            hidden = [layers.Dense(512, "relu") for _ in range(2)]
        case "mlp-128x2":
            hidden = [layers.Dense(128, "relu") for _ in range(2)]
        case "mlp-dropout" | "mlp-dropout-native":
            hidden = [layers.Dense(128, "relu"), layers.Dropout(0.2)]
        case _:
            raise KeyError(recipe)
    return keras.Sequential(
        [layers.Input((28, 28)), layers.Flatten(), *hidden, layers.Dense(10)]
    )


def optimizer_of(recipe: str, num_steps: int) -> Any:
    """Adam or RMSprop; the rate of two recipes falls to 0."""
    if recipe == "mlp-512":
        return keras.optimizers.RMSprop(1e-3)
    rate: Any = 2e-3 if recipe == "cnn-5x5" else 1e-3
    if recipe in ("mlp-3x100", "cnn-5x5"):
        rate = keras.optimizers.schedules.PolynomialDecay(rate, num_steps, 0.0)
    return keras.optimizers.Adam(rate)
