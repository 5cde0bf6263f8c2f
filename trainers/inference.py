"""What a trained model says of pictures, with any loop."""

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata import Batches, BatchFormat, Plan, Split
from idxdata.sharding import Images
from trainers.errors import RecipeError
from trainers.feeding import framework_tensors
from trainers.loops import Loop, find_loop, import_loop
from trainers.loops.job import Device, Job
from trainers.metrics import probabilities
from trainers.recipes import Recipe
from trainers.weights import Weights

BATCH_SIZE = 1000


def predict_probabilities(
    recipe: Recipe,
    weights: Weights | str | os.PathLike[str],
    loop_name: str,
    images: Images,
    *,
    num_threads: int = 1,
    device: Device = "cpu",
) -> NDArray[np.float32]:
    """Probabilities of classes, float32 (n, classes), for uint8 images (n, height, width).

    `weights`: in the neutral layout, or the path of a file of the loop's `save_model`.
    Configures the framework for this process, computes in float32.

    Raises `RecipeError` if images are not those that `recipe` is for, `LoopError`,
    `DeviceError`, `MissingFrameworkError`, `CheckpointError` if the file is not one of
    this recipe, `MetricsError` if the model gives numbers that are not finite.
    """
    _check_images(recipe, images)
    loop = find_loop(loop_name)
    trainer, module = _build(recipe, weights, loop, num_threads, device)
    split = Split(images, np.zeros(len(images), np.uint8))
    plan = Plan(len(images), BATCH_SIZE, seed=0, order="sequential")
    batches = Batches(split, plan, format=BatchFormat(labels="int32"))
    pairs = framework_tensors(loop, batches, 0, 0, device)
    return probabilities(module.predict(trainer, pairs))


def export_model(
    recipe: Recipe,
    weights: Weights,
    loop_name: str,
    path: str | os.PathLike[str],
    *,
    num_threads: int = 1,
) -> None:
    """Write weights as the loop's framework saves models, to a path that is not there.

    Raises `LoopError` for an ending that is not one of its formats, `FileExistsError`,
    and the errors of `predict_probabilities`.
    """
    trainer, module = _build(recipe, weights, find_loop(loop_name), num_threads, "cpu")
    module.save_model(trainer, path)


def _build(
    recipe: Recipe,
    weights: Weights | str | os.PathLike[str],
    loop: Loop,
    num_threads: int,
    device: Device,
) -> tuple[Any, Any]:
    """A trainer that holds the weights, and its loop's module."""
    module = import_loop(loop)
    job = Job(recipe, loop.form, 1, num_threads=num_threads, device=device)
    module.configure(job)
    trainer = module.build(job)
    if isinstance(weights, dict):
        module.load_weights(trainer, weights)
    else:
        module.load_model(trainer, weights)
    return trainer, module


def _check_images(recipe: Recipe, images: Images) -> None:
    found = f"{images.dtype.name} of shape {images.shape}"
    if images.dtype != np.uint8 or images.shape[1:] != recipe.image_shape:
        height, width = recipe.image_shape
        raise RecipeError(
            f"the images are not those that {recipe.name} is for",
            expected=f"uint8 of shape (n, {height}, {width})",
            found=found,
        )
    if not len(images):
        raise RecipeError("there are no images", found=found)
