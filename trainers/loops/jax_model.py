"""A recipe's forward pass and loss in plain JAX; images are NHWC throughout.

Pure functions, to be traced. The pytree of weights is the neutral one: arrays by name,
in the neutral layout.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from trainers.layers import (
    Activate,
    Activation,
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
)
from trainers.recipes import Recipe

Arrays = dict[str, jax.Array]


def forward(
    recipe: Recipe,
    weights: Arrays,
    images: jax.Array,
    masks: Sequence[jax.Array],
    key: jax.Array | None = None,
    *,
    training: bool,
) -> tuple[jax.Array, Arrays]:
    """Logits (m, classes) of images (m, h, w), and the new moving statistics by name.

    masks: those of the recipe's layers of shared dropout, in order. key: for native
    dropout. Neither is looked at if not `training`, when no statistics change either.
    """
    x = images.astype(next(iter(weights.values())).dtype)[..., None]
    moving: Arrays = {}
    given = iter(masks)
    for index, layer in enumerate(recipe.layers):
        own = _own(weights, index)
        match layer:
            case Dense(activation=activation):
                x = x @ own["kernel"] + own["bias"]
                # A softmax is for files: training and predictions are about logits.
                x = x if activation == "softmax" else _activate(x, activation)
            case Conv(activation=activation, padding=padding):
                x = _convolve(x, own["kernel"], padding.upper()) + own["bias"]
                x = _activate(x, activation)
            case MaxPool(size):
                x = _max_pooled(x, size, x.shape[1:3])
            case AveragePool(size):
                x = _average_pooled(x, size)
            case Flatten():
                x = x.reshape(len(x), -1)
            case Activate(activation):
                x = _activate(x, activation)
            case Dropout(rate, kind) if training:
                if kind == "shared":
                    x = x * next(given)
                else:
                    assert key is not None  # for the type checker
                    x = _dropped(x, rate, jax.random.fold_in(key, index))
            case BatchNorm():
                x, changed = _normalised(layer, own, x, training)
                moving |= {f"{index}.{name}": value for name, value in changed.items()}
    return x, moving


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean over the batch; labels are integers (m,) or one-hot (m, classes).

    NaN if an integer is no class. Not by a gather: its gradient is a scatter, which XLA
    does number by number on the CPU.
    """
    terms = jax.nn.log_softmax(logits)
    if labels.ndim == 1:
        label = labels[:, None]
        classes = lax.broadcasted_iota(labels.dtype, logits.shape, 1)
        terms = _where(label == classes, terms, 0)
        terms = _where((label >= 0) & (label < logits.shape[1]), terms, jnp.nan)
    else:
        terms = terms * labels.astype(logits.dtype)
    return -terms.sum() / len(logits)


def _where(condition: jax.Array, x: jax.Array, otherwise: float) -> jax.Array:
    # A Python number would be a float64 first.
    return jnp.where(condition, x, np.array(otherwise, x.dtype))


def _own(weights: Arrays, index: int) -> Arrays:
    """The weights of one layer, by the names of `weights_of`."""
    start = f"{index}."
    return {
        name.removeprefix(start): array
        for name, array in weights.items()
        if name.startswith(start)
    }


def _activate(x: jax.Array, activation: Activation) -> jax.Array:
    match activation:
        case "relu":
            return jax.nn.relu(x)
        case "tanh":
            return jnp.tanh(x)
        case "sigmoid":
            return jax.nn.sigmoid(x)
    return x


def _convolve(x: jax.Array, kernel: jax.Array, padding: str) -> jax.Array:
    layouts = ("NHWC", "HWIO", "NHWC")
    y: jax.Array = lax.conv_general_dilated(
        x, kernel, (1, 1), padding, dimension_numbers=layouts
    )
    return y


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _max_pooled(x: jax.Array, size: int, sides: tuple[int, int]) -> jax.Array:
    """Maxima of windows; the first of equal ones, row by row, gets the gradient.

    sides: height and width of x. XLA's own gradient is a select-and-scatter, which took
    two thirds of a whole step of `cnn-5x5` on the CPU; this one is a comparison.
    """
    window = (1, size, size, 1)
    largest: jax.Array = lax.reduce_window(
        x, -jnp.inf, lax.max, window, window, "VALID"
    )
    return largest


def _max_pooled_forward(
    x: jax.Array, size: int, sides: tuple[int, int]
) -> tuple[jax.Array, jax.Array]:
    """The maxima, and of each the place in its window, 0 to size * size - 1."""
    dtype = np.int8 if size * size <= np.iinfo(np.int8).max else np.int32
    rows, columns = (side // size * size for side in sides)
    offsets = [(i, j) for i in range(size) for j in range(size)]
    numbers = [x[:, i:rows:size, j:columns:size] for i, j in offsets]
    largest, places = numbers[0], jnp.zeros(numbers[0].shape, dtype)
    for place, number in enumerate(numbers[1:], 1):
        places = jnp.where(number > largest, dtype(place), places)
        largest = jnp.maximum(largest, number)
    return largest, places


def _max_pooled_backward(
    size: int, sides: tuple[int, int], places: jax.Array, d_largest: jax.Array
) -> tuple[jax.Array]:
    m, rows, columns, channels = places.shape
    offsets = np.arange(size * size, dtype=places.dtype).reshape(size, 1, size, 1)
    # (m, rows, size, columns, size, channels), a view of (m, height, width, channels)
    is_it = places[:, :, None, :, None] == offsets
    windows = _where(is_it, d_largest[:, :, None, :, None], 0)
    dx = windows.reshape(m, rows * size, columns * size, channels)
    # What is left over at the border has no part in anything.
    below, right = sides[0] - rows * size, sides[1] - columns * size
    return (jnp.pad(dx, ((0, 0), (0, below), (0, right), (0, 0))),)


_max_pooled.defvjp(_max_pooled_forward, _max_pooled_backward)


def _average_pooled(x: jax.Array, size: int) -> jax.Array:
    m, height, width, channels = x.shape
    rows, columns = height // size, width // size
    inner = x[:, : rows * size, : columns * size]
    return inner.reshape(m, rows, size, columns, size, channels).mean((2, 4))


def _dropped(x: jax.Array, rate: float, key: jax.Array) -> jax.Array:
    # Whole numbers: JAX's own Bernoulli numbers pass through float64 here.
    limit = np.uint32(min(round(rate * 2**32), 2**32 - 1))
    kept = jax.random.bits(key, x.shape, np.uint32) >= limit
    return _where(kept, x / (1 - rate), 0)


def _normalised(
    layer: BatchNorm, own: Arrays, x: jax.Array, training: bool
) -> tuple[jax.Array, Arrays]:
    """The normalised x and, in training, the new moving mean and variance."""
    changed: Arrays = {}
    mean, variance = own["moving_mean"], own["moving_variance"]
    if training:
        axes = tuple(range(x.ndim - 1))
        batch_mean = x.mean(axes)
        batch_variance = jnp.square(x - batch_mean).mean(axes)
        keep = layer.momentum
        changed = {
            "moving_mean": keep * mean + (1 - keep) * batch_mean,
            "moving_variance": keep * variance + (1 - keep) * batch_variance,
        }
        mean, variance = batch_mean, batch_variance
    scale = own["gamma"] * lax.rsqrt(variance + layer.epsilon)
    return (x - mean) * scale + own["beta"], changed
