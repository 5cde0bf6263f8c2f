"""Recipes as TOML, as JSON values, and from a Python file; docs/recipes.md shows them.

A layer or optimiser is a table: `kind` says which, the other keys are its fields.
"""

import difflib
import json
import os
import runpy
import sys
import tomllib
import traceback
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import numpy as np

from idxdata.augmentation import Augmentation
from trainers import layers, optimizers
from trainers.errors import RecipeError
from trainers.recipes import RECIPES, Recipe, find_recipe

LAYER_KINDS: dict[str, type[Any]] = {
    "dense": layers.Dense,
    "conv": layers.Conv,
    "max_pool": layers.MaxPool,
    "average_pool": layers.AveragePool,
    "flatten": layers.Flatten,
    "dropout": layers.Dropout,
    "batch_norm": layers.BatchNorm,
    "activation": layers.Activate,
}
OPTIMIZER_KINDS: dict[str, type[Any]] = {
    "sgd": optimizers.SGD,
    "rmsprop": optimizers.RMSprop,
    "adam": optimizers.Adam,
    "adamw": optimizers.AdamW,
}
DEFAULT_IMAGE_SHAPE = (28, 28)
MAX_INTEGER = 2**31 - 1

_WORDS = {str: "a text", int: "an integer", float: "a number", bool: "true or false"}


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """All of `recipe` as JSON values, defaults written out; None fields are left out."""
    table = {
        "name": recipe.name,
        "image_shape": list(recipe.image_shape),
        "batch_size": recipe.batch_size,
        "epochs": recipe.epochs,
        "loss": recipe.loss,
        "optimizer": _to_table(recipe.optimizer, OPTIMIZER_KINDS),
        "layers": [_to_table(layer, LAYER_KINDS) for layer in recipe.layers],
    }
    if recipe.augmentation is not None:
        table["augmentation"] = _changes(recipe.augmentation)
    return table


def recipe_from_dict(values: Mapping[str, Any], *, name: str | None = None) -> Recipe:
    """The recipe of such values, as TOML and JSON give them.

    `image_shape` may be missing (28 x 28: it is fitted to the data anyway), and `loss`,
    and every field that has a default; `name` too if it is given here.

    Raises `RecipeError` for what is missing, unknown (with the nearest name there is),
    of a wrong type, or does not make a recipe.
    """
    if not isinstance(values, Mapping):
        raise RecipeError("no recipe", expected="a table", found=_short(values))
    defaults = {"image_shape": list(DEFAULT_IMAGE_SHAPE)}
    values = {**defaults, **({} if name is None else {"name": name}), **values}
    _check_keys("the recipe", values, Recipe)
    arguments: dict[str, Any] = {
        key: _checked("the recipe", key, values[key], kind)
        for key, kind in (
            ("name", str),
            ("batch_size", int),
            ("epochs", int),
            ("loss", str),
        )
        if key in values
    }
    return Recipe(
        image_shape=_image_shape(values["image_shape"]),
        layers=_layers(values["layers"]),
        optimizer=_from_table("optimizer", values["optimizer"], OPTIMIZER_KINDS),
        augmentation=_augmentation(values.get("augmentation")),
        **arguments,
    )


def recipe_to_toml(recipe: Recipe) -> str:
    """A file for `read_recipe` that says no more than it must: no defaults."""
    augmentation = []
    if recipe.augmentation is not None:
        changes = _changes(recipe.augmentation).items()
        inline = ", ".join(f"{key} = {json.dumps(value)}" for key, value in changes)
        augmentation = [f"augmentation = {{ {inline} }}"]
    table = [
        f"name = {_quoted(recipe.name)}",
        f"image_shape = {list(recipe.image_shape)}",
        f"batch_size = {recipe.batch_size}",
        f"epochs = {recipe.epochs}",
        f'loss = "{recipe.loss}"',
        f"optimizer = {_inline(recipe.optimizer, OPTIMIZER_KINDS)}",
        *augmentation,
        "layers = [",
        *(f"    {_inline(layer, LAYER_KINDS)}," for layer in recipe.layers),
        "]",
    ]
    return "\n".join(table) + "\n"


def read_recipe(path: str | os.PathLike[str]) -> Recipe:
    """The recipe in a TOML file, or the variable `recipe` of a Python file, which is run.

    A TOML file without a name is called what the file is called. A Python file finds
    the modules beside it; what it prints goes to standard error. Raises `OSError`, and
    `RecipeError` with the path for what is no recipe.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".toml":
            return recipe_from_dict(_read_toml(path), name=path.stem)
        if path.suffix.lower() == ".py":
            return _run_python(path)
        raise RecipeError(
            "not a file of a recipe",
            expected="a name that ends with .toml or .py",
            found=path.suffix or "none",
        )
    except RecipeError as error:
        error.path = os.fspath(path)
        raise


def get_recipe(name_or_path: str) -> Recipe:
    """The recipe of that name, or in that file if it looks like one's path.

    Raises as `find_recipe`, with the nearest name there is, and `read_recipe` do.
    """
    suffix = Path(name_or_path).suffix.lower()
    if suffix in (".toml", ".py") or os.sep in name_or_path:
        return read_recipe(name_or_path)
    try:
        return find_recipe(name_or_path)
    except RecipeError as error:
        near = difflib.get_close_matches(name_or_path, RECIPES, n=1)
        error.hint = f"did you mean {near[0]!r}?" if near else None
        raise


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # the first has line and column
        raise RecipeError(f"not TOML: {error}") from error


def _run_python(path: Path) -> Recipe:
    path.open("rb").close()  # an OSError is about this file, not about what it opens
    try:
        # What is printed here must not come between a command's lines of JSON.
        with _beside(path), redirect_stdout(sys.stderr):
            recipe = runpy.run_path(str(path)).get("recipe")
    except RecipeError as error:
        error.what = f"{_place(path, error)}{error.what}"
        raise
    except (Exception, SystemExit) as error:
        raise RecipeError(
            f"{_place(path, error)}running the file failed: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(recipe, Recipe):
        raise RecipeError(
            "the file makes no recipe",
            expected="a variable `recipe` that holds a trainers.recipes.Recipe",
            found="none" if recipe is None else f"a {type(recipe).__name__}",
        )
    return recipe


@contextmanager
def _beside(path: Path) -> Iterator[None]:
    """Modules in the file's folder can be imported, as by any program."""
    before = list(sys.path)
    sys.path.insert(0, str(path.resolve().parent))
    try:
        yield
    finally:
        sys.path[:] = before


