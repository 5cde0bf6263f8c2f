"""The optimisers of `trainers/optimizers.py` in JAX, by the formulas given there.

All arithmetic is of the weights' dtype: numbers of an optimiser are Python floats,
which JAX rounds to the dtype of the array beside them. Pure functions, to be traced.
"""

import math

import jax
import jax.numpy as jnp

from trainers.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop

Arrays = dict[str, jax.Array]
Slots = dict[str, Arrays]
"""What an optimiser remembers: arrays of the weights' shapes, by slot and weight name."""


def slot_names(optimizer: Optimizer) -> tuple[str, ...]:
    """The slots that an optimiser has; none for SGD without momentum."""
    match optimizer:
        case SGD(momentum=momentum):
            return ("v",) if momentum else ()
        case RMSprop():
            return ("v",)
        case Adam() | AdamW():
            return ("m", "v")


def updated(
    optimizer: Optimizer,
    weights: Arrays,
    slots: Slots,
    grads: Arrays,
    rate: jax.Array,
    step: jax.Array,
) -> tuple[Arrays, Slots]:
    """Weights and slots after one step.

    rate: the step's learning rate, a scalar of the weights' dtype. step: int32 scalar,
    0 at the first step. `weights` and `grads` are of the trainable names only.
    """
    rates = _rates(optimizer, rate, step)
    new_weights: Arrays = {}
    new_slots: Slots = {slot: {} for slot in slots}
    for name, weight in weights.items():
        own = {slot: arrays[name] for slot, arrays in slots.items()}
        new_weights[name], changed = _update(optimizer, weight, own, grads[name], rates)
        for slot, array in changed.items():
            new_slots[slot][name] = array
    return new_weights, new_slots


def _rates(
    optimizer: Optimizer, rate: jax.Array, step: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The learning rate, and Adam's with its bias correction.

    1 - beta^t is -expm1(t * log(beta)): taken as it is written, it would have only some
    three right digits in float32 at the first steps.
    """
    if not isinstance(optimizer, Adam | AdamW):
        return rate, rate
    t = (step + 1).astype(rate.dtype)
    corrections = [
        # beta 0 has nothing to correct.
        -jnp.expm1(t * math.log(beta)) if beta else jnp.ones_like(t)
        for beta in (optimizer.beta1, optimizer.beta2)
    ]
    return rate, rate * jnp.sqrt(corrections[1]) / corrections[0]


def _update(
    optimizer: Optimizer,
    weight: jax.Array,
    slots: Arrays,
    grad: jax.Array,
    rates: tuple[jax.Array, jax.Array],
) -> tuple[jax.Array, Arrays]:
    rate, corrected = rates
    match optimizer:
        case SGD(momentum=momentum, nesterov=nesterov):
            if not momentum:
                return weight - rate * grad, {}
            v = momentum * slots["v"] - rate * grad
            change = momentum * v - rate * grad if nesterov else v
            return weight + change, {"v": v}
        case RMSprop(rho=rho, epsilon=epsilon):
            v = rho * slots["v"] + (1 - rho) * grad * grad
            return weight - rate * grad / jnp.sqrt(v + epsilon), {"v": v}
        case (
            Adam(beta1=beta1, beta2=beta2, epsilon=epsilon)
            | AdamW(beta1=beta1, beta2=beta2, epsilon=epsilon)
        ):
            if isinstance(optimizer, AdamW):
                weight = weight - rate * optimizer.weight_decay * weight
            m = beta1 * slots["m"] + (1 - beta1) * grad
            v = beta2 * slots["v"] + (1 - beta2) * grad * grad
            return weight - corrected * m / (jnp.sqrt(v) + epsilon), {"m": m, "v": v}
