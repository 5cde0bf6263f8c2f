"""The reference with the functions of a loop, as far as a comparison calls them."""

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.parity.reference import Reference
from trainers.loops import Loop
from trainers.loops.job import Job
from trainers.timing import TimedEpoch, timed_epoch
from trainers.weights import Weights

REFERENCE = Loop("reference", "", "numpy", "numpy", "NumPy float64")

Pairs = Iterable[tuple[NDArray[Any], NDArray[Any]]]


class Trainer:
    """Holds the `Reference` of the weights last loaded."""

    model: Reference

    def __init__(self, job: Job) -> None:
        self.job = job


def configure(job: Job) -> dict[str, Any]:
    """Nothing to set."""
    return {"version": np.__version__}


def build(job: Job) -> Trainer:
    """A trainer whose weights are not yet set."""
    return Trainer(job)


def load_weights(trainer: Trainer, weights: Weights) -> None:
    """Set all weights; step 0, a fresh optimiser."""
    job = trainer.job
    trainer.model = Reference(job.recipe, weights, job.num_steps, seed=job.seed)


def gradients(
    trainer: Trainer, images: NDArray[Any], labels: NDArray[Any]
) -> tuple[float, Weights]:
    """Loss and gradients of the next step, no update."""
    return trainer.model.gradients(images, labels)


def train_epoch(trainer: Trainer, pairs: Pairs, num_steps: int) -> TimedEpoch:
    """Train on all pairs."""
    step = partial(Reference.train_step, trainer.model)
    return timed_epoch(step, list, pairs)


def predict(trainer: Trainer, pairs: Pairs) -> NDArray[np.float64]:
    """Logits (n, classes) of all images, in order."""
    return np.concatenate([trainer.model.predict(images) for images, _ in pairs])