def _place(path: Path, error: BaseException) -> str:
    """Such as "line 3: ", of the innermost line in the file or in one beside it."""
    if isinstance(error, SyntaxError):  # its text has the place
        return ""
    folder = path.resolve().parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename).resolve()
        if file == path.resolve():
            return f"line {frame.lineno}: "
        if file.parent == folder:
            return f"{file.name}, line {frame.lineno}: "
    return ""


def _layers(values: object) -> tuple[layers.Layer, ...]:
    if not isinstance(values, list):
        raise RecipeError(
            "layers are no list", expected="a list of tables", found=_short(values)
        )
    return tuple(
        _from_table(f"layers[{index}]", value, LAYER_KINDS)
        for index, value in enumerate(values)
    )


def _augmentation(value: object) -> Augmentation | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise RecipeError(
            "augmentation is wrong", expected="a table", found=_short(value)
        )
    _check_keys("augmentation", value, Augmentation)
    try:
        return Augmentation(**value)
    except ValueError as error:
        raise RecipeError(f"augmentation: {error}") from error


def _changes(augmentation: Augmentation) -> dict[str, Any]:
    """Those that are on."""
    return {key: value for key, value in augmentation.describe().items() if value}


def _image_shape(value: object) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise RecipeError(
            "image_shape is wrong",
            expected="[height, width]",
            found=_short(value),
        )
    height, width = (_checked("the recipe", "image_shape", n, int) for n in value)
    return height, width


def _to_table(item: object, kinds: Mapping[str, type[Any]]) -> dict[str, Any]:
    name = next(name for name, kind in kinds.items() if type(item) is kind)
    values = {field.name: getattr(item, field.name) for field in fields(kinds[name])}
    return {"kind": name} | {k: v for k, v in values.items() if v is not None}


def _from_table(where: str, table: object, kinds: Mapping[str, type[Any]]) -> Any:
    if not isinstance(table, Mapping) or not isinstance(table.get("kind"), str):
        raise RecipeError(
            f"{where} is wrong",
            expected="a table with a key `kind`",
            found=_short(table),
        )
    arguments = dict(table)
    name = arguments.pop("kind")
    if name not in kinds:
        raise _unknown(f"{where}: no such kind", name, list(kinds))
    where = f"{where} ({name})"
    _check_keys(where, arguments, kinds[name])
    hints = typing.get_type_hints(kinds[name])
    for key, value in arguments.items():
        arguments[key] = _checked(where, key, value, _plain(hints[key]))
    try:
        return kinds[name](**arguments)
    except RecipeError as error:
        error.what = f"{where}: {error.what}"
        raise


def _plain(hint: Any) -> type:
    """The one type of a field's values in a file."""
    if hint in (bool, int, float):
        return typing.cast(type, hint)
    return float if hint == float | None else str


def _check_keys(where: str, values: Mapping[str, Any], kind: type[Any]) -> None:
    known: dict[str, Field[Any]] = {field.name: field for field in fields(kind)}
    for key in values:
        if key not in known:
            raise _unknown(f"{where}: no such key", key, list(known))
    for key, field in known.items():
        if field.default is MISSING and key not in values:
            raise RecipeError(f"{where}: `{key}` is missing")


def _checked(where: str, key: str, value: object, kind: type) -> Any:
    is_right = type(value) is kind or (kind is float and type(value) is int)
    if not is_right:
        raise RecipeError(
            f"{where}: {key} has the wrong type",
            expected=_WORDS[kind],
            found=_short(value),
        )
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise RecipeError(f"{where}: {key} is too large", expected="below 2^31")
    return value


def _unknown(what: str, name: object, known: list[str]) -> RecipeError:
    near = difflib.get_close_matches(str(name), known, n=1)
    return RecipeError(
        what,
        expected=f"one of {', '.join(known)}" if known else "none",
        found=_short(name),
        hint=f"did you mean {near[0]!r}?" if near else None,
    )


def _short(value: object) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."


def _inline(item: object, kinds: Mapping[str, type[Any]]) -> str:
    """An inline table without the fields that have their default."""
    # Optimisers hold float32 values: written as short as those can be.
    number = np.float32 if kinds is OPTIMIZER_KINDS else float
    table = _to_table(item, kinds)
    name = table["kind"]
    parts = [f'kind = "{name}"']
    for field in fields(kinds[name]):
        value, default = table.get(field.name), field.default
        if isinstance(value, float) and isinstance(default, int | float):
            default = float(number(default))
        if value is None or value == default:
            continue
        text = str(number(value)) if isinstance(value, float) else json.dumps(value)
        parts.append(f"{field.name} = {text}")
    return "{ " + ", ".join(parts) + " }"


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
