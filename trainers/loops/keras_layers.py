"""The recipes' layers and optimisers as Keras's own, whatever its backend.

Dtypes go to each layer, so that Keras's process-wide ones need no change.
"""

from typing import Any

import keras

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
from trainers.loops.job import Dtype
from trainers.optimizers import SGD, AdamW, Optimizer, RMSprop

_KINDS = {
    Dense: "dense",
    Conv: "conv",
    MaxPool: "max_pool",
    AveragePool: "average_pool",
    Flatten: "flatten",
    Dropout: "dropout",
    BatchNorm: "batch_norm",
    Activate: "activation",
}


class SharedDropout(keras.layers.Layer):  # type: ignore[misc]  # Keras is untyped
    """Times a mask from outside, in training only."""

    def call(self, inputs: Any, mask_values: Any, training: bool | None = None) -> Any:
        """`inputs` times `mask_values`, of the same shape, or unchanged."""
        return inputs * mask_values if training else inputs


def layer_name(layer: Layer, index: int) -> str:
    """The Keras name of a recipe's layer `index`, such as "dense_2"."""
    return f"{_KINDS[type(layer)]}_{index}"


def stock_layer(layer: Layer, index: int, precision: Dtype, seed: int) -> Any:
    """Keras's own layer for a recipe's layer `index`; `seed` is for dropout only."""
    names: dict[str, Any] = {"dtype": precision, "name": layer_name(layer, index)}
    match layer:
        case Dense(units, activation):
            return keras.layers.Dense(units, activation, **names)
        case Conv(filters, size, activation, padding):
            return keras.layers.Conv2D(
                filters, size, padding=padding, activation=activation, **names
            )
        case MaxPool(size):
            return keras.layers.MaxPooling2D(size, **names)
        case AveragePool(size):
            return keras.layers.AveragePooling2D(size, **names)
        case Flatten():
            return keras.layers.Flatten(**names)
        case Dropout(rate):
            return keras.layers.Dropout(rate, seed=seed, **names)
        case BatchNorm(momentum, epsilon):
            return keras.layers.BatchNormalization(
                axis=-1, momentum=momentum, epsilon=epsilon, **names
            )
        case Activate(activation):
            return keras.layers.Activation(activation, **names)


def stock_optimizer(optimizer: Optimizer, learning_rate: float) -> Any:
    """Keras's own optimiser, with every number of the formula written out."""
    common = {
        "learning_rate": float(learning_rate),
        "clipnorm": None,
        "clipvalue": None,
        "global_clipnorm": None,
        "use_ema": False,
    }
    if isinstance(optimizer, SGD):
        return keras.optimizers.SGD(
            momentum=optimizer.momentum,
            nesterov=optimizer.nesterov,
            weight_decay=None,
            **common,
        )
    if isinstance(optimizer, RMSprop):
        return keras.optimizers.RMSprop(
            rho=optimizer.rho,
            momentum=0.0,
            epsilon=optimizer.epsilon,
            centered=False,
            weight_decay=None,
            **common,
        )
    betas = {
        "beta_1": optimizer.beta1,
        "beta_2": optimizer.beta2,
        "epsilon": optimizer.epsilon,
        "amsgrad": False,
    }
    if isinstance(optimizer, AdamW):
        decay = optimizer.weight_decay
        return keras.optimizers.AdamW(weight_decay=decay, **betas, **common)
    return keras.optimizers.Adam(weight_decay=None, **betas, **common)
