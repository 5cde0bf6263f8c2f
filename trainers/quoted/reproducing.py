"""The quoted recipes that can be run, by name: the one place to add another."""

import difflib
from collections.abc import Callable

from idxdata import Dataset
from trainers.errors import QuotedError
from trainers.quoted.job import Event, Job
from trainers.quoted.quoted_recipes import FOLDER, read_quoted
from trainers.quoted.rows import QuotedRow
from trainers.quoted.svm_quoted import reproduce_svm

Reproduce = Callable[[Job, Dataset, Event], QuotedRow]

QUOTED: dict[str, Reproduce] = {
    "svm-0.8": reproduce_svm,
}
"""By the name of the file in `recipes/quoted` that has its numbers."""


def reproduce(
    name: str,
    dataset: Dataset,
    *,
    is_held_out: bool,
    num_threads: int,
    on_event: Event = lambda event: None,
) -> QuotedRow:
    """Run a quoted recipe: fit, and judge once.

    `is_held_out`: fit on the train split but for its held out part, and judge by that;
    the test split may be missing and is not touched. Else fit on all and judge by the
    test split. `num_threads`: at least 1.

    `on_event` gets "start" first; then "progress" with `part`, `done`, `total`, `text`,
    and "warning" with `text`; from one thread at a time.

    Raises `QuotedError` for an unknown name, with the nearest there is, or data that the
    recipe is not for; `MissingFrameworkError`, `PlanError` and `OSError`.
    """
    function = QUOTED.get(name)
    if function is None:
        near = difflib.get_close_matches(name, QUOTED, n=1)
        raise QuotedError(
            "no quoted recipe of that name",
            expected=" or ".join(QUOTED),
            found=repr(name),
            hint=f"did you mean {near[0]!r}?" if near else None,
        )
    recipe = read_quoted(FOLDER / f"{name}.toml")
    job = Job(recipe=recipe, is_held_out=is_held_out, num_threads=num_threads)
    on_event(
        {
            "event": "start",
            "name": name,
            "how": recipe.how,
            "quoted_error": recipe.quoted_error,
            "dataset": dataset.name,
            "is_held_out": is_held_out,
        }
    )
    return function(job, dataset, on_event)
