"""The contenders of a recipe and loop: ours, the one written by hand, and some others."""

import importlib
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice
from typing import Any

from benchmarks.handwritten import Handwritten
from idxdata import Batches, BatchFormat, Plan, load
from trainers.layers import Flatten
from trainers.loops import Loop, import_loop
from trainers.loops.job import Job
from trainers.recipes import Recipe
from trainers.weights import Weights, initial_weights

OURS, BY_HAND, KERAS_MODEL = "ours", "by hand", "keras model"

NUM_BATCHES = 64
"""In memory; as many as training takes until the loss is small, and more than a cache."""

_FILES = {
    "torch_loop": "torch",
    "tf_loop": "tensorflow",
    "keras_loop": "keras",
    "jax_loop": "jax",
}


class Ours:
    """One of `trainers.loops`, as a `Handwritten`."""

    def __init__(self, module: Any, job: Job, pairs: Any) -> None:
        self.module = module
        self.pairs = pairs
        self.weights = initial_weights(job.recipe, seed=0)
        self.trainer = module.build(job)
        self.num_parameters = job.recipe.num_parameters()
        self.reset()

    def reset(self) -> None:
        """Initial weights, fresh optimiser."""
        self.module.load_weights(self.trainer, self.weights)

    def train(self, num_steps: int) -> list[float]:
        """Each step's loss, of an epoch as runs have it, with its clock."""
        pairs = self.pairs
        if isinstance(pairs, list):
            pairs = islice(cycle(pairs), num_steps)
        return list(self.module.train_epoch(self.trainer, pairs, num_steps).losses)


Makers = dict[str, Callable[[], Handwritten]]


def contenders(
    recipe: Recipe, loop: Loop, num_threads: int
) -> tuple[dict[str, Any], Callable[[], None], Makers]:
    """Flags of the process, what to call before a first step, and how to make each.

    The process is as `configure` of our loop sets it, for both. Raises what that raises.
    """
    plan = Plan(len(load("glyphs").train), recipe.batch_size, seed=0)
    job = Job(
        recipe, loop.form, plan.num_steps * recipe.epochs, num_threads=num_threads
    )
    module = import_loop(loop)
    flags: dict[str, Any] = module.configure(job)
    file = _FILES[loop.module]
    pairs = pairs_in_memory(recipe, loop)
    make = partial(_by_hand, job=job, pairs=pairs)
    makers: Makers = {
        BY_HAND: partial(make, file),
        OURS: partial(Ours, module, job, pairs),
    }
    if loop.name == "tf-function":
        makers[KERAS_MODEL] = partial(make, "keras_tape")
    wake = importlib.import_module(f"benchmarks.handwritten.{file}").wake
    return flags, partial(wake, loop.form), makers


def _by_hand(file: str, job: Job, pairs: Any) -> Handwritten:
    """With the initial weights of ours."""
    module = importlib.import_module(f"benchmarks.handwritten.{file}")
    made: Handwritten = module.build(job.recipe.name, job.form, pairs, job.num_steps)
    give_weights(file, made, job.recipe, initial_weights(job.recipe, seed=0))
    return made


def give_weights(file: str, made: Any, recipe: Recipe, weights: Weights) -> None:
    """Initial weights, from the neutral layout, for what `handwritten.<file>` built."""
    if file == "torch":
        import torch

        arrays = _torch_arrays(recipe, weights)
        for tensor, array in zip(made.initial.values(), arrays, strict=True):
            tensor.copy_(torch.from_numpy(array))
    elif file == "jax":
        import jax.numpy as jnp

        arrays = [jnp.asarray(array) for array in weights.values()]
        made.initial = list(zip(arrays[::2], arrays[1::2], strict=True))
    else:
        # Kernel and bias of each layer; with Keras, its optimiser's numbers follow.
        made.initial[: len(weights)] = weights.values()
    made.reset()


def _torch_arrays(recipe: Recipe, weights: Weights) -> list[Any]:
    """PyTorch has output channels first, and flattens images channels first."""
    shapes = recipe.shapes()
    arrays = []
    for name, array in weights.items():
        index = int(name.partition(".")[0])
        if array.ndim == 2 and isinstance(recipe.layers[index - 1], Flatten):
            images = array.reshape(*shapes[index - 1], -1)
            array = images.transpose(2, 0, 1, 3).reshape(array.shape)
        order = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[array.ndim]
        arrays.append(array.transpose(order).copy())
    return arrays


def pairs_in_memory(recipe: Recipe, loop: Loop) -> Any:
    """The first batches of glyphs in a random order, as the loop's framework has them.

    A list; for Keras on TensorFlow, which is slow at lists, a pipeline of whole batches
    that goes round without end.
    """
    dataset = load("glyphs")
    labels = (
        BatchFormat(labels="one_hot", num_classes=len(dataset.classes))
        if recipe.has_one_hot_labels
        else BatchFormat()
    )
    plan = Plan(len(dataset.train), recipe.batch_size, seed=0)
    batches = Batches(dataset.train, plan, format=labels, fresh=True)
    adapter = importlib.import_module(f"idxdata.adapters.{loop.adapter}")
    pairs = list(islice(adapter.tensors(batches, 0), NUM_BATCHES))
    if not (loop.is_fit and loop.adapter == "tensorflow"):
        return pairs
    import tensorflow as tf

    stacked = tuple(tf.stack(tensors) for tensors in zip(*pairs, strict=True))
    return tf.data.Dataset.from_tensor_slices(stacked).repeat()
