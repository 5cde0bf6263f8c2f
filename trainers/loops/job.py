"""What a loop is asked to do, as plain data."""

from dataclasses import dataclass
from typing import Literal

from trainers.loops.ranks import Ranks
from trainers.recipes import Recipe

Dtype = Literal["float32", "float64"]
Precision = Literal["float32", "float64", "mixed_bfloat16"]
Device = Literal["cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class Job:
    """One recipe to be trained for `num_steps` steps in one form of a loop.

    `seed` is that of dropout masks (and of the framework's own, where masks are
    native). `precision` is that of weights, activations, gradients and optimiser;
    "mixed_bfloat16" is float32, but that in training activations, their gradients and
    the gradients of convolutions and dense layers are rounded to bfloat16
    (`torch.autocast`). Only torch-eager has it, alone: see `options.check_precision`.
    `ranks`: None if this process trains alone.
    """

    recipe: Recipe
    form: str
    num_steps: int
    seed: int = 0
    num_threads: int = 1
    precision: Precision = "float32"
    device: Device = "cpu"
    ranks: Ranks | None = None

    @property
    def dtype(self) -> Dtype:
        """Of weights, optimiser, masks and of what `predict` gives."""
        return "float32" if self.precision == "mixed_bfloat16" else self.precision
