"""A quoted recipe, run by its name."""

import difflib
import importlib
import os
from collections.abc import Iterator
from typing import Any

from idxdata import Dataset
from trainers.errors import QuotedError
from trainers.quoted.job import Event, Job
from trainers.quoted.quoted_recipes import FOLDER, QUOTED, read_quoted
from trainers.quoted.rows import QuotedRow


def reproduce(
    name: str,
    dataset: Dataset,
    *,
    is_held_out: bool,
    num_threads: int,
    loop: str | None = None,
    work_folder: str | os.PathLike[str] | None = None,
    on_event: Event = lambda event: None,
) -> Iterator[QuotedRow]:
    """Run a quoted recipe: fit, and judge once; a row for each of what it names.

    `is_held_out`: fit on the train split but for its held out part, and judge by that;
    the test split may be missing and is not touched. Else judge by the test split; what
    is fitted then is all of the train split, or the same part again (and judged by both)
    where the recipe says so. `num_threads`: at least 1. `loop`, `work_folder`: as of a
    `Job`.

    `on_event` gets "start" first; then "progress" with `part`, `done`, `total`, `text`,
    and "warning" with `text`; from one thread at a time. What `done` counts depends on
    the part: epochs of all members, looks of all members at what judges, machines.

    Raises `QuotedError` for an unknown name, with the nearest there is, or data that the
    recipe is not for; `MissingFrameworkError`, `PlanError` and `OSError`.
    """
    if name not in QUOTED:
        near = difflib.get_close_matches(name, QUOTED, n=1)
        raise QuotedError(
            "no quoted recipe of that name",
            expected=" or ".join(QUOTED),
            found=repr(name),
            hint=f"did you mean {near[0]!r}?" if near else None,
        )
    recipe = read_quoted(FOLDER / f"{name}.toml")
    job = Job(
        recipe=recipe,
        is_held_out=is_held_out,
        num_threads=num_threads,
        loop=loop,
        work_folder=work_folder,
    )
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
    module: Any = importlib.import_module(f"trainers.quoted.{QUOTED[name]}")
    yield from module.reproduce(job, dataset, on_event)
