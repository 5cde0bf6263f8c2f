"""Layers as plain data, and the shapes that they make of an example.

Convolutions have stride 1; pooling windows do not overlap and drop what is left over
at the border. Images are (height, width, channels) everywhere.
"""

import difflib
import math
import operator
from dataclasses import dataclass
from typing import Literal, get_args

from trainers.errors import RecipeError

Activation = Literal["linear", "relu", "tanh", "sigmoid", "softmax"]
Padding = Literal["valid", "same"]
Masks = Literal["shared", "native"]
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Dense:
    """Fully connected, with bias."""

    units: int
    activation: Activation = "linear"

    def __post_init__(self) -> None:
        _at_least_1(self, "units")
        _one_of(self, "activation", Activation)


@dataclass(frozen=True, slots=True)
class Conv:
    """2-D convolution (cross-correlation): square kernel, stride 1, with bias.

    "same" pads with zeros to the size of the input and wants an odd kernel, because
    frameworks put the surplus of an even one on different sides.
    """

    filters: int
    kernel_size: int
    activation: Activation = "linear"
    padding: Padding = "valid"

    def __post_init__(self) -> None:
        _at_least_1(self, "filters")
        _at_least_1(self, "kernel_size")
        _one_of(self, "activation", Activation)
        _one_of(self, "padding", Padding)
        if self.activation == "softmax":
            raise RecipeError("softmax is for the last dense layer", found=self)
        if self.padding == "same" and self.kernel_size % 2 == 0:
            raise RecipeError('padding "same" wants an odd kernel_size', found=self)


@dataclass(frozen=True, slots=True)
class MaxPool:
    """Maximum over size x size windows, side by side."""

    size: int

    def __post_init__(self) -> None:
        _at_least_1(self, "size")


@dataclass(frozen=True, slots=True)
class AveragePool:
    """Mean over size x size windows, side by side."""

    size: int

    def __post_init__(self) -> None:
        _at_least_1(self, "size")


@dataclass(frozen=True, slots=True)
class Flatten:
    """All but the batch axis to one axis, in the order height, width, channel."""


@dataclass(frozen=True, slots=True)
class Dropout:
    """In training, each number becomes 0 with probability `rate`, else times 1 / (1 - rate).

    "shared" masks come from this project's counter-based generator and are the same in
    every framework; "native" ones are the framework's own, so that runs with them are
    not comparable bit for bit.
    """

    rate: float
    masks: Masks = "shared"

    def __post_init__(self) -> None:
        _in_range(self, "rate", 0 <= _number(self, "rate") < 1, "from 0 to below 1")
        _one_of(self, "masks", Masks)


@dataclass(frozen=True, slots=True)
class BatchNorm:
    """Batch normalisation (Ioffe and Szegedy, arXiv:1502.03167) over the last axis.

    In training (x - mean) / sqrt(variance + epsilon) * gamma + beta with the batch's
    mean and biased variance; moving = momentum * moving + (1 - momentum) * batch's, of
    the biased variance too. In evaluation with the moving ones.
    """

    momentum: float = 0.99
    epsilon: float = 1e-3

    def __post_init__(self) -> None:
        _in_range(
            self, "momentum", 0 <= _number(self, "momentum") < 1, "from 0 to below 1"
        )
        _in_range(self, "epsilon", _number(self, "epsilon") > 0, "above 0")


@dataclass(frozen=True, slots=True)
class Activate:
    """An activation as a layer of its own, such as the one after `BatchNorm`."""

    activation: Activation

    def __post_init__(self) -> None:
        _one_of(self, "activation", Activation)
        if self.activation == "softmax":
            raise RecipeError("softmax is for the last dense layer", found=self)


Layer = Dense | Conv | MaxPool | AveragePool | Flatten | Dropout | BatchNorm | Activate


def shape_after(layer: Layer, shape: Shape) -> Shape:
    """The shape that `layer` makes of an example of `shape`.

    Raises `RecipeError` for a layer that cannot follow one of that shape.
    """
    match layer, shape:
        case Conv(filters, _, _, "same"), (height, width, _):
            return (height, width, filters)
        case Conv(filters, size), (height, width, _) if min(height, width) >= size:
            return (height - size + 1, width - size + 1, filters)
        case MaxPool(size) | AveragePool(size), (height, width, channels) if (
            min(height, width) >= size
        ):
            return (height // size, width // size, channels)
        case Flatten(), _:
            return (math.prod(shape),)
        case Dense(units), (_,):
            return (units,)
        case Dropout() | BatchNorm() | Activate(), _:
            return shape
    raise RecipeError(f"{layer} cannot follow a layer of output shape {shape}")


def weights_of(layer: Layer, shape: Shape) -> dict[str, Shape]:
    """Names and neutral shapes of a layer's numbers, for input of `shape`.

    kernel is (in, out) for dense and (height, width, in, out) for convolution, bias
    (out,); gamma, beta, moving_mean and moving_variance are (channels,) or (units,).
    """
    match layer:
        case Dense(units):
            return {"kernel": (shape[0], units), "bias": (units,)}
        case Conv(filters, size):
            return {"kernel": (size, size, shape[2], filters), "bias": (filters,)}
        case BatchNorm():
            names = ("gamma", "beta", "moving_mean", "moving_variance")
            return {name: shape[-1:] for name in names}
    return {}


def plain_integer(value: object) -> object:
    """An int for an integer of any kind, NumPy's too; all else, and bool, as it is."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return value
    try:
        return operator.index(value)
    except TypeError:  # an array has the method, and is no integer
        return value


def _at_least_1(layer: Layer, name: str) -> None:
    value = plain_integer(getattr(layer, name))
    expected = "an integer of at least 1"
    if type(value) is not int:
        raise _wrong_type(layer, name, expected)
    object.__setattr__(layer, name, value)
    _in_range(layer, name, value >= 1, expected)


def _number(layer: Layer, name: str) -> float:
    value = getattr(layer, name)
    if type(value) not in (int, float):
        raise _wrong_type(layer, name, "a number")
    return float(value)


def _one_of(layer: Layer, name: str, names: object) -> None:
    known, value = get_args(names), getattr(layer, name)
    expected = f"one of {', '.join(known)}"
    if not isinstance(value, str):
        raise _wrong_type(layer, name, expected)
    if value not in known:
        near = difflib.get_close_matches(value.lower(), known, n=1)
        raise RecipeError(
            f"{name} of {type(layer).__name__} is unknown",
            expected=expected,
            found=repr(value),
            hint=f"did you mean {near[0]!r}?" if near else None,
        )


def _wrong_type(layer: Layer, name: str, expected: str) -> RecipeError:
    value = getattr(layer, name)
    return RecipeError(
        f"{name} of {type(layer).__name__} has the wrong type",
        expected=expected,
        found=f"{value!r}, a {type(value).__name__}",
    )


def _in_range(layer: Layer, name: str, is_right: bool, expected: str) -> None:
    if not is_right:
        raise RecipeError(
            f"{name} of {type(layer).__name__} is out of range",
            expected=expected,
            found=repr(getattr(layer, name)),
        )
