"""JAX by hand: a pytree of weights and one jitted step whose old state is given away.

All in float32, said where JAX with 64-bit numbers, as in ours, would make it float64.
"""

from collections.abc import Sequence
from functools import partial
from itertools import cycle, islice, pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

Pairs = Sequence[tuple[Any, Any]]

UNITS = {
    "mlp-3x100": (784, 100, 100, 100, 10),
    "mlp-512": (784, 512, 512, 10),
    "mlp-128x2": (784, 128, 128, 10),
    "mlp-dropout": (784, 128, 10),
    "mlp-dropout-native": (784, 128, 10),
    "cnn-5x5": (512, 500, 10),
}
RATES = {"mlp-3x100": (1e-3, 0.0), "cnn-5x5": (2e-3, 0.0)}
KEEP = np.float32(0.8)


def wake(form: str) -> None:
    """Start the compiler."""
    jax.jit(jnp.sin)(jnp.ones(2)).block_until_ready()


class Jax:
    """A `Handwritten`."""

    def __init__(self, recipe: str, form: str, pairs: Pairs, num_steps: int) -> None:
        self.pairs = pairs
        self.step = jax.jit(
            partial(step, recipe=recipe, num_steps=num_steps), donate_argnums=0
        )
        self.initial = jax.jit(weights_of, static_argnums=0)(recipe, jax.random.key(0))
        self.num_parameters = sum(w.size for w in jax.tree.leaves(self.initial))
        self.reset()

    def reset(self) -> None:
        """Initial weights, fresh optimiser, step 0."""
        # Copies: a step gives its state's memory away.
        weights = jax.tree.map(jnp.copy, self.initial)
        zeros = jax.tree.map(jnp.zeros_like, weights)
        again = jax.tree.map(jnp.zeros_like, weights)
        self.state: Any = (weights, zeros, again, jnp.zeros((), jnp.int32))

    def train(self, num_steps: int) -> list[float]:
        """The loss of each step."""
        state, losses = self.state, []
        for images, labels in islice(cycle(self.pairs), num_steps):
            state, loss = self.step(state, images, labels)
            losses.append(loss)
        self.state = state
        return [float(loss) for loss in jax.device_get(losses)]


build = Jax


def weights_of(recipe: str, key: Any) -> list[tuple[Any, Any]]:
    """Kernel and bias of each layer; convolutions come first."""
    glorot = jax.nn.initializers.glorot_uniform()
    units = UNITS[recipe]
    shapes: list[tuple[int, ...]] = list(pairwise(units))
    if recipe == "cnn-5x5":
        shapes = [(5, 5, 1, 16), (5, 5, 16, 32), *shapes]
    keys = jax.random.split(key, len(shapes))
    return [
        (glorot(one, shape, jnp.float32), jnp.zeros(shape[-1], jnp.float32))
        for one, shape in zip(keys, shapes, strict=True)
    ]


def logits_of(weights: Any, images: Any, recipe: str, key: Any) -> Any:
    """(m, 10) of images (m, 28, 28)."""
    x = images
    if recipe == "cnn-5x5":
        x = x[..., None]
        for kernel, bias in weights[:2]:
            x = lax.conv_general_dilated(
                x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            x = pooled(jax.nn.relu(x + bias))
        weights = weights[2:]
    x = x.reshape(len(x), -1)
    for kernel, bias in weights[:-1]:
        x = jax.nn.relu(x @ kernel + bias)
    if recipe.startswith("mlp-dropout"):
        x = jnp.where(jax.random.bernoulli(key, KEEP, x.shape), x / KEEP, 0)
    kernel, bias = weights[-1]
    return x @ kernel + bias


def pooled(x: Any) -> Any:
    """Maxima of 2 x 2 windows.

    Not by `lax.reduce_window`, whose gradient takes most of a step on a CPU.
    """
    count, height, width, channels = x.shape
    return x.reshape(count, height // 2, 2, width // 2, 2, channels).max((2, 4))


def loss_of(weights: Any, images: Any, labels: Any, recipe: str, key: Any) -> Any:
    """Mean cross-entropy; labels are integers or one-hot."""
    logs = jax.nn.log_softmax(logits_of(weights, images, recipe, key))
    if labels.ndim == 2:
        return -(logs * labels).sum(axis=1).mean()
    return -jnp.take_along_axis(logs, labels[:, None], axis=1).mean()


def step(
    state: Any, images: Any, labels: Any, *, recipe: str, num_steps: int
) -> tuple[Any, Any]:
    """One update by Adam, or RMSprop for mlp-512; the new state and the loss."""
    weights, means, squares, count = state
    key = jax.random.fold_in(jax.random.key(1), count)
    loss, gradients = jax.value_and_grad(loss_of)(weights, images, labels, recipe, key)
    first, last = RATES.get(recipe, (1e-3, 1e-3))
    done = count.astype(jnp.float32)
    rate = first + (last - first) * done / num_steps
    count = count + 1
    rho = 0.9 if recipe == "mlp-512" else 0.999
    squares = jax.tree.map(lambda v, g: rho * v + (1 - rho) * g * g, squares, gradients)
    if recipe == "mlp-512":
        weights = jax.tree.map(
            lambda w, g, v: w - rate * g / jnp.sqrt(v + 1e-7),
            weights,
            gradients,
            squares,
        )
        return (weights, means, squares, count), loss
    means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, gradients)
    scale = rate * jnp.sqrt(1 - 0.999 ** (done + 1)) / (1 - 0.9 ** (done + 1))
    weights = jax.tree.map(
        lambda w, m, v: w - scale * m / (jnp.sqrt(v) + 1e-7), weights, means, squares
    )
    return (weights, means, squares, count), loss
