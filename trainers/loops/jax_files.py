"""Neutral weights as `.safetensors`, the format JAX users keep arrays in."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.errors import CheckpointError
from trainers.layers import Shape
from trainers.recipes import Recipe
from trainers.weights import Weights

PathLike = str | os.PathLike[str]

_DTYPES = ("float32", "float64")


def write_weights(weights: Weights, path: PathLike) -> None:
    """A new file of all weights by their neutral names and shapes.

    Raises `CheckpointError` for another suffix, `FileExistsError` if the file is there.
    """
    _check_suffix(path)
    from safetensors.numpy import save

    content = save(weights)
    with open(path, "xb") as file:
        file.write(content)


def read_weights(recipe: Recipe, path: PathLike) -> Weights:
    """The weights in such a file; nothing of it is executed.

    Raises `CheckpointError` if it is damaged, or names, shapes or kinds of numbers are
    not those of the recipe.
    """
    _check_suffix(path)
    from safetensors.numpy import load

    content = Path(path).read_bytes()
    try:
        weights: Weights = load(content)
    except Exception as error:  # the header's defects raise errors of several kinds
        raise CheckpointError(
            "no sound .safetensors file",
            path=path,
            found=f"{type(error).__name__}: {error}",
        ) from error
    check_arrays(weights, recipe.weight_shapes(), path=path)
    return weights


def check_arrays(
    arrays: Mapping[str, NDArray[Any]],
    shapes: Mapping[str, Shape],
    *,
    path: PathLike | None = None,
) -> None:
    """`CheckpointError` unless `arrays` are floats of exactly these names and shapes."""
    for name in {**shapes, **arrays}:
        if name not in arrays:
            raise CheckpointError(f"no array {name!r}", path=path)
        if name not in shapes:
            raise CheckpointError(f"array {name!r} is not of this recipe", path=path)
        array, shape = np.asarray(arrays[name]), tuple(shapes[name])
        if array.shape != shape or array.dtype.name not in _DTYPES:
            raise CheckpointError(
                f"array {name!r} is not as this recipe has it",
                path=path,
                expected=f"{shape} of {' or '.join(_DTYPES)}",
                found=f"{array.shape} of {array.dtype.name}",
            )


def _check_suffix(path: PathLike) -> None:
    if Path(path).suffix != ".safetensors":
        raise CheckpointError(
            "this project keeps JAX's models in no format of this suffix",
            path=path,
            expected=".safetensors",
            found=repr(Path(path).suffix),
        )
