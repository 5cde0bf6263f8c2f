"""Who is entered: one recipe by one loop in one setting, as plain data."""

import hashlib
import json
import os
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from trainers.errors import RecipeError
from trainers.layers import Conv, Dense, Layer
from trainers.loops import find_loop
from trainers.loops.job import Device, Dtype
from trainers.recipe_files import get_recipe, recipe_to_dict
from trainers.recipes import RECIPES, Recipe

Loader = Literal["service", "tutorial"]
Axis = Literal["batch_size", "num_threads", "width", "loop", "loader"]
Planted = Literal["slow", "other_data", "other_order", "other_weights"]

AXES: tuple[Axis, ...] = get_args(Axis)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One contender. `docs/rows.md` tells the fields, under `case`.

    `alias`: a name to enter under, None for the loop's own. `edition`: tells what stood
    in a recipe's file (`edition_of`), so that an edited one is another group. Raises `LoopError` for a
    loop that is not known or has no tutorial's loader to be fed by.
    """

    recipe: str
    loop: str
    data: str
    epochs: int | None = None
    batch_size: int | None = None
    num_threads: int = 1
    precision: Dtype = "float32"
    device: Device = "cpu"
    loader: Loader = "service"
    width: float = 1.0
    axis: Axis | None = None
    planted: Planted | None = None
    alias: str | None = None
    edition: str = ""

    def __post_init__(self) -> None:
        find_loop(self.loop)

    @property
    def contender(self) -> str:
        """The name in tables."""
        name = self.alias or self.loop
        return name if self.loader == "service" else f"{name}, {self.loader} loader"

    @property
    def group(self) -> str:
        """With whom it takes turns: recipe and setting, in words."""
        parts = [f"{self.recipe} {self.edition}".rstrip()]
        if self.epochs is not None:
            parts.append(f"{self.epochs} epoch{'s' if self.epochs > 1 else ''}")
        if self.batch_size is not None:
            parts.append(f"batch_size {self.batch_size}")
        if self.axis == "num_threads":
            parts.append(f"num_threads {self.num_threads}")
        if self.width != 1:
            parts.append(f"width {self.width:g}")
        if self.axis in ("loop", "loader"):
            parts.append(f"by {self.axis}")
        return ", ".join(parts)

    def case(self, seed: int) -> dict[str, Any]:
        """The row's `case`."""
        return {
            "recipe": self.recipe,
            "loop": self.loop,
            "data": self.data,
            "seed": seed,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "num_threads": self.num_threads,
            "precision": self.precision,
            "device": self.device,
            "loader": self.loader,
            "width": self.width,
            "axis": self.axis,
            "planted": self.planted,
        }


def edition_of(recipe: str) -> str:
    """Of a recipe's file, a digest of what it says; of one by name nothing: the commit
    tells. Raises `RecipeError` for a file that is no recipe."""
    if recipe in RECIPES:
        return ""
    text = json.dumps(recipe_to_dict(get_recipe(recipe)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def located(name: str) -> str:
    """A file's or folder's whole path, since contenders run elsewhere; else the name."""
    is_path = os.sep in name or name.endswith((".toml", ".py"))
    return os.path.abspath(name) if is_path and os.path.exists(name) else name


def widened(recipe: Recipe, factor: float) -> Recipe:
    """`recipe` with `factor` times the units and filters in its hidden layers, rounded.

    Raises `RecipeError` if the factor is not positive.
    """
    if not factor > 0:
        raise RecipeError("a width is a positive factor", found=factor)
    if factor == 1:
        return recipe
    *hidden, last = recipe.layers
    return replace(recipe, layers=(*(_widened(one, factor) for one in hidden), last))


def _widened(layer: Layer, factor: float) -> Layer:
    if isinstance(layer, Dense):
        return replace(layer, units=max(1, round(layer.units * factor)))
    if isinstance(layer, Conv):
        return replace(layer, filters=max(1, round(layer.filters * factor)))
    return layer
