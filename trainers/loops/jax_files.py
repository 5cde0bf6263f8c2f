"""Neutral weights as `.safetensors`, the format JAX users keep arrays in."""

from pathlib import Path

from trainers.errors import CheckpointError
from trainers.loops.arrays import PathLike, check_arrays
from trainers.recipes import Recipe
from trainers.weights import Weights


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


def _check_suffix(path: PathLike) -> None:
    if Path(path).suffix != ".safetensors":
        raise CheckpointError(
            "this project keeps JAX's models in no format of this suffix",
            path=path,
            expected=".safetensors",
            found=repr(Path(path).suffix),
        )
