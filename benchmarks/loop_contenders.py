"""The two contenders of a recipe and loop: ours, and the one written by hand."""

import importlib
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice
from typing import Any

from benchmarks.handwritten import Handwritten
from idxdata import Batches, BatchFormat, Plan, load
from trainers.loops import Loop, import_loop
from trainers.loops.job import Job
from trainers.recipes import Recipe
from trainers.weights import initial_weights

OURS, BY_HAND = "ours", "by hand"

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

    def __init__(self, module: Any, loop: Loop, job: Job, pairs: Any) -> None:
        self.module = module
        self.is_fit = loop.is_fit
        self.pairs = pairs
        self.weights = initial_weights(job.recipe, seed=0)
        self.trainer = module.build(job)
        self.num_parameters = job.recipe.num_parameters()
        self.reset()

    def reset(self) -> None:
        """Initial weights, fresh optimiser."""
        self.module.load_weights(self.trainer, self.weights)

    def train(self, num_steps: int) -> list[float]:
        """Each step's loss."""
        module, trainer = self.module, self.trainer
        pairs = self.pairs
        if isinstance(pairs, list):
            pairs = islice(cycle(pairs), num_steps)
        if self.is_fit:
            return list(module.train_epoch(trainer, pairs, num_steps).losses)
        return list(
            module.to_floats(
                [module.train_step(trainer, images, labels) for images, labels in pairs]
            )
        )


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
    by_hand = importlib.import_module(f"benchmarks.handwritten.{_FILES[loop.module]}")
    pairs = pairs_in_memory(recipe, loop)
    return (
        flags,
        partial(by_hand.wake, loop.form),
        {
            BY_HAND: partial(
                by_hand.build, recipe.name, loop.form, pairs, job.num_steps
            ),
            OURS: partial(Ours, module, loop, job, pairs),
        },
    )


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
