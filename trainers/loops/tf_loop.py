"""Recipes in TensorFlow: op by op ("eager"), whole step a graph ("function", "xla").

The functions that `trainers.loops` lists. One Python step for all three forms.
"""

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainers.errors import DeviceError, LoopError
from trainers.loops import tf_ranks
from trainers.loops.arrays import check_state
from trainers.loops.job import Job
from trainers.loops.masks import Masks
from trainers.loops.tf_model import Model, cross_entropies
from trainers.loops.tf_optimizers import Updates
from trainers.timing import Tick, TimedEpoch, timed_epoch
from trainers.weights import Weights

FRAMEWORK = "TensorFlow"

Tensor = Any
Pairs = Iterable[tuple[Tensor, Tensor]]
State = dict[str, NDArray[Any]]


def configure(job: Job) -> dict[str, Any]:
    """Set threads, arithmetic flags and device of this process; returns them.

    One of several processes meets the others here. Raises `DeviceError` if there is no
    such device, `LoopError` if TensorFlow has already started with other threads or
    devices, and the errors of `tf_ranks.join`.
    """
    devices = tf.config.list_physical_devices("GPU") if job.device == "cuda" else []
    if job.device == "cuda" and not devices:
        raise DeviceError(
            "TensorFlow has no such device",
            expected="cpu",
            found=job.device,
            hint="pass --device cpu, or install TensorFlow for that device",
        )
    try:
        tf.config.set_visible_devices(devices[:1], "GPU")
        tf.config.threading.set_intra_op_parallelism_threads(job.num_threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError as error:
        raise LoopError(
            "TensorFlow has started in this process",
            expected=f"{tf.config.threading.get_intra_op_parallelism_threads()} threads",
            found=f"{job.num_threads} on {job.device}",
            hint="use another process",
        ) from error
    tf.config.experimental.enable_tensor_float_32_execution(False)
    flags: dict[str, Any] = {}
    if job.ranks is not None:
        tf_ranks.join(job.ranks)
        flags = {
            "ranks": job.ranks.num_ranks,
            "ranks_by": "MultiWorkerMirroredStrategy",
        }
    return flags | {
        "version": tf.__version__,
        "form": job.form,
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
        "flush_denormal": float(tf.constant(2e-38) * 0.25) == 0,
        "tensor_float_32": tf.config.experimental.tensor_float_32_execution_enabled(),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
        "layout": "channels_last",
        "optimizer": "TensorFlow's fused training operations",
        "device": job.device,
        "precision": job.precision,
    }


class Trainer:
    """One model with its optimiser. `job`; `step`: the next one, from 0."""

    def __init__(self, job: Job) -> None:
        recipe = job.recipe
        self.job = job
        self.step = 0
        self.dtype = tf.as_dtype(job.dtype)
        self.masks = Masks(job)
        with tf.device("GPU:0" if job.device == "cuda" else "CPU:0"):
            self.weights = {
                name: tf.Variable(tf.zeros(shape, self.dtype), trainable=False)
                for name, shape in recipe.weight_shapes().items()
            }
            self.trained = {n: self.weights[n] for n in recipe.trainable_names()}
            self.updates = Updates(recipe.optimizer, self.trained)
            # The step's number is a variable too, by which the graph counts on.
            self.device_step = tf.Variable(0, dtype=tf.int64, trainable=False)
            rates = recipe.learning_rates(job.num_steps)
            self.rates = tf.constant(rates.astype(job.dtype))
        self.shared = None if job.ranks is None else tf_ranks.Shared(job.ranks)
        self.model = Model(recipe, self.weights, job.seed, self.shared)
        self.update = self._compiled_update()
        self.differentiate = _compiled(self._loss_and_gradients, job.form)
        self.infer = _compiled(self._infer, job.form)

    def _compiled_update(self) -> Callable[..., Any]:
        shared, form = self.shared, self.job.form
        if shared is None:
            return _compiled(self._update, form)
        # All processes must trace a step at once, since they count what they add up
        # as they trace; parts of two global batches can have one size in some alone.
        by_count: dict[int, Callable[..., Any]] = {}

        def update(*tensors: Tensor) -> Any:
            count = shared.ranks.count(self.step)
            if count not in by_count:
                by_count[count] = _compiled(shared.spread(self._update), form)
            return by_count[count](*tensors)

        return update

    def _update(self, images: Tensor, labels: Tensor, *masks: Tensor) -> Tensor:
        step = self.device_step.read_value()
        loss, gradients, moving = self._differentiate(images, labels, masks, step)
        rate = tf.gather(self.rates, tf.minimum(step, self.job.num_steps - 1))
        self.updates.apply(gradients, rate, step)
        for name, value in moving.items():
            self.weights[name].assign(value, read_value=False)
        self.device_step.assign_add(1, read_value=False)
        return loss

    def _loss_and_gradients(
        self, images: Tensor, labels: Tensor, *masks: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        step = self.device_step.read_value()
        loss, gradients, _ = self._differentiate(images, labels, masks, step)
        return loss, gradients

    def _differentiate(
        self, images: Tensor, labels: Tensor, masks: tuple[Tensor, ...], step: Tensor
    ) -> tuple[Tensor, list[Tensor], dict[str, Tensor]]:
        variables = list(self.trained.values())
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            logits, moving = self.model.train(tf.cast(images, self.dtype), masks, step)
            losses = cross_entropies(logits, labels)
            loss = tf.reduce_mean(losses)
            if self.shared is not None:
                loss = self.shared.mean(losses, step)
        gradients = tape.gradient(loss, variables)
        if self.shared is not None:
            loss, *gradients = self.shared.sum([loss, *gradients])
        return loss, gradients, moving

    def _infer(self, images: Tensor) -> Tensor:
        return self.model.infer(tf.cast(images, self.dtype))


def build(job: Job) -> Trainer:
    """A trainer whose weights are not yet set."""
    return Trainer(job)


def load_weights(trainer: Trainer, weights: Weights) -> None:
    """Set all weights from the neutral layout; step 0, a fresh optimiser."""
    for name, variable in trainer.weights.items():
        variable.assign(weights[name].astype(trainer.job.dtype))
    trainer.updates.reset()
    _set_step(trainer, 0)


def get_weights(trainer: Trainer) -> Weights:
    """Copies of all weights in the neutral layout, in the job's precision."""
    return {
        name: np.array(variable.numpy()) for name, variable in trainer.weights.items()
    }


def get_state(trainer: Trainer) -> State:
    """The optimiser's arrays as "<weight name>/<slot>", and "step"; copies."""
    slots = {n: np.array(slot.numpy()) for n, slot in trainer.updates.slots.items()}
    return {"step": np.array(trainer.step, np.int64), **slots}


def set_state(trainer: Trainer, state: State) -> None:
    """The opposite of `get_state`; `CheckpointError` if it is of another recipe."""
    check_state(state, get_state(trainer))
    trainer.updates.reset()
    for name, slot in trainer.updates.slots.items():
        slot.assign(state[name].astype(trainer.job.dtype))
    _set_step(trainer, int(state["step"]))


def train_step(trainer: Trainer, images: Tensor, labels: Tensor) -> Tensor:
    """One update from images (m, h, w) and labels; the batch's mean loss, a tensor."""
    masks = _masks(trainer, len(labels))
    loss = trainer.update(images, labels, *masks)
    trainer.step += 1
    return loss


def gradients(
    trainer: Trainer, images: Tensor, labels: Tensor
) -> tuple[float, Weights]:
    """Loss and gradients, by trainable name, of the next step; no update."""
    masks = _masks(trainer, len(labels))
    loss, found = trainer.differentiate(images, labels, *masks)
    arrays = [np.array(gradient.numpy()) for gradient in found]
    return float(loss), dict(zip(trainer.trained, arrays, strict=True))


def to_floats(losses: list[Tensor]) -> list[float]:
    """The values of losses; waits until all of them are there."""
    return [float(loss) for loss in tf.stack(losses).numpy()] if losses else []


def train_epoch(
    trainer: Trainer, pairs: Pairs, num_steps: int, tick: Tick | None = None
) -> TimedEpoch:
    """Train on all pairs. `num_steps` is of use to other loops."""
    return timed_epoch(partial(train_step, trainer), to_floats, pairs, tick)


def predict(trainer: Trainer, pairs: Pairs) -> NDArray[Any]:
    """Logits (n, classes) of all images, in order, in the job's precision."""
    logits = [trainer.infer(images).numpy() for images, *_ in pairs]
    empty = np.empty((0, trainer.job.recipe.num_classes), trainer.job.dtype)
    return np.concatenate([empty, *logits])


def save_model(trainer: Trainer, path: str | os.PathLike[str]) -> None:
    """A `.keras` file as `keras_model.export_model` writes it, and its errors."""
    from trainers.loops.keras_model import export_model

    export_model(trainer.job.recipe, get_weights(trainer), Path(path))


def load_model(trainer: Trainer, path: str | os.PathLike[str]) -> None:
    """Weights of such a file, as by `load_weights`; nothing of it is executed.

    Raises the errors of `keras_model.import_model`.
    """
    from trainers.loops.keras_model import import_model

    load_weights(trainer, import_model(trainer.job.recipe, Path(path)))


def sum_over_ranks(job: Job, array: NDArray[Any]) -> NDArray[Any]:
    """The sum of all processes' arrays, the same on each of them; a fresh array."""
    assert job.ranks is not None  # for the type checker: of several processes
    return tf_ranks.sum_over_ranks(job.ranks, array)


def lost_rank(error: BaseException) -> str | None:
    """The reason, if `error` says that another process is gone or late."""
    return tf_ranks.lost_rank(error)


def _compiled(function: Callable[..., Any], form: str) -> Callable[..., Any]:
    """`function` in the job's form, compiled once for each kind of tensors it gets.

    Calls of a concrete function take half as long as those of a `tf.function`, which
    looks at its arguments anew.
    """
    if form == "eager":
        return function
    general = tf.function(function, autograph=False, jit_compile=form == "xla")
    concrete: dict[Any, Callable[..., Any]] = {}

    def call(*tensors: Tensor) -> Any:
        kind = tuple([(len(tensor), tensor.dtype) for tensor in tensors])
        if kind not in concrete:
            concrete[kind] = general.get_concrete_function(*tensors)
        return concrete[kind](*tensors)

    return call


def _masks(trainer: Trainer, count: int) -> tuple[Tensor, ...]:
    """This step's shared masks."""
    return tuple(map(tf.constant, trainer.masks.of(trainer.step, count)))


def _set_step(trainer: Trainer, step: int) -> None:
    trainer.step = step
    trainer.device_step.assign(step)
