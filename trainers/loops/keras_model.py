"""Recipes as Keras models, whatever Keras's backend: for `tf_loop` and `keras_loop`."""

import errno
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
from numpy.typing import NDArray

from trainers.errors import CheckpointError
from trainers.layers import Dense, Layer, weights_of
from trainers.loops.arrays import slot_names
from trainers.loops.job import Dtype
from trainers.loops.keras_layers import (
    SharedDropout,
    layer_name,
    stock_layer,
    stock_optimizer,
)
from trainers.loops.masks import shared_dropouts
from trainers.recipes import Recipe
from trainers.weights import Weights

# Of a layer's configuration, what makes it another function of its weights.
_MEANING = {
    "activation",
    "axis",
    "batch_shape",
    "center",
    "data_format",
    "dilation_rate",
    "epsilon",
    "filters",
    "groups",
    "kernel_size",
    "momentum",
    "padding",
    "pool_size",
    "rate",
    "renorm",
    "scale",
    "strides",
    "target_shape",
    "units",
    "use_bias",
}

_DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
)


def build_model(recipe: Recipe, precision: Dtype, *, seed: int = 0) -> Any:
    """A functional Keras model from images (m, height, width) to logits (m, classes).

    Its inputs are the images or, with shared dropout, the list of the images and one
    mask (m, *shape) for each of `masks.shared_dropouts`. Images are float32, masks of
    `precision`, as are weights and logits. `seed` is that of native dropout.
    """
    images = keras.Input(recipe.image_shape, dtype="float32", name="images")
    masks = []
    values = _with_channel(recipe, precision)(images)
    shared = shared_dropouts(recipe)
    for index, layer in enumerate(recipe.layers):
        if index in shared:
            shape, _ = shared[index]
            mask = keras.Input(shape, dtype=precision, name=f"mask_{index}")
            name = layer_name(layer, index)
            values = SharedDropout(dtype=precision, name=name)(values, mask)
            masks.append(mask)
        else:
            made = stock_layer(
                _for_logits(layer), index, precision, _layer_seed(seed, index)
            )
            values = made(values)
    return keras.Model([images, *masks] if masks else images, values)


def inference_model(model: Any) -> Any:
    """`model` of `build_model` from images alone, for evaluation; shares its weights."""
    images = keras.Input(model.inputs[0].shape[1:], dtype="float32", name="images")
    values = images
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer | SharedDropout):
            values = layer(values)
    return keras.Model(images, values)


def set_weights(model: Any, recipe: Recipe, weights: Mapping[str, Any]) -> None:
    """Set all weights from arrays in the neutral layout, whatever their float dtype."""
    for name, variable in _variables(model, recipe):
        variable.assign(weights[name].astype(variable.dtype))


def get_weights(model: Any, recipe: Recipe) -> Weights:
    """Copies of all weights in the neutral layout, in the model's precision."""
    return {name: _copied(variable) for name, variable in _variables(model, recipe)}


def get_slots(optimizer: Any, model: Any, recipe: Recipe) -> dict[str, NDArray[Any]]:
    """Copies of what changes in training beside weights and step.

    "<weight name>/<slot>" of a built Keras optimiser, and "<layer index>.seed" of
    native dropout.
    """
    return {
        name: _copied(variable) for name, variable in _slots(optimizer, model, recipe)
    }


def set_slots(
    optimizer: Any, model: Any, recipe: Recipe, slots: Mapping[str, Any]
) -> None:
    """The opposite of `get_slots`; leaves the optimiser's `iterations` alone."""
    for name, variable in _slots(optimizer, model, recipe):
        variable.assign(slots[name])


def export_model(recipe: Recipe, weights: Weights, path: Path) -> None:
    """Write a `.keras` file of stock layers, compiled for users to go on with.

    A `keras.Sequential` from images (m, height, width) to what the recipe ends with:
    logits, or probabilities where that is a softmax. Its precision is that of `weights`.

    Raises `CheckpointError` if `path` does not end in .keras, `FileExistsError` if it
    is there.
    """
    _check_suffix(path)
    if path.exists():  # Keras would replace it
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    (precision,) = {str(array.dtype) for array in weights.values()}
    model = _stock_model(recipe, precision)
    set_weights(model, recipe, weights)
    rate = recipe.optimizer.learning_rate
    optimizer = stock_optimizer(recipe.optimizer, rate)
    optimizer.build(model.trainable_variables)
    from_logits = recipe.loss == "crossentropy_from_logits"
    loss = (
        keras.losses.CategoricalCrossentropy(from_logits=from_logits)
        if recipe.has_one_hot_labels
        else keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    )
    model.compile(optimizer, loss, metrics=["accuracy"])
    model.save(path)


