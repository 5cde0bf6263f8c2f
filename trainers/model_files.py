"""Files that hold a model, of any framework: what reads them, what writes them."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from idxdata.atomic import temporary_sibling
from trainers.checkpoints import read_weights, save_weights
from trainers.errors import CheckpointError, RecipeError
from trainers.inference import export_model
from trainers.loops import LOOPS, find_loop
from trainers.recipes import Recipe
from trainers.weights import Weights

NEUTRAL = ".npz"
DEFAULT_LOOP = "torch-eager"
_FORMATS = {
    "torch_loop": (".safetensors", ".pt"),
    "tf_loop": (".keras",),
    "keras_loop": (".keras",),
    "jax_loop": (".safetensors",),
}


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What `inference.predict_probabilities` wants; `weights` may be a loop's own file."""

    recipe: Recipe
    weights: Weights | Path
    loop: str


def open_model(
    path: str | os.PathLike[str], *, recipe: Recipe | None, loop: str | None
) -> Model:
    """The model in a neutral file, or in one of a framework, which `recipe` describes.

    Without `loop` it is one that reads the file. Of a neutral file the recipe is its
    own. Raises `CheckpointError` if it is damaged or has an ending that `loop` does not
    read, `RecipeError` if a recipe is missing or not asked for, and `OSError`.
    """
    path = Path(path)
    with path.open("rb"):
        pass  # before anything else is said about it
    if path.suffix.lower() == NEUTRAL:
        if recipe is not None:
            raise RecipeError("an .npz file has its own recipe", path=path)
        return Model(*read_weights(path), loop or DEFAULT_LOOP)
    readers = [name for name in LOOPS if path.suffix.lower() in formats(name)]
    if not readers or (loop is not None and loop not in readers):
        raise CheckpointError(
            "no file of a model" if loop is None else f"not a file that {loop} reads",
            path=path,
            expected=_listed(loop),
            found=path.suffix.lower() or "no ending",
        )
    if recipe is None:
        raise RecipeError(
            "the file does not say what model it is of",
            path=path,
            hint="name it by --recipe",
        )
    return Model(recipe, path, loop or readers[0])


def check_new_file(path: str | os.PathLike[str], loop: str) -> None:
    """Raise what `write_model` would, as far as it can be told before training.

    `CheckpointError` for an ending that is none of the loop's formats,
    `FileExistsError`, `FileNotFoundError` if there is no such folder.
    """
    path = Path(path)
    if path.suffix.lower() not in (NEUTRAL, *formats(loop)):
        raise CheckpointError(
            f"not a file that {loop} writes",
            path=path,
            expected=_listed(loop),
            found=path.suffix.lower() or "no ending",
        )
    if path.exists():
        raise FileExistsError(17, "there is such a file", str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(2, "no such folder", str(path.parent))


def write_model(
    path: str | os.PathLike[str],
    recipe: Recipe,
    weights: Weights,
    loop: str,
    *,
    num_threads: int = 1,
) -> None:
    """A new file: neutral if it is an .npz, else in a format of the loop's framework.

    It appears whole or not at all, and replaces nothing. Raises as `check_new_file` and
    `inference.export_model` do; `OSError` names `path`.
    """
    check_new_file(path, loop)
    path = Path(path)
    part = temporary_sibling(path).with_suffix(path.suffix.lower())
    try:
        if path.suffix.lower() == NEUTRAL:
            save_weights(part, recipe, weights)
        else:
            export_model(recipe, weights, loop, part, num_threads=num_threads)
        _publish(part, path)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with suppress(OSError):
            part.unlink()


def formats(loop: str) -> tuple[str, ...]:
    """Endings of the files that the loop's framework saves models in."""
    return _FORMATS[find_loop(loop).module]


def _publish(part: Path, path: Path) -> None:
    """Give `part` the name `path`; `FileExistsError` if there is a file by now."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError(17, "there is such a file", str(path)) from None
        part.rename(path)


def _listed(loop: str | None) -> str:
    endings = {ending for name in LOOPS for ending in formats(name)}
    return ", ".join([NEUTRAL, *(sorted(endings) if loop is None else formats(loop))])
