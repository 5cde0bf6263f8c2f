"""Weights in PyTorch's layouts, and files of a stock model's `state_dict`.

kernels (in, out) are (out, in) here and (h, w, in, out) are (out, in, h, w). The stock
model flattens in the order channel, height, width, so that in files the features of a
flattened image have another order too, up to the next dense layer.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.errors import CheckpointError
from trainers.layers import Dense, Flatten, Shape
from trainers.loops.arrays import check_arrays
from trainers.loops.torch_layers import ATTRIBUTES, stock_model
from trainers.recipes import Recipe
from trainers.weights import Weights

Tensor = torch.Tensor
Array = NDArray[Any]

_COUNTER = "num_batches_tracked"


def to_neutral(name: str, tensor: Tensor) -> Array:
    """A copy of a tensor, or of its gradient or state, as NumPy array."""
    array = tensor.detach().cpu().numpy()
    if name.endswith(".kernel"):
        array = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
    return np.array(array, order="C")


def to_torch(name: str, array: Array) -> Tensor:
    """The opposite of `to_neutral`: a tensor in PyTorch's layout, on the host."""
    if name.endswith(".kernel"):
        array = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
    return torch.from_numpy(np.array(array, order="C"))


def write_state_dict(
    recipe: Recipe, weights: Weights, num_steps: int, path: Path
) -> None:
    """`stock_model`'s state dict to a new file, .safetensors or .pt.

    `num_steps`: PyTorch's `num_batches_tracked`. Raises `CheckpointError` for another
    suffix, `FileExistsError` if the file is there.
    """
    _check_suffix(path)
    tensors = _state_dict(recipe, weights, num_steps)
    if path.suffix == ".pt":
        with path.open("xb") as file:
            torch.save(tensors, file)
        return
    import safetensors.torch

    content = safetensors.torch.save(tensors, {"format": "pt"})
    with path.open("xb") as file:
        file.write(content)


def read_state_dict(recipe: Recipe, path: Path) -> Weights:
    """Neutral weights of a file that `write_state_dict` could have written.

    Never runs code of it. Raises `CheckpointError` if the file is damaged, or names,
    shapes or kinds of numbers are not those of the recipe.
    """
    _check_suffix(path)
    tensors = _read_tensors(path)
    stock, owners = stock_model(recipe, device="meta")
    expected = {name: tuple(x.shape) for name, x in stock.state_dict().items()}
    counters = {name for name in expected if name.endswith(_COUNTER)}
    check_arrays(tensors, expected, integers=counters, path=path)
    weights = {}
    for name in recipe.weight_shapes():
        index, kind = _split(name)
        tensor = tensors[f"{owners[index]}.{ATTRIBUTES[kind]}"]
        array = to_neutral(name, tensor.double())
        weights[name] = _reordered(recipe, name, array, is_stock=True)
    return weights


def _state_dict(recipe: Recipe, weights: Weights, num_steps: int) -> dict[str, Tensor]:
    stock, owners = stock_model(recipe, device="meta")
    tensors = {}
    for name, array in weights.items():
        index, kind = _split(name)
        ordered = _reordered(recipe, name, array, is_stock=False)
        tensors[f"{owners[index]}.{ATTRIBUTES[kind]}"] = to_torch(name, ordered)
    return {
        name: torch.tensor(num_steps) if name.endswith(_COUNTER) else tensors[name]
        for name in stock.state_dict()
    }


def _read_tensors(path: Path) -> dict[str, Tensor]:
    content = path.read_bytes()
    try:
        if path.suffix == ".pt":
            import io

            found = torch.load(io.BytesIO(content), "cpu", weights_only=True)
        else:
            import safetensors.torch

            found = safetensors.torch.load(content)
    except Exception as error:  # damaged pickles and zip files raise all kinds
        raise CheckpointError(
            f"not a {path.suffix} file of a state_dict, or a damaged one",
            path=path,
            found=type(error).__name__,  # its text advises to run what is in the file
        ) from error
    if not isinstance(found, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor)
        for name, tensor in found.items()
    ):
        raise CheckpointError("no state_dict: names with tensors", path=path)
    return found


def _check_suffix(path: Path) -> None:
    if path.suffix not in (".safetensors", ".pt"):
        raise CheckpointError(
            "no format of PyTorch's has this suffix",
            path=path,
            expected=".safetensors or .pt",
            found=repr(path.suffix),
        )


def _split(name: str) -> tuple[int, str]:
    index, kind = name.split(".")
    return int(index), kind


def _flattened_image(recipe: Recipe, index: int) -> Shape | None:
    """(h, w, c) if the layer's input is the features of a flattened image."""
    for earlier in reversed(range(index)):
        shape = recipe.shapes()[earlier]
        if isinstance(recipe.layers[earlier], Dense) or len(shape) == 3:
            is_flatten = isinstance(recipe.layers[earlier], Flatten)
            return shape if is_flatten else None
    return None


def _reordered(recipe: Recipe, name: str, array: Array, *, is_stock: bool) -> Array:
    """Features of a flattened image, axis 0, in the stock order; or back from it."""
    index, kind = _split(name)
    shape = _flattened_image(recipe, index)
    if shape is None or (isinstance(recipe.layers[index], Dense) and kind == "bias"):
        return array
    height, width, channels = shape
    if is_stock:
        places = array.reshape(channels, height, width, -1).transpose(1, 2, 0, 3)
    else:
        places = array.reshape(height, width, channels, -1).transpose(2, 0, 1, 3)
    return places.reshape(array.shape)
