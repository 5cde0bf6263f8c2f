"""The model that a command's arguments name."""

import argparse
from pathlib import Path

from trainers.errors import CheckpointError
from trainers.folder import BEST, LAST
from trainers.model_files import Model, open_model
from trainers.recipe_files import get_recipe
from trainers.recipes import Recipe


def open_given(args: argparse.Namespace) -> tuple[Recipe | None, Model]:
    """The recipe asked for, if one is, and the model in `args.weights`.

    Raises as `get_recipe` and `open_model` do, and `CheckpointError` for a folder.
    """
    path = Path(args.weights)
    if path.is_dir():
        there = [name for name in (LAST, BEST) if (path / name).exists()]
        raise CheckpointError(
            "a folder, not a file of weights",
            path=path,
            hint=f"did you mean {path / there[0]}?" if there else None,
        )
    recipe = None if args.recipe is None else get_recipe(args.recipe)
    return recipe, open_model(path, recipe=recipe, loop=args.loop)
