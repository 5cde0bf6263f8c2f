"""Recipes in NumPy float64: what every loop is compared with.

Written to be read, in no framework's words: `reference_layers.py` has a layer's forward
and backward pass in one function, `reference_optimizers.py` an optimiser's formula.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.parity import reference_layers as layers
from tests.parity.reference_optimizers import Updates
from trainers.layers import (
    Activate,
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool,
)
from trainers.recipes import Recipe

Array = NDArray[Any]


class Reference:
    """One model in training. `weights`: float64 by neutral name, replaced, not changed.

    images (m, height, width) of any float dtype, labels integers (m,) or one-hot
    (m, classes); what is computed with them is float64. Dropout has shared masks of
    `seed`: native ones belong to a framework, a `ValueError` here.
    """

    def __init__(
        self,
        recipe: Recipe,
        weights: Mapping[str, Array],
        num_steps: int,
        *,
        seed: int = 0,
    ) -> None:
        if not recipe.is_bit_comparable:
            raise ValueError(f"{recipe.name} has a framework's own dropout masks")
        self.recipe = recipe
        self.weights = {
            name: np.array(weights[name], np.float64) for name in recipe.weight_shapes()
        }
        self.learning_rates = recipe.learning_rates(num_steps).astype(np.float64)
        self.seed = seed
        self.step = 0
        self.updates = Updates(recipe.optimizer)

    def train_step(self, images: Array, labels: Array) -> float:
        """One update; the batch's mean loss before it."""
        loss, gradients, moments = self._passes(images, labels)
        rate = float(self.learning_rates[min(self.step, len(self.learning_rates) - 1)])
        self.updates.apply(self.weights, gradients, rate)
        self._move(moments)
        self.step += 1
        return loss

    def gradients(self, images: Array, labels: Array) -> tuple[float, dict[str, Array]]:
        """The next step's loss and gradients, of `Recipe.trainable_names`; no update."""
        loss, gradients, _ = self._passes(images, labels)
        return loss, gradients

    def predict(self, images: Array) -> Array:
        """Logits (m, classes), in evaluation: no dropout, moving moments."""
        x = images.astype(np.float64)[..., None]
        for index, layer in enumerate(self.recipe.layers):
            if isinstance(layer, BatchNorm):
                own = self._numbers(index)
                root = np.sqrt(own["moving_variance"] + layer.epsilon)
                x = (x - own["moving_mean"]) / root * own["gamma"] + own["beta"]
            elif not isinstance(layer, Dropout):
                x, _ = self._forward(index, layer, x)
        return x

    def _passes(
        self, images: Array, labels: Array
    ) -> tuple[float, dict[str, Array], dict[int, tuple[Array, Array]]]:
        """Loss, gradients, and by layer the moments that batch normalisation saw."""
        x = images.astype(np.float64)[..., None]
        back = []
        moments = {}
        for index, layer in enumerate(self.recipe.layers):
            if isinstance(layer, BatchNorm):
                moments[index] = layers.batch_moments(x)
            x, backward = self._forward(index, layer, x)
            back.append((index, backward))
        loss, dx = layers.cross_entropy(x, labels)
        found: dict[str, Array] = {}
        for index, backward in reversed(back):
            dx, gradients = backward(dx)
            found |= {f"{index}.{name}": array for name, array in gradients.items()}
        return (
            loss,
            {name: found[name] for name in self.recipe.trainable_names()},
            moments,
        )

    def _forward(self, index: int, layer: Layer, x: Array) -> layers.Forward:
        """The layer's output in training, and its backward pass."""
        own = self._numbers(index)
        match layer:
            case Dense(_, activation):
                y = layers.dense(x, own["kernel"], own["bias"])
                return layers.activated(y, activation)
            case Conv(_, _, activation, padding):
                y = layers.conv(x, own["kernel"], own["bias"], padding)
                return layers.activated(y, activation)
            case MaxPool(size):
                return layers.max_pool(x, size)
            case AveragePool(size):
                return layers.average_pool(x, size)
            case Flatten():
                return layers.flatten(x)
            case Dropout(rate):
                mask = layers.dropout_mask(x.shape, rate, self.seed, self.step, index)
                return layers.scale(x, mask)
            case BatchNorm(_, epsilon):
                return layers.batch_norm(x, own["gamma"], own["beta"], epsilon)
            case Activate(activation):
                return layers.activate(x, activation)

    def _numbers(self, index: int) -> dict[str, Array]:
        """A layer's own weights, without the index in their names."""
        prefix = f"{index}."
        return {
            name.removeprefix(prefix): array
            for name, array in self.weights.items()
            if name.startswith(prefix)
        }

    def _move(self, moments: dict[int, tuple[Array, Array]]) -> None:
        """Take a batch's moments into the moving ones."""
        for index, batch in moments.items():
            layer = self.recipe.layers[index]
            assert isinstance(layer, BatchNorm)
            for name, moment in zip(("mean", "variance"), batch, strict=True):
                moving = self.weights[f"{index}.moving_{name}"]
                moving = layer.momentum * moving + (1 - layer.momentum) * moment
                self.weights[f"{index}.moving_{name}"] = moving
