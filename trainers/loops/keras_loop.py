"""Recipes by Keras's `fit`, on the backend that Keras has in this process.

The functions that `trainers.loops` lists. `fit` is Keras's own, with stock layers and
optimisers; it runs whole epochs, so a run can be resumed between epochs only.
"""

import importlib
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from trainers.errors import LoopError
from trainers.loops.arrays import check_state
from trainers.loops.job import Job
from trainers.loops.keras_fit import FitModel, RateTable, StepLog, joined
from trainers.loops.keras_layers import stock_optimizer
from trainers.loops.keras_model import (
    build_model,
    export_model,
    get_slots,
    import_model,
    inference_model,
    set_slots,
)
from trainers.loops.keras_model import get_weights as model_weights
from trainers.loops.keras_model import set_weights as set_model_weights
from trainers.loops.masks import Masks
from trainers.timing import Tick, TimedEpoch
from trainers.weights import Weights

FRAMEWORK = "Keras"

Pairs = Iterable[tuple[Any, Any]]
State = dict[str, NDArray[Any]]

_backend = importlib.import_module(f"trainers.loops.keras_on_{keras.config.backend()}")


def configure(job: Job) -> dict[str, Any]:
    """Set threads, precision and device of this process; returns them for the record.

    They are set as for the backend's own loops, whose errors are raised. `jit_compile`
    is what Keras's "auto" chooses: XLA on JAX, on TensorFlow with a GPU only, nothing
    on PyTorch.
    """
    flags = _backend.configure(job)
    if job.dtype == "float64":
        _allow_float64()
    return {
        **flags,
        "form": job.form,
        "precision": job.precision,
        "keras": keras.__version__,
        "backend": keras.config.backend(),
        "jit_compile": _backend.jit_compile(job),
        "run_eagerly": False,
        "layout": keras.config.image_data_format(),
        "optimizer": "keras",
    }


class Trainer:
    """One compiled Keras model. `job`; `step`: the next one, from 0."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.step = 0
        made = build_model(job.recipe, job.dtype, seed=job.seed)
        self.model = FitModel(made, job.recipe, job.dtype)
        self.model.compile(
            _optimizer(job),
            jit_compile=_backend.jit_compile(job),
            run_eagerly=False,
        )
        self.model.optimizer.build(self.model.trainable_variables)
        self.masks = Masks(job)
        self.differentiate = _backend.gradients(self.model)
        self.infer = _backend.forward(inference_model(made))
        self.fresh = get_state(self)


def build(job: Job) -> Trainer:
    """A trainer whose weights are not yet set."""
    return Trainer(job)


def load_weights(trainer: Trainer, weights: Weights) -> None:
    """Set all weights from the neutral layout; step 0, a fresh optimiser."""
    set_model_weights(trainer.model, trainer.job.recipe, weights)
    set_state(trainer, trainer.fresh)


def get_weights(trainer: Trainer) -> Weights:
    """Copies of all weights in the neutral layout, in the job's precision."""
    return model_weights(trainer.model, trainer.job.recipe)


def get_state(trainer: Trainer) -> State:
    """The optimiser's arrays, native dropout's seeds, and "step"; copies."""
    slots = get_slots(trainer.model.optimizer, trainer.model, trainer.job.recipe)
    return {"step": np.array(trainer.step, np.int64), **slots}


def set_state(trainer: Trainer, state: State) -> None:
    """The opposite of `get_state`; `CheckpointError` if it is of another recipe."""
    check_state(state, get_state(trainer))
    set_slots(trainer.model.optimizer, trainer.model, trainer.job.recipe, state)
    trainer.step = int(state["step"])
    trainer.model.optimizer.iterations.assign(trainer.step)


def train_step(trainer: Trainer, images: Any, labels: Any) -> float:
    """One update as `fit` does it; the batch's mean loss. Waits for it."""
    logs = _backend.train_step(trainer.model, _inputs(trainer, images), labels)
    trainer.step += 1
    return float(logs["loss"])


def gradients(trainer: Trainer, images: Any, labels: Any) -> tuple[float, Weights]:
    """Loss and gradients, by trainable name, of the next step; no update."""
    model = trainer.model
    moving = [(v, _array(v.value)) for v in model.non_trainable_variables]
    inputs = _inputs(trainer, images)
    loss, found = trainer.differentiate(inputs, labels)
    for variable, value in moving:
        variable.assign(value)
    names = trainer.job.recipe.trainable_names()
    return float(loss), dict(zip(names, map(_array, found), strict=True))


