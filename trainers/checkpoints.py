"""Weights, and all that a run needs to go on, in one file: a neutral .npz.

Members: `meta`, JSON bytes; "weights/<name>" in the neutral layout, which any framework
loads; in a checkpoint also "state/<name>", the optimiser's of one loop, and "losses".
A checkpoint is a file of weights too.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.errors import CheckpointError, RecipeError
from trainers.npz import Arrays, read_npz, write_npz
from trainers.recipe_files import recipe_from_dict, recipe_to_dict
from trainers.recipes import Recipe
from trainers.record import EpochRecord
from trainers.stopping import Best
from trainers.weights import Weights

SCHEMA_VERSION = 1

Path = str | os.PathLike[str]

_KINDS = (np.dtype(np.float32), np.dtype(np.float64))


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a checkpoint is valid for: runs that differ in any of these are others.

    `recipe`: fitted to the data, with the run's own epochs and batch size. `data`: the
    dataset's SHA-256. `validation`: as in `RunOptions`.
    """

    recipe: Recipe
    loop: str
    seed: int
    precision: str
    validation: int
    data: str


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A run between two steps.

    `epoch` and `step`: of the step that comes next; step may be the epoch's number of
    steps, its evaluation then comes next. `batches`: `Batches.state` there. `losses`: of
    all steps done, float64 (n,). `epochs`: of the epochs that ended. `resumed_at`: as in
    `RunRecord`. `state`: the loop's `get_state`. `made_with`: threads and versions, by
    name, which may differ from those of a run that goes on.
    """

    facts: RunFacts
    weights: Weights
    state: Arrays
    epoch: int
    step: int
    batches: dict[str, int | str]
    losses: NDArray[np.float64]
    epochs: list[EpochRecord]
    best: Best | None
    resumed_at: list[tuple[int, int]]
    made_with: dict[str, int | str]


def save_weights(path: Path, recipe: Recipe, weights: Weights) -> None:
    """Write a neutral file of weights: whole or not at all, without optimiser state.

    Raises `CheckpointError` if names, order or shapes are not `recipe.weight_shapes()`
    or an array is not float32 or float64, and `OSError`.
    """
    _write(path, recipe, weights, {}, {})


def read_weights(path: Path) -> tuple[Recipe, Weights]:
    """Recipe and weights of a file of `save_weights` or of a checkpoint.

    Fresh arrays. Nothing of the file is run. Raises `CheckpointError` if it is no such
    file, is damaged, or was written by a newer version; `OSError` if it cannot be read.
    """
    recipe, weights, _, _ = _read(path)
    return recipe, weights


def save_best(path: Path, facts: RunFacts, weights: Weights, best: Best) -> None:
    """`save_weights`, with what they are of and how good they are."""
    meta = {"facts": _describe(facts), "best": asdict(best)}
    _write(path, facts.recipe, weights, {}, meta)


def read_best(path: Path, facts: RunFacts) -> tuple[Best, Weights]:
    """What `save_best` wrote. Raises as `read_checkpoint` does."""
    _, weights, _, meta = _read(path)
    _check_facts(path, meta, facts)
    with _parts_of(path):
        return _best(meta["best"]), weights


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace `path`: whole or not at all. Raises as `save_weights` does."""
    arrays = {f"state/{name}": value for name, value in checkpoint.state.items()}
    arrays["losses"] = checkpoint.losses
    best = checkpoint.best
    meta = {
        "facts": _describe(checkpoint.facts),
        "epoch": checkpoint.epoch,
        "step": checkpoint.step,
        "batches": checkpoint.batches,
        "epochs": [asdict(epoch) for epoch in checkpoint.epochs],
        "best": None if best is None else asdict(best),
        "resumed_at": checkpoint.resumed_at,
        "made_with": checkpoint.made_with,
    }
    _write(path, checkpoint.facts.recipe, checkpoint.weights, arrays, meta)


def read_checkpoint(path: Path, facts: RunFacts) -> Checkpoint:
    """What `save_checkpoint` wrote, if it is of a run of these facts.

    Raises `CheckpointError` as `read_weights` does, if the file holds weights alone, and
    saying what differs, if it is of another run.
    """
    _, weights, arrays, meta = _read(path)
    _check_facts(path, meta, facts)
    with _parts_of(path):
        losses = arrays.pop("losses")
        if losses.dtype != np.float64 or losses.ndim != 1:
            raise ValueError("losses are not float64 (n,)")
        state = {name.removeprefix("state/"): value for name, value in arrays.items()}
        best = meta["best"]
        return Checkpoint(
            facts=facts,
            weights=weights,
            state=state,
            epoch=_count(meta["epoch"]),
            step=_count(meta["step"]),
            batches=dict(meta["batches"]),
            losses=losses,
            epochs=[EpochRecord(**epoch) for epoch in meta["epochs"]],
            best=None if best is None else _best(best),
            resumed_at=[(_count(e), _count(s)) for e, s in meta["resumed_at"]],
            made_with=dict(meta["made_with"]),
        )


