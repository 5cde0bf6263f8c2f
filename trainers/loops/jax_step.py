"""One training step as pure functions of arrays, to be compiled whole."""

import jax
import jax.numpy as jnp
import numpy as np

from trainers.loops.jax_model import Arrays, cross_entropy, forward
from trainers.loops.jax_optimizers import Slots, updated
from trainers.loops.job import Job

Carried = tuple[Arrays, Slots, jax.Array]
"""All weights, the optimiser's slots, and the step's number, an int32 scalar."""

Batch = tuple[jax.Array, jax.Array, tuple[jax.Array, ...]]
"""Images (m, h, w), labels, and a mask for each layer of shared dropout."""


def update(
    job: Job, state: Carried, rates: jax.Array, batch: Batch
) -> tuple[Carried, jax.Array]:
    """The state after one step, and the batch's mean loss before it.

    rates: the learning rate of each step; past the last one it stays.
    """
    weights, slots, step = state
    loss, grads, moving = differentiate(job, weights, step, batch)
    trained = {name: weights[name] for name in grads}
    rate = rates.at[step].get(mode="clip")
    trained, slots = updated(job.recipe.optimizer, trained, slots, grads, rate, step)
    return (trained | moving, slots, step + 1), loss


def differentiate(
    job: Job, weights: Arrays, step: jax.Array, batch: Batch
) -> tuple[jax.Array, Arrays, Arrays]:
    """Loss, gradients and new moving statistics, by name."""
    trained = {name: weights[name] for name in job.recipe.trainable_names()}
    fixed = {name: weights[name] for name in weights if name not in trained}
    images, labels, masks = batch
    key = jax.random.fold_in(_seed_key(job.seed), step)

    def loss_of(trained: Arrays) -> tuple[jax.Array, Arrays]:
        logits, moving = forward(
            job.recipe, trained | fixed, images, masks, key, training=True
        )
        return cross_entropy(logits, labels), moving

    (loss, moving), grads = jax.value_and_grad(loss_of, has_aux=True)(trained)
    return loss, grads, moving


def infer(job: Job, weights: Arrays, images: jax.Array) -> jax.Array:
    """Logits (m, classes) in evaluation."""
    logits, _ = forward(job.recipe, weights, images, (), training=False)
    return logits


def _seed_key(seed: int) -> jax.Array:
    """Of all 64 bits; `jax.random.key` takes an int64."""
    halves = np.array([seed >> 32, seed & 0xFFFFFFFF], np.uint32)
    key: jax.Array = jax.random.wrap_key_data(jnp.asarray(halves), impl="threefry2x32")
    return key
