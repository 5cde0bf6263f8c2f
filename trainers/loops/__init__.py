"""Loops: a framework's ways of running a recipe. One file a framework, the same names.

Every `*_loop.py` has, in this order,

    FRAMEWORK                          its name
    configure(job) -> flags            process-wide threads, precision, device
    Trainer                            model, optimiser, `job`, and `step`, the next one
    build(job) -> Trainer              weights not yet set
    load_weights(trainer, weights)     from the neutral layout; step 0, fresh optimiser
    get_weights(trainer) -> Weights    copies in the neutral layout
    get_state(trainer) -> State        the optimiser's arrays and step; copies
    set_state(trainer, state)          the opposite of it
    train_step(trainer, images, labels) -> loss        one update; the batch's mean loss
    gradients(trainer, images, labels) -> (loss, Weights)    of the next step, no update
    to_floats(losses) -> list[float]   waits until all of them are there
    train_epoch(trainer, pairs, num_steps, tick=None) -> TimedEpoch
    predict(trainer, pairs) -> logits (n, classes), NumPy, in the job's precision
    save_model(trainer, path)          the framework's own format, a path that is not there
    load_model(trainer, path)          weights from such a file; never runs code of it

Those that can be spread over processes (`Loop.launcher`) have, besides,

    sum_over_ranks(job, array) -> array    NumPy, the same on all; waits for them
    lost_rank(error) -> str | None     its reason, if an error says that one is gone

of which all processes call the same functions in the same order, `train_step` too.

images are uint8-derived float32 (m, height, width) of the service, labels integers (m,)
or float32 one-hot (m, classes), as the recipe says. A softmax at the recipe's end is for
files of `save_model` only: training and `predict` are about logits.
"""

import importlib
import os
import sys
from dataclasses import dataclass
from typing import Any, Literal

from idxdata.errors import MissingFrameworkError
from trainers.errors import LoopError

Launcher = Literal["torchrun", "TF_CONFIG"]


@dataclass(frozen=True, slots=True)
class Loop:
    """One way of running a recipe.

    `module`: the file below `trainers.loops`. `form`: `Job.form`. `adapter`: that of
    `idxdata.adapters` which feeds it. `backend`: Keras's, where Keras is used, of which
    a process can have one. `is_fit`: the framework's own loop over an epoch, which can
    be stopped and resumed between epochs only. `launcher`: what starts several
    processes that train one model together; None if the loop cannot do that.
    """

    name: str
    module: str
    form: str
    adapter: str
    text: str
    backend: str | None = None
    is_fit: bool = False
    launcher: Launcher | None = None


LOOPS: dict[str, Loop] = {
    loop.name: loop
    for loop in (
        Loop(
            "torch-eager",
            "torch_loop",
            "eager",
            "torch",
            "PyTorch, op by op, fused optimiser",
            launcher="torchrun",
        ),
        Loop(
            "torch-compile",
            "torch_loop",
            "compile",
            "torch",
            "PyTorch, model and loss by torch.compile",
            launcher="torchrun",
        ),
        Loop(
            "tf-eager",
            "tf_loop",
            "eager",
            "tensorflow",
            "TensorFlow, op by op",
            "tensorflow",
        ),
        Loop(
            "tf-function",
            "tf_loop",
            "function",
            "tensorflow",
            "TensorFlow, whole step in a tf.function",
            "tensorflow",
            launcher="TF_CONFIG",
        ),
        Loop(
            "tf-xla",
            "tf_loop",
            "xla",
            "tensorflow",
            "TensorFlow, whole step compiled by XLA",
            "tensorflow",
        ),
        Loop(
            "keras-tf",
            "keras_loop",
            "fit",
            "tensorflow",
            "Keras fit on TensorFlow",
            "tensorflow",
            is_fit=True,
        ),
        Loop(
            "keras-torch",
            "keras_loop",
            "fit",
            "torch",
            "Keras fit on PyTorch",
            "torch",
            is_fit=True,
        ),
        Loop(
            "keras-jax",
            "keras_loop",
            "fit",
            "jax",
            "Keras fit on JAX",
            "jax",
            is_fit=True,
        ),
        Loop("jax-jit", "jax_loop", "jit", "jax", "JAX, whole step by jax.jit"),
    )
}


def find_loop(name: str) -> Loop:
    """The loop called `name`; raises `LoopError` if there is none."""
    if name not in LOOPS:
        raise LoopError(
            "no loop of that name",
            expected=f"one of {', '.join(LOOPS)}",
            found=repr(name),
        )
    return LOOPS[name]


def import_loop(loop: Loop) -> Any:
    """The loop's module, its framework imported.

    Chooses Keras's backend for the process, by KERAS_BACKEND, which stays set. Raises
    `MissingFrameworkError`, and `LoopError` if Keras is already imported in this process
    with another backend than the loop's: for tf-* too, where only `save_model` and
    `load_model` need Keras, so that a run does not find that out at its end.
    """
    if loop.backend is not None:
        _choose_backend(loop)
    try:
        return importlib.import_module(f"trainers.loops.{loop.module}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("trainers"):
            raise
        raise MissingFrameworkError(error.name, "bench") from error


def _choose_backend(loop: Loop) -> None:
    keras = sys.modules.get("keras")
    if keras is None:
        os.environ["KERAS_BACKEND"] = str(loop.backend)
    elif keras.config.backend() != loop.backend:
        raise LoopError(
            f"{loop.name} cannot run in this process",
            expected=f"Keras with backend {loop.backend}",
            found=keras.config.backend(),
            hint="a process has one backend: use another process",
        )