def import_model(recipe: Recipe, path: Path) -> Weights:
    """The weights in a `.keras` file of a model as `export_model` writes it.

    What the file says of layers is compared with the recipe and never built, so that
    nothing in it can make code run; numbers are read into a model made here.

    Raises `CheckpointError` if the file is damaged, or its model is not a
    `keras.Sequential` of the recipe's layers, `FileNotFoundError` if there is none.
    """
    _check_suffix(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                raise ValueError("a checksum is wrong")
            config = json.loads(archive.read("config.json"))
        found, precision = _described(config)
    except FileNotFoundError:
        raise
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    _check_layers(recipe, found, path)
    model = _stock_model(recipe, precision)
    try:
        model.load_weights(path)
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    return get_weights(model, recipe)


def _stock_model(recipe: Recipe, precision: Any) -> Any:
    images = keras.Input(recipe.image_shape, dtype="float32", name="images")
    layers = [
        stock_layer(layer, index, precision, _layer_seed(0, index))
        for index, layer in enumerate(recipe.layers)
    ]
    channel = _with_channel(recipe, precision)
    return keras.Sequential([images, channel, *layers], name="model")


def _described(config: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """What a file says of its layers, and their precision."""
    if (config["module"], config["class_name"]) != ("keras", "Sequential"):
        raise ValueError(f"{config['class_name']} is not keras.Sequential")
    layers = []
    precisions = set()
    for layer in config["config"]["layers"]:
        numbers = {k: v for k, v in layer["config"].items() if k in _MEANING}
        layers.append({"class": f"{layer['module']}.{layer['class_name']}", **numbers})
        if layer["class_name"] != "InputLayer":
            precisions.add(layer["config"]["dtype"]["config"]["name"])
    if len(precisions) != 1 or not precisions <= set(get_args(Dtype)):
        raise ValueError(f"the precision is {sorted(precisions)}")
    return layers, precisions.pop()


def _check_layers(recipe: Recipe, found: list[dict[str, Any]], path: Path) -> None:
    model = keras.saving.serialize_keras_object(_stock_model(recipe, "float32"))
    # Tuples are lists in JSON.
    expected, _ = _described(json.loads(json.dumps(model)))
    for index in range(max(len(expected), len(found))):
        sides = [
            layers[index] if index < len(layers) else None
            for layers in (expected, found)
        ]
        if sides[0] != sides[1]:
            raise CheckpointError(
                f"the model's layer {index} is not that of recipe {recipe.name!r}",
                path=path,
                expected=sides[0] or "no further layer",
                found=sides[1] or "no further layer",
            )


def _check_suffix(path: Path) -> None:
    if path.suffix != ".keras":
        raise CheckpointError(
            "Keras models are files of another kind",
            path=path,
            expected="the suffix .keras",
            found=repr(path.suffix),
        )


def _damaged(path: Path, error: Exception) -> CheckpointError:
    text = str(error).strip().partition("\n")[0]
    return CheckpointError(
        "no whole .keras file of a model",
        path=path,
        found=f"{type(error).__name__}: {text}",
    )


def _slots(optimizer: Any, model: Any, recipe: Recipe) -> Iterator[tuple[str, Any]]:
    names = [
        f"{name}/{slot}"
        for name in recipe.trainable_names()
        for slot in slot_names(recipe.optimizer)
    ]
    # The iteration comes before them, and the learning rate where it is a variable.
    kept = optimizer.variables
    yield from zip(names, kept[len(kept) - len(names) :], strict=True)
    for index, layer in enumerate(recipe.layers):
        made = model.get_layer(layer_name(layer, index))
        if isinstance(made, keras.layers.Dropout):
            yield f"{index}.seed", made.seed_generator.state


def _variables(model: Any, recipe: Recipe) -> Iterator[tuple[str, Any]]:
    """Neutral names and Keras's variables, by layer.

    A layer's own `weights` are in the order of `weights_of`: those to train first.
    """
    shapes = recipe.shapes()
    for index, layer in enumerate(recipe.layers):
        variables = model.get_layer(layer_name(layer, index)).weights
        names = weights_of(layer, shapes[index])
        for name, variable in zip(names, variables, strict=True):
            yield f"{index}.{name}", variable


def _copied(variable: Any) -> NDArray[Any]:
    return np.array(keras.ops.convert_to_numpy(variable))


def _with_channel(recipe: Recipe, precision: Dtype) -> Any:
    return keras.layers.Reshape(
        (*recipe.image_shape, 1), dtype=precision, name="channel"
    )


def _layer_seed(seed: int, index: int) -> int:
    return zlib.crc32(f"{seed}/{index}".encode()) >> 1


def _for_logits(layer: Layer) -> Layer:
    """`layer` without its softmax."""
    if isinstance(layer, Dense) and layer.activation == "softmax":
        return replace(layer, activation="linear")
    return layer
