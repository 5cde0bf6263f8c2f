"""Shared dropout masks of a job's steps, made on the host; no framework in it."""

from typing import Any

from numpy.typing import NDArray

from idxdata.dropout import dropout_mask
from trainers.layers import Dropout, Shape
from trainers.loops.job import Job
from trainers.recipes import Recipe


def shared_dropouts(recipe: Recipe) -> dict[int, tuple[Shape, float]]:
    """Layer index -> shape of an example there and rate, of shared dropout, in order."""
    return {
        index: (shape, layer.rate)
        for index, (layer, shape) in enumerate(
            zip(recipe.layers, recipe.shapes(), strict=False)
        )
        if isinstance(layer, Dropout) and layer.masks == "shared"
    }


class Masks:
    """Refers to no model, so that a dataset which keeps it keeps none alive.

    `shapes`: the mask's without the batch axis, for each layer that has one, in order.
    """

    def __init__(self, job: Job) -> None:
        self.dtype = job.dtype
        self._seed = job.seed
        self._ranks = job.ranks
        self._layers = shared_dropouts(job.recipe)
        self.shapes = [shape for shape, _ in self._layers.values()]

    def of(self, step: int, count: int) -> list[NDArray[Any]]:
        """One mask (count, *shape) for each of those layers, in `dtype`.

        Of several processes each has its rows of the masks of the global batch.
        New arrays: who reads those of the step before may not be done.
        """
        first_row = 0 if self._ranks is None else self._ranks.first_row(step)
        return [
            dropout_mask(
                (count, *shape),
                rate,
                seed=self._seed,
                step=step,
                layer=index,
                first_row=first_row,
                dtype=self.dtype,
            )
            for index, (shape, rate) in self._layers.items()
        ]
