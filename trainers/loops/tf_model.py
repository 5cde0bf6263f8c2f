"""Recipes in TensorFlow's own operations: layers and loss, without Keras.

Keras's layers come to the same operations in a graph; op by op they take six times as
long, nearly all of it Python.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from trainers.layers import (
    Activate,
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
)
from trainers.loops.tf_ranks import Shared
from trainers.recipes import Recipe

Tensor = Any
Tensors = dict[str, Tensor]

_ACTIVATIONS = {"relu": tf.nn.relu, "tanh": tf.nn.tanh, "sigmoid": tf.nn.sigmoid}


class Model:
    """A recipe's layers as one function of weights and images.

    `weights`: a variable or tensor by each name of `Recipe.weight_shapes`, of one dtype,
    in which all is computed. `seed`: of native dropout. `shared`: of one process of
    several, whose batches are parts of global ones.
    """

    def __init__(
        self,
        recipe: Recipe,
        weights: Mapping[str, Tensor],
        seed: int,
        shared: Shared | None = None,
    ) -> None:
        self.recipe = recipe
        self.weights = weights
        self.shapes = recipe.shapes()
        self.shared = shared
        rank = 0 if shared is None else shared.ranks.rank
        layers = range(len(recipe.layers))
        self.seeds = [_layer_seed(seed, index, rank) for index in layers]

    def train(
        self, images: Tensor, masks: Sequence[Tensor], step: Tensor
    ) -> tuple[Tensor, Tensors]:
        """Logits (m, classes) in training, and the new moving statistics by name.

        images (m, height, width) of the weights' dtype; one mask (m, *shape) for each
        shared dropout, in order; `step`, int64, numbers the masks of native dropout.
        """
        values = self._begin(images)
        left = iter(masks)
        moving: Tensors = {}
        for index, layer in enumerate(self.recipe.layers):
            if isinstance(layer, BatchNorm):
                values = self._normalise(index, layer, values, moving, step)
            elif not isinstance(layer, Dropout):
                values = self._apply(index, values)
            elif layer.masks == "shared":
                values = values * next(left)
            else:
                seed = tf.stack([tf.constant(self.seeds[index], tf.int64), step])
                values = tf.nn.experimental.stateless_dropout(values, layer.rate, seed)
        return values, moving

    def infer(self, images: Tensor) -> Tensor:
        """Logits (m, classes) in evaluation."""
        values = self._begin(images)
        for index, layer in enumerate(self.recipe.layers):
            if isinstance(layer, BatchNorm):
                centred = values - self.weights[f"{index}.moving_mean"]
                variance = self.weights[f"{index}.moving_variance"]
                values = self._scale(index, layer, centred, variance)
            elif not isinstance(layer, Dropout):
                values = self._apply(index, values)
        return values

    def _begin(self, images: Tensor) -> Tensor:
        """With the axis of channels, unless that would be flattened at once."""
        is_flat = isinstance(self.recipe.layers[0], Flatten)
        return images if is_flat else tf.expand_dims(images, -1)

    def _apply(self, index: int, values: Tensor) -> Tensor:
        """A layer that is the same in training and evaluation."""
        match self.recipe.layers[index]:
            case Dense(_, activation):
                products = tf.matmul(values, self.weights[f"{index}.kernel"])
                return self._activate(index, activation, products)
            case Conv(_, _, activation, padding):
                kernel = self.weights[f"{index}.kernel"]
                sums = tf.nn.conv2d(values, kernel, 1, padding.upper())
                return self._activate(index, activation, sums)
            case MaxPool(size):
                return tf.nn.max_pool2d(values, size, size, "VALID")
            case AveragePool(size):
                return tf.nn.avg_pool2d(values, size, size, "VALID")
            case Flatten():
                return tf.reshape(values, (-1, math.prod(self.shapes[index])))
            case Activate(activation):
                return _ACTIVATIONS.get(activation, tf.identity)(values)
        raise AssertionError(self.recipe.layers[index])

    def _activate(self, index: int, activation: str, sums: Tensor) -> Tensor:
        # Always bias_add: TensorFlow fuses it with the product before it.
        values = tf.nn.bias_add(sums, self.weights[f"{index}.bias"])
        function = _ACTIVATIONS.get(activation)
        return values if function is None else function(values)

    def _normalise(
        self,
        index: int,
        layer: BatchNorm,
        values: Tensor,
        moving: Tensors,
        step: Tensor,
    ) -> Tensor:
        mean = self._batch_mean(values, step)
        centred = values - mean
        variance = self._batch_mean(centred * centred, step)
        for name, batch in (("moving_mean", mean), ("moving_variance", variance)):
            moved = layer.momentum * self.weights[f"{index}.{name}"]
            moving[f"{index}.{name}"] = moved + (1 - layer.momentum) * batch
        return self._scale(index, layer, centred, variance)

    def _batch_mean(self, values: Tensor, step: Tensor) -> Tensor:
        if self.shared is None:
            return _mean(values)
        return self.shared.statistics_mean(values, step)

    def _scale(
        self, index: int, layer: BatchNorm, centred: Tensor, variance: Tensor
    ) -> Tensor:
        # Not tf.nn.batch_normalization, which takes the mean off after scaling: graphs
        # reorder its sums, and their bits differ from those op by op.
        gamma, beta = (self.weights[f"{index}.{name}"] for name in ("gamma", "beta"))
        return centred * (gamma * tf.math.rsqrt(variance + layer.epsilon)) + beta


def cross_entropies(logits: Tensor, labels: Tensor) -> Tensor:
    """Each example's loss (m,), of integer labels (m,) or one-hot ones (m, classes)."""
    if labels.dtype.is_floating:
        return tf.nn.softmax_cross_entropy_with_logits(
            tf.cast(labels, logits.dtype), logits
        )
    return tf.nn.sparse_softmax_cross_entropy_with_logits(
        tf.cast(labels, tf.int64), logits
    )


def _mean(values: Tensor) -> Tensor:
    """Over all axes but the last.

    Not tf.reduce_mean, in whose gradient graphs turn a division by a constant into a
    product: another bit than op by op.
    """
    count = math.prod(values.shape[:-1])
    return tf.reduce_sum(values, list(range(len(values.shape) - 1))) * (1 / count)


def _layer_seed(seed: int, index: int, rank: int) -> int:
    """An int64 that takes all 64 bits of `seed`."""
    name = f"{seed}/{index}/{rank}" if rank else f"{seed}/{index}"
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
