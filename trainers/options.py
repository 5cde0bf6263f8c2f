"""What a run is asked to do, as plain data."""

import os
from dataclasses import dataclass
from typing import Any, get_args

from idxdata import Dataset
from trainers.errors import LoopError
from trainers.launch import DEFAULT_TIMEOUT_S, Launch, check_launch
from trainers.loops import find_loop
from trainers.loops.job import Device, Precision
from trainers.recipes import Recipe

DEFAULT_CHECKPOINT_S = 30.0
MAX_THREADS = 1024
"""More make PyTorch crash, not fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """One recipe, trained once by one loop on one dataset.

    `recipe`: as it was found; it is fitted to the data. `loop`: a name of
    `trainers.loops.LOOPS`. `data`: what `idxdata.load` takes, or a dataset. `seed`: of
    initial weights, order, dropout masks and the validation part, 0 to 2^64 - 1.
    `epochs`, `batch_size`: None is the recipe's own.

    `validation`: 0, or K of at least 2: a K-th of the train split is held out, and what
    is evaluated in the end are the weights that were best on it. `patience`: stop after
    so many epochs without a better validation loss.

    `checkpoint_folder`: where `last.npz`, `best.npz` and `record.json` go; made if it is
    not there. `checkpoint_s`: seconds between checkpoints within an epoch, at least;
    each end of an epoch is one too, and the only one of Keras's `fit` loops.
    `resume`: go on from the folder's `last.npz` if there is one. `num_threads`: 1 to
    `MAX_THREADS`.

    `launch`: how this process was started, if it is one of several that train one model
    together (`launch.find_launch`); all get the same options but for that. Then
    `checkpoint_folder` is on a file system that all see, written by rank 0 alone, and
    `timeout_s` says how long to wait for another process.

    Raises `LoopError` for an unknown loop and for a precision that it does not have (see
    `trainers.loops.job.Job`), `LaunchError` for one that cannot be spread
    over processes in that way, `ValueError` for a wrong type, a number
    out of range or options that need another one.
    """

    recipe: Recipe
    loop: str
    data: str | os.PathLike[str] | Dataset = "glyphs"
    seed: int = 0
    epochs: int | None = None
    batch_size: int | None = None
    num_threads: int = 1
    precision: Precision = "float32"
    device: Device = "cpu"
    validation: int = 0
    patience: int | None = None
    checkpoint_folder: str | os.PathLike[str] | None = None
    checkpoint_s: float = DEFAULT_CHECKPOINT_S
    resume: bool = False
    launch: Launch | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S

    def __post_init__(self) -> None:
        self._check_types()
        check_launch(find_loop(self.loop), self.launch)
        _integer("seed", self.seed, 0)
        if self.seed >= 2**64:
            raise ValueError(f"seed is at most 2**64 - 1, not {self.seed}")
        for name in ("epochs", "batch_size", "patience"):
            if getattr(self, name) is not None:
                _integer(name, getattr(self, name), 1)
        _integer("num_threads", self.num_threads, 1)
        if self.num_threads > MAX_THREADS:
            raise ValueError(
                f"num_threads is at most {MAX_THREADS}, not {self.num_threads}"
            )
        _integer("validation", self.validation, 0)
        for name, names in (("precision", Precision), ("device", Device)):
            if getattr(self, name) not in get_args(names):
                raise ValueError(
                    f"{name} is one of {', '.join(get_args(names))}, "
                    f"not {getattr(self, name)!r}"
                )
        check_precision(self.loop, self.precision, self.launch)
        if self.validation == 1:
            raise ValueError("validation is 0, or at least 2 parts of the train split")
        if self.patience is not None and not self.validation:
            raise ValueError("patience needs a validation part")
        if self.resume and self.checkpoint_folder is None:
            raise ValueError("resume needs a checkpoint folder")
        if not self.checkpoint_s >= 0:
            raise ValueError(f"checkpoint_s is at least 0, not {self.checkpoint_s!r}")
        if not 0 < self.timeout_s < float("inf"):
            raise ValueError(f"timeout_s is more than 0, not {self.timeout_s!r}")

    def _check_types(self) -> None:
        path: Any = (str, os.PathLike)
        for name, kinds, text in (
            (
                "recipe",
                Recipe,
                "a Recipe; trainers.recipes.find_recipe has those of names",
            ),
            ("loop", str, "the name of a loop"),
            ("data", (*path, Dataset), "a name, a folder or a dataset"),
            ("checkpoint_folder", (*path, type(None)), "a path or None"),
            ("checkpoint_s", (int, float), "a number"),
            ("timeout_s", (int, float), "a number"),
            ("launch", (Launch, type(None)), "a Launch or None"),
        ):
            value = getattr(self, name)
            is_right = isinstance(value, kinds)
            if not is_right:
                raise ValueError(f"{name} is {text}, not {value!r}")
        if self.checkpoint_folder is not None and not os.fspath(self.checkpoint_folder):
            raise ValueError("checkpoint_folder is empty")


def check_precision(
    loop: str, precision: Precision, launch: Launch | None = None
) -> None:
    """Raises `LoopError` if a loop of that name does not have it, so started."""
    if precision == "mixed_bfloat16" and (loop != "torch-eager" or launch is not None):
        started = "alone" if launch is None else f"started by {launch.launcher}"
        raise LoopError(
            f"{precision} is not for this loop",
            expected="torch-eager, alone",
            found=f"{loop}, {started}",
        )


def _integer(name: str, value: object, low: int) -> None:
    if type(value) is not int or value < low:
        raise ValueError(f"{name} is an integer of at least {low}, not {value!r}")
