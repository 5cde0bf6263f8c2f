"""Networks that are quoted: seeds of a recipe, each judged alone, or as a committee."""

import importlib.metadata
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from idxdata import Dataset
from trainers.errors import QuotedError
from trainers.loops import find_loop
from trainers.loops.job import Precision
from trainers.options import check_precision
from trainers.quoted.job import Event, Job, Sitting
from trainers.quoted.members import (
    Member,
    make_members,
    members_answers,
    train_members,
)
from trainers.quoted.quoted_recipes import FOLDER, check_keys, checked_integer
from trainers.quoted.rows import QuotedRow
from trainers.quoted.shifting import checked_shifts
from trainers.quoted.turning import checked_turns
from trainers.quoted.views import find_view
from trainers.recipe_files import read_recipe, recipe_to_dict
from trainers.recipes import RECIPES, Recipe

_PACKAGES = {
    "torch": ("torch",),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "jax": ("jax", "jaxlib"),
}


@dataclass(frozen=True, slots=True)
class NetworkNumbers:
    """`members`: names for `find_member`; `views`: names for `find_view`, each member
    sees one of them; `seeds`: how many of each member and view, from 0 on; `loops`: what
    trains them, each all of them; `is_committee`: whether they are judged together;
    `fits_held_out`: see `Sitting`; `shifts`: of the views that are judged, (pixels down,
    pixels right), all of which count, and so do `turns`, clockwise in degrees; without
    both, the views as they are. `precision`: that of training, see
    `trainers.loops.job.Job`; what is judged is so in float32. Turns and precision may be
    missing from a recipe: none, and float32.
    """

    members: list[str]
    views: list[str]
    seeds: int
    loops: list[str]
    is_committee: bool
    fits_held_out: bool
    shifts: tuple[tuple[int, int], ...]
    turns: tuple[float, ...]
    precision: Precision

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> "NetworkNumbers":
        """Raises `QuotedError` for what is missing, unknown or of a wrong type."""
        table = {"turns": [], "precision": "float32"} | table
        check_keys(table, {field.name for field in fields(cls)})
        checked_integer("seeds", table["seeds"], 1)
        for name in ("members", "views", "loops"):
            value = table[name]
            if (
                not isinstance(value, list)
                or not value
                or not all(isinstance(one, str) for one in value)
            ):
                raise QuotedError(f"{name} is no list of names", found=repr(value))
            if len(set(value)) < len(value):
                raise QuotedError(f"{name} has a name twice", found=repr(value))
        if table["precision"] not in get_args(Precision):
            raise QuotedError(
                "precision is wrong",
                expected=" or ".join(get_args(Precision)),
                found=repr(table["precision"]),
            )
        for name in ("is_committee", "fits_held_out"):
            if not isinstance(table[name], bool):
                raise QuotedError(
                    f"{name} is wrong",
                    expected="true or false",
                    found=repr(table[name]),
                )
        looks = {
            "shifts": checked_shifts(table["shifts"]),
            "turns": checked_turns(table["turns"]),
        }
        return cls(**table | looks)


def reproduce(job: Job, dataset: Dataset, on_event: Event) -> Iterator[QuotedRow]:
    """A row for each loop and seed, or of a committee for each loop.

    Members whose checkpoints lie finished in the job's work folder are not trained
    again. Raises as `Sitting`, `NetworkNumbers.from_table`, `find_loop`,
    `check_precision`, `read_recipe` and `train_members` do.
    """
    numbers = NetworkNumbers.from_table(job.recipe.numbers)
    loops = numbers.loops if job.loop is None else [job.loop]
    for loop in loops:
        find_loop(loop)
        check_precision(loop, numbers.precision)
    for view in numbers.views:
        find_view(view)
    recipes = [find_member(name) for name in numbers.members]
    fits_all = numbers.fits_held_out and not job.is_held_out
    with _work_folder(job, "all" if fits_all else "rest") as folder:
        for loop in loops:
            train = Sitting(job, dataset, fits_held_out=numbers.fits_held_out).train()
            members = make_members(
                recipes,
                numbers.views,
                numbers.seeds,
                loop,
                dataset,
                folder,
                precision=numbers.precision,
            )
            train_members(
                members,
                train,
                dataset,
                num_processes=job.num_threads,
                on_event=on_event,
            )
            judged = [members] if numbers.is_committee else [[one] for one in members]
            for some in judged:
                sitting = Sitting(job, dataset, fits_held_out=numbers.fits_held_out)
                num_processes = min(job.num_threads, len(some))
                answers = _Answers(some, numbers, num_processes, on_event)
                yield _judged(sitting, some, answers, num_processes)


def find_member(name: str) -> Recipe:
    """The built-in recipe of that name, else that in recipes/quoted/members.

    Raises `OSError` and `RecipeError`.
    """
    return RECIPES.get(name) or read_recipe(FOLDER / "members" / f"{name}.toml")


def _judged(
    sitting: Sitting,
    members: list[Member],
    answers: "_Answers",
    num_processes: int,
) -> QuotedRow:
    recipes = {one.recipe.name: recipe_to_dict(one.recipe) for one in members}
    walls, cpus = zip(*(member.spent_s for member in members))
    loop = find_loop(members[0].loop)
    names = (*_PACKAGES[loop.adapter], *(["keras"] if "keras" in loop.name else []))
    return sitting.finish(
        answers,
        details=lambda labels: (
            answers.details(labels)
            | {
                "loop": loop.name,
                "members": [member.recipe.name for member in members],
                "views": [member.view for member in members],
                "recipes": list(recipes.values()),
                "wall_s_of_each": walls,
                "cpu_s_of_each": cpus,
            }
        ),
        seeds=[member.seed for member in members],
        packages=["numpy", *filter(_is_installed, names)],
        spent_s=(sum(walls) / num_processes, sum(cpus)),
    )


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


class _Answers:
    """What members together say of images, and each of them."""

    def __init__(
        self,
        members: list[Member],
        numbers: NetworkNumbers,
        num_processes: int,
        on_event: Event,
    ) -> None:
        self._members, self._numbers = members, numbers
        self._num_processes, self._on_event = num_processes, on_event
        self._each: list[NDArray[np.int64]] = []
        self._first: list[NDArray[np.int64]] = []

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The class of the largest mean of the probabilities' logarithms, int64 (n,)."""
        found = members_answers(
            self._members,
            images,
            shifts=self._numbers.shifts,
            turns=self._numbers.turns,
            num_processes=self._num_processes,
            on_event=self._on_event,
        )
        self._each, self._first = [], []
        total = np.zeros(found[0].shape)
        for one in found:
            total += one
            self._each.append(one.argmax(axis=1))
            self._first.append(total.argmax(axis=1))
        return self._first[-1]

    def details(self, labels: NDArray[Any]) -> dict[str, Any]:
        """How many each member has wrong, and the first 1, 2, 3 ... of them together;
        what all say of those they have wrong, in their order.
        """
        said = self._first[-1]
        return {
            "wrong_of_each": [int((one != labels).sum()) for one in self._each],
            "wrong_of_first": [int((one != labels).sum()) for one in self._first],
            "said": said[said != labels].tolist(),
        }


@contextmanager
def _work_folder(job: Job, part: str) -> Iterator[Path]:
    if job.work_folder is None:
        with tempfile.TemporaryDirectory(prefix="trainers-") as folder:
            yield Path(folder)
        return
    yield Path(job.work_folder) / part
