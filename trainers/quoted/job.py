"""What all quoted recipes have in common: what is fitted, what is judged, the row."""

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from idxdata import Dataset, Fold, Plan, Split
from trainers.errors import QuotedError
from trainers.quoted.quoted_recipes import QuotedRecipe
from trainers.quoted.rows import QuotedRow

Event = Callable[[dict[str, Any]], None]
Classify = Callable[[NDArray[np.uint8]], NDArray[np.int64]]
"""Images (n, height, width) to labels (n,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One recipe. `is_held_out`: judged by held out images, not the test.

    `loop`: of those that the recipe names only this one. `work_folder`: where what is
    trained is kept, for a run that goes on after an interruption.
    """

    recipe: QuotedRecipe
    is_held_out: bool
    num_threads: int
    loop: str | None = None
    work_folder: str | os.PathLike[str] | None = None


class Sitting:
    """A job under way on `dataset`: what is fitted, what judges; it takes the time.

    The test split is not touched before `finish`, and never if images are held out.
    `fits_held_out`: whether the held out part is fitted when the test split judges; if
    not, what is fitted is the same either way, and is judged by both.

    Raises `QuotedError` if the images are not grey uint8 ones or there is no test split
    to judge by, and `PlanError` if the train split is too small to hold a part out.
    """

    def __init__(
        self, job: Job, dataset: Dataset, *, fits_held_out: bool = True
    ) -> None:
        self._started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._wall_s, self._cpu_s = time.perf_counter(), _cpu_s()
        self._job, self._dataset = job, dataset
        self._holds_out = job.is_held_out or not fits_held_out
        images = dataset.train.images
        if images.dtype != np.uint8 or images.ndim != 3:
            raise QuotedError(
                "not images that quoted recipes are for",
                expected="uint8 (n, height, width)",
                found=f"{images.dtype} {images.shape}",
            )
        if not job.is_held_out and "test" not in dataset.splits:
            raise QuotedError("no test split to judge by", hint="hold images out")

    def train(self) -> Split:
        """What is fitted: the train split, without what is held out; in its order."""
        if not self._holds_out:
            return self._dataset.train
        return _rows_of(self._dataset.train, self._rows("train"))

    def finish(
        self,
        classify: Classify,
        *,
        seeds: Sequence[int],
        packages: Sequence[str],
        details: Callable[[NDArray[Any]], dict[str, Any]] = lambda labels: {},
        spent_s: tuple[float, float] = (0.0, 0.0),
    ) -> QuotedRow:
        """Judge, once, and say what came of it.

        `packages`: those that computed. `details`: what else the row holds, of the
        labels (n,) that were judged by; asked for after `classify`. `spent_s`: seconds
        of wall and CPU that went into it before the sitting.
        """
        job, dataset = self._job, self._dataset
        num_test, wrong = 0, list[int]()
        held_out: dict[str, Any] | None = None
        said: dict[str, Any] = {}
        if self._holds_out:
            rows = self._rows("held_out")
            is_wrong, said = _judge(classify, details, _rows_of(dataset.train, rows))
            held_out = {
                "num_folds": job.recipe.num_folds,
                "seed": job.recipe.held_out_seed,
                "num_examples": len(rows),
                "wrong": rows[is_wrong].tolist(),
            }
        if not job.is_held_out:
            if held_out is not None:
                held_out["details"] = said
            is_wrong, said = _judge(classify, details, dataset.test)
            num_test, wrong = len(is_wrong), np.flatnonzero(is_wrong).tolist()
        wall_s, cpu_s = time.perf_counter() - self._wall_s, _cpu_s() - self._cpu_s
        return QuotedRow(
            name=job.recipe.name,
            how=job.recipe.how,
            seeds=list(seeds),
            dataset=dataset.name,
            data=dataset.train.digest if job.is_held_out else dataset.digest,
            num_test=num_test,
            wrong=wrong,
            wall_s=spent_s[0] + wall_s,
            cpu_s=spent_s[1] + cpu_s,
            threads=job.num_threads,
            versions=_versions(packages),
            recipe=job.recipe.to_dict(),
            held_out=held_out,
            started=self._started,
            details=said,
        )

    def _rows(self, part: Literal["train", "held_out"]) -> NDArray[np.int64]:
        """The train split's rows of a part of the fold, ascending."""
        recipe, count = self._job.recipe, len(self._dataset.train)
        fold = Fold(recipe.num_folds, 0, seed=recipe.held_out_seed, part=part)
        plan = Plan(count, count, seed=0, order="sequential", subset=fold)
        return np.sort(plan.indices(0, 0))


def _rows_of(split: Split, rows: NDArray[np.int64]) -> Split:
    images, labels = split.to_numpy()
    return Split(images[rows], labels[rows])


def _judge(
    classify: Classify,
    details: Callable[[NDArray[Any]], dict[str, Any]],
    split: Split,
) -> tuple[NDArray[np.bool_], dict[str, Any]]:
    """Whether each image is wrong, and the details."""
    images, labels = split.to_numpy()
    return classify(images) != labels, details(labels)


def _cpu_s() -> float:
    """CPU seconds of this process, and of its children that have ended."""
    try:
        import resource
    except ImportError:  # Windows
        return time.process_time()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _versions(packages: Sequence[str]) -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in packages}
    return {"python": platform.python_version()} | found