def to_floats(losses: list[float]) -> list[float]:
    """The values of losses."""
    return list(losses)


def train_epoch(
    trainer: Trainer, pairs: Pairs, num_steps: int, tick: Tick | None = None
) -> TimedEpoch:
    """One epoch of `fit`, of `num_steps` pairs; takes none of later ones.

    `pairs`: on TensorFlow a `tf.data.Dataset` of the epoch, by which it is much faster
    than by an iterable; on the others an iterable. `data_s` is the time in its `next`,
    None on TensorFlow; `compute_s` that in Keras's train function, which on JAX does
    not wait for its results; the rest is what `fit` takes to begin, to end and between
    steps. `tick` comes once more at the end; what it raises comes out of `fit`.

    Raises `LoopError` if there are fewer than `num_steps` pairs.
    """
    begin = time.perf_counter()
    log = StepLog(trainer.model, _backend.to_floats, tick)
    data = _backend.feed(pairs, trainer.masks, trainer.step, log)
    try:
        trainer.model.fit(
            data, steps_per_epoch=num_steps, shuffle=False, verbose=0, callbacks=log
        )
    finally:
        trainer.step += log.num_steps
    log.read()
    if log.num_steps < num_steps:
        raise LoopError(
            "the epoch ended early", expected=f"{num_steps} steps", found=log.num_steps
        )
    total_s = time.perf_counter() - begin - log.ticking_s
    if tick is not None:
        tick(log.losses, log.batch_sizes)
    data_s = log.data_s if log.knows_data else None
    return TimedEpoch(total_s, data_s, log.compute_s, log.losses, log.batch_sizes)


def predict(trainer: Trainer, pairs: Pairs) -> NDArray[Any]:
    """Logits (n, classes) of all images, in order, in the job's precision."""
    logits = [trainer.infer(images) for images, *_ in pairs]
    empty = np.empty((0, trainer.job.recipe.num_classes), trainer.job.dtype)
    return np.concatenate([empty, *map(_array, logits)])


def save_model(trainer: Trainer, path: str | os.PathLike[str]) -> None:
    """A `.keras` file as `keras_model.export_model` writes it, and its errors."""
    export_model(trainer.job.recipe, get_weights(trainer), Path(path))


def load_model(trainer: Trainer, path: str | os.PathLike[str]) -> None:
    """Weights of such a file, as by `load_weights`; nothing of it is executed.

    Raises the errors of `keras_model.import_model`.
    """
    load_weights(trainer, import_model(trainer.job.recipe, Path(path)))


def _optimizer(job: Job) -> Any:
    recipe = job.recipe
    optimizer = stock_optimizer(recipe.optimizer, recipe.optimizer.learning_rate)
    rates = recipe.learning_rates(job.num_steps)
    # Keras's variable of a constant rate is float32, and AdamW on PyTorch computes
    # with it as it is.
    if job.dtype != "float32" or rates.min() != rates.max():
        optimizer.learning_rate = RateTable(rates.astype(job.dtype))
    return optimizer


def _inputs(trainer: Trainer, images: Any) -> Any:
    """What the model takes in the next step."""
    inputs = joined(trainer.masks, images, trainer.step)
    return keras.tree.map_structure(keras.ops.convert_to_tensor, inputs)


def _allow_float64() -> None:
    """Let operations on float64 give float64, as on TensorFlow they always do.

    On PyTorch and JAX Keras turns every 64-bit result type into the 32-bit one by a
    table of its own, whatever `floatx` is; there is no other switch for it. It stays so
    in this process, which to float32 makes no difference.

    Raises `LoopError` if Keras no longer has that table.
    """
    with suppress(ImportError, AttributeError):
        dtypes = importlib.import_module("keras.src.backend.common.dtypes")
        dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    found = keras.backend.result_type("float64", "float32")
    if found != "float64":
        raise LoopError(
            f"Keras {keras.__version__} cannot compute in float64 on this backend",
            expected="float64 from operations on float64",
            found=found,
        )


def _array(tensor: Any) -> NDArray[Any]:
    return np.array(keras.ops.convert_to_numpy(tensor))
