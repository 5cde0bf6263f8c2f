"""Recipes: a model, its loss, its optimiser and its schedule as plain data.

Nothing here belongs to a framework. Every number that a framework would fill in by
itself (initial weights, epsilon, momentum, padding) is written out, because that is
where two "same" models differ. The loss is always softmax cross-entropy from logits,
averaged over the batch; convolutions have stride 1 and no padding; pooling windows
do not overlap and drop what is left over at the border.
"""

import math
import struct
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Activation = Literal["relu", "linear"]


@dataclass(frozen=True, slots=True)
class Conv:
    """2-D convolution: square kernel, stride 1, no padding, with bias."""

    filters: int
    kernel_size: int
    activation: Activation


@dataclass(frozen=True, slots=True)
class MaxPool:
    """Maximum over size x size windows, side by side."""

    size: int


@dataclass(frozen=True, slots=True)
class Flatten:
    """All but the batch axis to one axis, in the order height, width, channel."""


@dataclass(frozen=True, slots=True)
class Dense:
    """Fully connected, with bias."""

    units: int
    activation: Activation


Layer = Conv | MaxPool | Flatten | Dense


def _float32(value: float) -> float:
    """The float32 next to `value`.

    Keras passes an optimiser's numbers through float32, also when it trains in
    float64; a recipe holds numbers for which that changes nothing.
    """
    (rounded,) = struct.unpack("f", struct.pack("f", value))
    return float(rounded)


@dataclass(frozen=True)
class _Optimizer:
    def __post_init__(self) -> None:
        for item in fields(self):
            object.__setattr__(self, item.name, _float32(getattr(self, item.name)))


@dataclass(frozen=True)
class SGD(_Optimizer):
    """v = momentum * v - lr * g; w += momentum * v - lr * g (Nesterov's form)."""

    learning_rate: float
    momentum: float


@dataclass(frozen=True)
class Adam(_Optimizer):
    """Adam with "epsilon hat" (Kingma, Ba: arXiv:1412.6980, end of section 2).

    m and v are the usual running means;
    w -= lr * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon).
    lr goes from `learning_rate` at the first step straight to `final_learning_rate`
    after the last. (SGD has no such pair: the frameworks' momentum formulas agree
    only while lr is constant.)
    """

    learning_rate: float
    final_learning_rate: float
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-7


Optimizer = SGD | Adam


@dataclass(frozen=True, slots=True)
class Recipe:
    """One model and how it is trained.

    `image_shape`: (height, width) of one-channel images. `batch_size`, `epochs`:
    the schedule's defaults.
    """

    name: str
    image_shape: tuple[int, int]
    layers: tuple[Layer, ...]
    optimizer: Optimizer
    batch_size: int
    epochs: int

    def shapes(self) -> list[tuple[int, ...]]:
        """Shape of one example before the first layer and after each layer.

        (height, width, channels) until `Flatten`, (units,) from there on. Raises
        `ValueError` for a layer that cannot follow the one before it.
        """
        shape: tuple[int, ...] = (*self.image_shape, 1)
        shapes = [shape]
        for layer in self.layers:
            shape = _after(layer, shape)
            shapes.append(shape)
        return shapes

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and neutral shapes of all weights, in layer order.

        "<layer index>.kernel" is (in, out) for dense and (height, width, in, out)
        for convolution, "<layer index>.bias" is (out,).
        """
        named: dict[str, tuple[int, ...]] = {}
        for index, (layer, shape) in enumerate(zip(self.layers, self.shapes())):
            match layer:
                case Dense(units):
                    named[f"{index}.kernel"] = (shape[0], units)
                    named[f"{index}.bias"] = (units,)
                case Conv(filters, size):
                    named[f"{index}.kernel"] = (size, size, shape[2], filters)
                    named[f"{index}.bias"] = (filters,)
        return named

    def learning_rates(self, num_steps: int) -> NDArray[np.float32]:
        """The learning rate of each of `num_steps` steps, float32 (num_steps,)."""
        first = self.optimizer.learning_rate
        last = first
        if isinstance(self.optimizer, Adam):
            last = self.optimizer.final_learning_rate
        done = np.arange(num_steps) / num_steps
        return (first + (last - first) * done).astype(np.float32)

    def num_parameters(self) -> int:
        """How many numbers training adjusts."""
        return sum(math.prod(shape) for shape in self.weight_shapes().values())


def _after(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
    match layer, shape:
        case Conv(filters, size), (height, width, _) if min(height, width) >= size:
            return (height - size + 1, width - size + 1, filters)
        case MaxPool(size), (height, width, channels) if min(height, width) >= size:
            return (height // size, width // size, channels)
        case Flatten(), _:
            return (math.prod(shape),)
        case Dense(units), (_,):
            return (units,)
    raise ValueError(f"{layer} cannot follow a layer of output shape {shape}")


def _mlp(*units: int) -> tuple[Layer, ...]:
    hidden = tuple(Dense(count, "relu") for count in units)
    return (Flatten(), *hidden, Dense(10, "linear"))


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="mlp-3x100",
            image_shape=(28, 28),
            layers=_mlp(100, 100, 100),
            optimizer=Adam(learning_rate=1e-3, final_learning_rate=0),
            batch_size=128,
            epochs=10,
        ),
        Recipe(
            name="cnn-5x5",
            image_shape=(28, 28),
            layers=(
                Conv(16, 5, "relu"),
                MaxPool(2),
                Conv(32, 5, "relu"),
                MaxPool(2),
                Flatten(),
                Dense(500, "relu"),
                Dense(10, "linear"),
            ),
            optimizer=Adam(learning_rate=2e-3, final_learning_rate=0),
            batch_size=128,
            epochs=3,
        ),
    )
}


def fit_recipe(name: str, image_shape: tuple[int, ...], num_classes: int) -> Recipe:
    """The recipe called `name` for images of that shape and that many classes.

    Raises `ValueError` if there is no such recipe, images are not (height, width),
    or they are too small for its layers.
    """
    if name not in RECIPES:
        raise ValueError(f"no recipe {name!r}: expected one of {', '.join(RECIPES)}")
    if len(image_shape) != 2:
        raise ValueError(f"recipes want images (height, width), found {image_shape}")
    recipe = RECIPES[name]
    fitted = replace(
        recipe,
        image_shape=(image_shape[0], image_shape[1]),
        layers=(*recipe.layers[:-1], Dense(num_classes, "linear")),
    )
    try:
        fitted.shapes()
    except ValueError as error:
        raise ValueError(
            f"{name} is not for images of {image_shape}: {error}"
        ) from None
    return fitted