@contextmanager
def _parts_of(path: Path) -> Iterator[None]:
    """What a sound archive lacks in the block becomes a `CheckpointError`."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(
            "the file lacks parts of a checkpoint",
            path=path,
            found=f"{type(error).__name__}: {error}",
        ) from error


def _write(
    path: Path,
    recipe: Recipe,
    weights: Weights,
    others: Arrays,
    meta: Mapping[str, Any],
) -> None:
    _check_weights(recipe, weights, path)
    arrays = {f"weights/{name}": value for name, value in weights.items()} | others
    table = {"schema_version": SCHEMA_VERSION, "recipe": recipe_to_dict(recipe)}
    write_npz(path, table | dict(meta), arrays)


def _read(path: Path) -> tuple[Recipe, Weights, Arrays, dict[str, Any]]:
    """Recipe, weights, all other arrays, and the table."""
    meta, arrays = read_npz(path)
    version = meta.get("schema_version")
    if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
        raise CheckpointError(
            "a file of weights of another version",
            path=path,
            expected=f"1 to {SCHEMA_VERSION}",
            found=repr(version),
            hint="was it written by a newer release?",
        )
    try:
        recipe = recipe_from_dict(meta.get("recipe", {}))
    except RecipeError as error:
        raise CheckpointError(f"no sound recipe: {error}", path=path) from error
    named = {
        name.removeprefix("weights/"): arrays.pop(name)
        for name in list(arrays)
        if name.startswith("weights/")
    }
    _check_weights(recipe, named, path)
    weights = {name: named[name] for name in recipe.weight_shapes()}
    return recipe, weights, arrays, meta


def _check_weights(recipe: Recipe, weights: Weights, path: Path) -> None:
    shapes = recipe.weight_shapes()
    if set(weights) != set(shapes):
        raise CheckpointError(
            f"not the weights of {recipe.name}",
            path=path,
            expected=", ".join(shapes),
            found=", ".join(weights),
        )
    kinds = {array.dtype for array in weights.values()}
    if len(kinds) > 1 or not kinds <= set(_KINDS):
        raise CheckpointError(
            "weights of a wrong dtype",
            path=path,
            expected="all float32 or all float64",
            found=", ".join(sorted(map(str, kinds))),
        )
    for name, shape in shapes.items():
        if weights[name].shape != shape:
            raise CheckpointError(
                f"{name} of {recipe.name} has a wrong shape",
                path=path,
                expected=shape,
                found=weights[name].shape,
            )


def _describe(facts: RunFacts) -> dict[str, Any]:
    return {
        "loop": facts.loop,
        "seed": facts.seed,
        "precision": facts.precision,
        "validation": facts.validation,
        "data": facts.data,
    }


def _check_facts(path: Path, meta: Mapping[str, Any], facts: RunFacts) -> None:
    wanted = {"recipe": recipe_to_dict(facts.recipe)} | _describe(facts)
    stored = meta.get("facts")
    if not isinstance(stored, Mapping):
        raise CheckpointError(
            "a file of weights alone",
            path=path,
            expected="a checkpoint",
            hint="only what a run wrote as last.npz can be resumed",
        )
    found = {"recipe": meta["recipe"]} | dict(stored)
    for name in wanted:
        if found.get(name) != wanted[name]:
            raise _differs(path, name, wanted[name], found.get(name))


def _differs(path: Path, name: str, wanted: Any, found: Any) -> CheckpointError:
    """Of recipes only what differs is told: all of both would be a page."""
    if name == "recipe":
        keys = [key for key in wanted if wanted[key] != found.get(key)]
        name = "recipe (" + ", ".join(keys) + ")"
        wanted, found = (
            ", ".join(str(values.get(key)) for key in keys)
            for values in (wanted, found)
        )
    return CheckpointError(
        f"the checkpoint is of another {name}",
        path=path,
        expected=wanted,
        found=found,
        hint="resume with the options it was made with, or use another folder",
    )


def _best(values: Mapping[str, Any]) -> Best:
    return Best(_count(values["epoch"]), float(values["loss"]))


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value
