"""Recipes in JAX, the whole step by jax.jit. The functions that `trainers.loops` lists."""

import os
from collections.abc import Iterable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from trainers.errors import DeviceError
from trainers.loops.arrays import PathLike, check_state
from trainers.loops.jax_files import read_weights, write_weights
from trainers.loops.jax_model import Arrays
from trainers.loops.jax_optimizers import Slots, slot_names
from trainers.loops.jax_step import differentiate, infer, update
from trainers.loops.jax_threads import start_client
from trainers.loops.job import Job
from trainers.loops.masks import Masks
from trainers.timing import Tick, TimedEpoch, timed_epoch
from trainers.weights import Weights

FRAMEWORK = "JAX"

Array = jax.Array
Pairs = Iterable[tuple[Array, Array]]
State = dict[str, NDArray[Any]]


def configure(job: Job) -> dict[str, Any]:
    """Set threads, precision and device of this process; returns them for the record.

    `jax_enable_x64` is on for float32 too, where only labels, which are int64, use it.
    Raises `LoopError` for a number of threads that JAX no longer can be set to, and
    `DeviceError` if there is no such device.
    """
    threads = start_client(job.num_threads)
    device = _device(job)
    config: Any = jax.config
    config.update("jax_enable_x64", True)
    config.update("jax_default_matmul_precision", "highest")
    config.update("jax_default_device", device)
    return {
        "version": jax.__version__,
        "form": job.form,
        "precision": job.precision,
        "threads": threads,
        "flush_denormal": _flushes_denormals(),
        "float32_matmul": "highest",
        "enable_x64": True,
        "layout": "NHWC",
        "optimizer": "in the compiled step, arrays donated",
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "device": device.device_kind if job.device == "cuda" else "cpu",
    }


class Trainer:
    """One model with its optimiser. `job`; `step`: the next one, from 0."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.recipe = job.recipe
        self.dtype = np.dtype(job.dtype)
        self.step = 0
        self.weights: Arrays = {}
        self.slots: Slots = {}
        # The step's number is on the device too, where the compiled step counts on.
        self.device_step = jnp.zeros((), np.int32)
        rates = job.recipe.learning_rates(job.num_steps)
        self.rates = jnp.asarray(rates, self.dtype)
        self.masks = Masks(job)
        self.update: Any = jax.jit(partial(update, job), donate_argnums=0)
        self.differentiate: Any = jax.jit(partial(differentiate, job))
        self.infer: Any = jax.jit(partial(infer, job))


def build(job: Job) -> Trainer:
    """A trainer whose weights are not yet set."""
    return Trainer(job)


def load_weights(trainer: Trainer, weights: Weights) -> None:
    """Set all weights from the neutral layout; step 0, a fresh optimiser."""
    recipe = trainer.recipe
    trainer.weights = {
        name: jnp.array(weights[name], trainer.dtype) for name in recipe.weight_shapes()
    }
    trainer.slots = {
        slot: {
            name: jnp.zeros_like(trainer.weights[name])
            for name in recipe.trainable_names()
        }
        for slot in slot_names(recipe.optimizer)
    }
    _set_step(trainer, 0)


def get_weights(trainer: Trainer) -> Weights:
    """Copies of all weights in the neutral layout, in the job's precision."""
    return {
        name: np.array(trainer.weights[name]) for name in trainer.recipe.weight_shapes()
    }


def get_state(trainer: Trainer) -> State:
    """The optimiser's arrays as "<slot>.<weight>", and "step", int64 (); copies."""
    return {"step": np.array(trainer.step, np.int64)} | {
        f"{slot}.{name}": np.array(arrays[name])
        for slot, arrays in trainer.slots.items()
        for name in trainer.recipe.trainable_names()
    }


def set_state(trainer: Trainer, state: State) -> None:
    """The opposite of `get_state`, after `load_weights`.

    Raises `CheckpointError` if the state is of another recipe.
    """
    check_state(state, get_state(trainer))
    trainer.slots = {
        slot: {
            name: jnp.array(state[f"{slot}.{name}"], trainer.dtype) for name in slots
        }
        for slot, slots in trainer.slots.items()
    }
    _set_step(trainer, int(state["step"]))


def train_step(trainer: Trainer, images: Array, labels: Array) -> Array:
    """One update from images (m, h, w) and labels; the batch's mean loss.

    Does not wait: the loss is there when it is looked at.
    """
    carried = (trainer.weights, trainer.slots, trainer.device_step)
    batch = (images, labels, _masks(trainer, len(labels)))
    loss: Array
    carried, loss = trainer.update(carried, trainer.rates, batch)
    trainer.weights, trainer.slots, trainer.device_step = carried
    trainer.step += 1
    return loss


def gradients(trainer: Trainer, images: Array, labels: Array) -> tuple[float, Weights]:
    """Loss and gradients, by trainable name, of the next step; no update."""
    batch = (images, labels, _masks(trainer, len(labels)))
    loss, grads, _ = trainer.differentiate(trainer.weights, trainer.device_step, batch)
    names = trainer.recipe.trainable_names()
    return float(loss), {name: np.array(grads[name]) for name in names}


def to_floats(losses: list[Array]) -> list[float]:
    """The values of losses; waits until all of them are there."""
    return [float(loss) for loss in jax.device_get(losses)]


def train_epoch(
    trainer: Trainer, pairs: Pairs, num_steps: int, tick: Tick | None = None
) -> TimedEpoch:
    """Train on all pairs. `num_steps` is of use to other loops."""
    return timed_epoch(partial(train_step, trainer), to_floats, pairs, tick)


def predict(trainer: Trainer, pairs: Pairs) -> NDArray[Any]:
    """Logits (n, classes) of all images, in order, in the job's precision."""
    logits = [trainer.infer(trainer.weights, images) for images, *_ in pairs]
    empty = np.empty((0, trainer.recipe.num_classes), trainer.dtype)
    return np.concatenate([empty, *jax.device_get(logits)])


def save_model(trainer: Trainer, path: PathLike) -> None:
    """All weights to a new `.safetensors` file (`jax_files.write_weights`)."""
    write_weights(get_weights(trainer), path)


def load_model(trainer: Trainer, path: PathLike) -> None:
    """Weights of such a file, as by `load_weights` (`jax_files.read_weights`)."""
    load_weights(trainer, read_weights(trainer.recipe, path))


def _masks(trainer: Trainer, count: int) -> tuple[NDArray[Any], ...]:
    """This step's shared masks."""
    return tuple(trainer.masks.of(trainer.step, count))


def _set_step(trainer: Trainer, step: int) -> None:
    trainer.step = step
    trainer.device_step = jnp.array(step, np.int32)


def _device(job: Job) -> jax.Device:
    try:
        return jax.devices(job.device)[0]
    except RuntimeError as error:
        raise DeviceError(
            f"JAX has no device {job.device!r}",
            expected="one of " + ", ".join(sorted({d.platform for d in jax.devices()})),
            found=job.device,
        ) from error


def _flushes_denormals() -> bool:
    """Whether compiled code makes 0 of a denormal number."""
    smallest = jnp.full(64, np.finfo(np.float32).tiny)
    return not bool(jax.jit(lambda x: x * np.float32(0.25))(smallest).any())
