"""`list`: the recipes, and the loops with what is installed for them."""

import argparse
import importlib.metadata
import json
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from trainers.diagram import describe_optimizer
from trainers.layers import AveragePool, BatchNorm, Conv, Dense, Dropout, MaxPool
from trainers.loops import LOOPS, Loop
from trainers.recipes import RECIPES, Recipe

_DISTRIBUTIONS = {
    "torch": ("torch",),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "jax": ("jax",),
    "keras": ("keras",),
}


def main(args: argparse.Namespace) -> int:
    """Print two tables, or one JSON object."""
    if args.json:
        print(json.dumps({"recipes": _recipe_facts(), "loops": _loop_facts()}))
        return 0
    console = Console(highlight=False)
    console.print(_recipe_table())
    console.print()
    console.print(_loop_table())
    return 0


def loop_packages(loop: Loop) -> dict[str, str | None]:
    """Installed versions of what a loop needs, None for what is not there."""
    names = [loop.adapter]
    if loop.backend is not None:
        names.append("keras")
    return {name: _version(name) for name in names}


def short_layers(recipe: Recipe) -> str:
    """Such as "conv16/2 drop 500 10": dense layers by their units, "/2" for pooling."""
    words: list[str] = []
    for layer in recipe.layers:
        match layer:
            case Dense(units):
                words.append(f"{units}")
            case Conv(filters):
                words.append(f"conv{filters}")
            case MaxPool(size) | AveragePool(size):
                words.append(f"{words.pop() if words else ''}/{size}")
            case Dropout():
                words.append("drop")
            case BatchNorm():
                words.append("norm")
    return " ".join(words)


def _version(name: str) -> str | None:
    for distribution in _DISTRIBUTIONS[name]:
        try:
            # Without what follows a "+", such as "cpu".
            return importlib.metadata.version(distribution).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _recipe_facts() -> list[dict[str, Any]]:
    return [
        {
            "name": recipe.name,
            "layers": short_layers(recipe),
            "num_parameters": recipe.num_parameters(),
            "optimizer": describe_optimizer(recipe.optimizer),
            "loss": recipe.loss,
            "batch_size": recipe.batch_size,
            "epochs": recipe.epochs,
            "is_bit_comparable": recipe.is_bit_comparable,
        }
        for recipe in RECIPES.values()
    ]


def _loop_facts() -> list[dict[str, Any]]:
    return [
        {
            "name": loop.name,
            "text": loop.text,
            "form": loop.form,
            "packages": loop_packages(loop),
        }
        for loop in LOOPS.values()
    ]


def _recipe_table() -> Table:
    table = _table("recipe", "layers", "weights", "optimiser", "labels", right=(2,))
    for recipe in RECIPES.values():
        table.add_row(
            f"[bold]{recipe.name}[/]",
            short_layers(recipe),
            f"{recipe.num_parameters():,}",
            _short_optimizer(recipe),
            "one-hot" if recipe.has_one_hot_labels else "integer",
        )
    return table


def _short_optimizer(recipe: Recipe) -> str:
    name, rate, *_ = describe_optimizer(recipe.optimizer).split(", ")
    return f"{name} {rate.removeprefix('learning rate ')}"


def _loop_table() -> Table:
    table = _table("loop", "what it is", "installed")
    for loop in LOOPS.values():
        packages = loop_packages(loop)
        missing = [name for name, version in packages.items() if version is None]
        text = f"[green]{packages[loop.adapter]}[/]"
        if loop.is_fit:  # the loops on TensorFlow take their models from Keras too
            text += f" [green]+ Keras {packages['keras']}[/]"
        if missing:
            text = f"[yellow]no {', '.join(missing)}[/]"
        table.add_row(f"[bold]{loop.name}[/]", loop.text, text)
    return table


def _table(*names: str, right: tuple[int, ...] = ()) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
    for index, name in enumerate(names):
        side: Literal["left", "right"] = "right" if index in right else "left"
        table.add_column(name, justify=side, no_wrap=index == 0)
    return table
