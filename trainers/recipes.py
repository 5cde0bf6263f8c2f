"""Recipes: a model, its loss, its optimiser and its schedule as plain data.

Nothing here belongs to a framework. All losses are softmax cross-entropy, computed
from logits and averaged over the batch, whatever the recipe's form of it: a softmax
at the end is only for output.
"""

import difflib
import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from idxdata.augmentation import Augmentation
from trainers.errors import RecipeError
from trainers.layers import (
    Activation,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool,
    Shape,
    plain_integer,
    shape_after,
    weights_of,
)
from trainers.optimizers import Adam, Optimizer, RMSprop

Loss = Literal[
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "crossentropy_from_logits",
]

_MOVING = (".moving_mean", ".moving_variance")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One model and how it is trained.

    `image_shape`: (height, width) of one-channel images. `batch_size`, `epochs`: the
    schedule's defaults. `loss`: "categorical_crossentropy" takes one-hot labels, the
    others integers; both of the categorical ones want a softmax at the last layer,
    "crossentropy_from_logits" wants none. `augmentation`: of images to train on.

    Raises `RecipeError` if a field has the wrong type, the name has characters that
    cannot be printed, layers do not fit each other, the last is no `Dense`, a softmax
    is missing or stands elsewhere, or a number is out of range.
    """

    name: str
    image_shape: tuple[int, int]
    layers: tuple[Layer, ...]
    optimizer: Optimizer
    batch_size: int
    epochs: int
    loss: Loss = "crossentropy_from_logits"
    augmentation: Augmentation | None = None

    def __post_init__(self) -> None:
        self._check_types()
        height, width = self.image_shape
        shape = (
            self._integer("image height", height),
            self._integer("image width", width),
        )
        object.__setattr__(self, "image_shape", shape)
        for name in ("batch_size", "epochs"):
            value = self._integer(name, getattr(self, name))
            object.__setattr__(self, name, value)
        known = get_args(Loss)
        if self.loss not in known:
            near = difflib.get_close_matches(str(self.loss), known, n=1)
            raise RecipeError(
                f"the loss of recipe {self.name!r} is unknown",
                expected=f"one of {', '.join(known)}",
                found=repr(self.loss),
                hint=f"did you mean {near[0]!r}?" if near else None,
            )
        self._check_output()
        self.shapes()

    def _check_types(self) -> None:
        """Also makes tuples of lists."""
        if not isinstance(self.name, str) or not self.name.isprintable():
            raise RecipeError(
                "the recipe's name is wrong",
                expected="a text of characters that can be printed",
                found=repr(self.name),
            )
        for name in ("image_shape", "layers"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        if not isinstance(self.image_shape, tuple) or len(self.image_shape) != 2:
            raise self._wrong_type(
                "image_shape", "(height, width)", repr(self.image_shape)
            )
        if not isinstance(self.layers, tuple):
            raise self._wrong_type("layers", "a tuple of layers", repr(self.layers))
        for place, layer in enumerate(self.layers):
            if type(layer) not in get_args(Layer):
                expected = f"one of {_names(Layer)}"
                raise self._wrong_type(f"layers[{place}]", expected, repr(layer))
        if type(self.optimizer) not in get_args(Optimizer):
            expected = f"one of {_names(Optimizer)}"
            raise self._wrong_type("optimizer", expected, repr(self.optimizer))
        if self.augmentation is not None and not isinstance(
            self.augmentation, Augmentation
        ):
            expected = "an idxdata.Augmentation or None"
            raise self._wrong_type("augmentation", expected, repr(self.augmentation))

    def _integer(self, name: str, value: object) -> int:
        number = plain_integer(value)
        if type(number) is not int:
            raise self._wrong_type(name, "an integer of at least 1", repr(value))
        if number < 1:
            raise RecipeError(
                f"{name} of recipe {self.name!r} is out of range",
                expected="an integer of at least 1",
                found=number,
            )
        return number

    def _wrong_type(self, name: str, expected: str, found: str) -> RecipeError:
        return RecipeError(
            f"{name} of recipe {self.name!r} has the wrong type",
            expected=expected,
            found=found,
        )

    def _check_output(self) -> None:
        if not self.layers or not isinstance(self.layers[-1], Dense):
            raise RecipeError(f"recipe {self.name!r} does not end with a Dense layer")
        for layer in self.layers[:-1]:
            if isinstance(layer, Dense) and layer.activation == "softmax":
                raise RecipeError("softmax is for the last dense layer", found=layer)
        expected = "linear" if self.loss == "crossentropy_from_logits" else "softmax"
        if self.layers[-1].activation != expected:
            raise RecipeError(
                f"the last layer of recipe {self.name!r} does not go with {self.loss}",
                expected=f"the activation {expected!r}",
                found=repr(self.layers[-1].activation),
            )

    @property
    def num_classes(self) -> int:
        """How many numbers the last layer gives."""
        return self.shapes()[-1][0]

    @property
    def has_one_hot_labels(self) -> bool:
        """Whether labels are float32 (m, classes) instead of integers (m,)."""
        return self.loss == "categorical_crossentropy"

    @property
    def is_bit_comparable(self) -> bool:
        """Whether frameworks can be compared bit for bit: no native dropout."""
        return not any(
            isinstance(layer, Dropout) and layer.masks == "native"
            for layer in self.layers
        )

    def shapes(self) -> list[Shape]:
        """Shape of one example before the first layer and after each layer.

        (height, width, channels) until `Flatten`, (units,) from there on. Raises
        `RecipeError` for a layer that cannot follow the one before it.
        """
        shape: Shape = (*self.image_shape, 1)
        shapes = [shape]
        for layer in self.layers:
            shape = shape_after(layer, shape)
            shapes.append(shape)
        return shapes

    def weight_shapes(self) -> dict[str, Shape]:
        """Names and neutral shapes of all weights, in layer order.

        "<layer index>.<name>", with names and shapes of `layers.weights_of`.
        """
        return {
            f"{index}.{name}": numbers
            for index, (layer, shape) in enumerate(zip(self.layers, self.shapes()))
            for name, numbers in weights_of(layer, shape).items()
        }

    def trainable_names(self) -> list[str]:
        """Those of `weight_shapes` that training adjusts by gradients, in order."""
        return [name for name in self.weight_shapes() if not name.endswith(_MOVING)]

    def learning_rates(self, num_steps: int) -> NDArray[np.float32]:
        """The learning rate of each of `num_steps` steps, float32 (num_steps,)."""
        top = self.optimizer.learning_rate
        last = self.optimizer.final_learning_rate
        last = top if last is None else last
        rise = round(self.optimizer.warmup * num_steps)
        steps = np.arange(num_steps)
        done = np.maximum(steps - rise, 0) / max(num_steps - rise, 1)
        risen = np.minimum((steps + 1) / max(rise, 1), 1)
        return (risen * (top + (last - top) * done)).astype(np.float32)

    def num_parameters(self) -> int:
        """How many numbers training adjusts by gradients."""
        shapes = self.weight_shapes()
        return sum(math.prod(shapes[name]) for name in self.trainable_names())


def _names(kinds: object) -> str:
    return ", ".join(kind.__name__ for kind in get_args(kinds))


def _mlp(*units: int, output: Activation = "linear") -> tuple[Layer, ...]:
    hidden = tuple(Dense(count, "relu") for count in units)
    return (Flatten(), *hidden, Dense(10, output))


_CNN = (
    Conv(16, 5, "relu"),
    MaxPool(2),
    Conv(32, 5, "relu"),
    MaxPool(2),
    Flatten(),
    Dense(500, "relu"),
    Dense(10),
)


def _with_dropout(name: str, dropout: Dropout) -> Recipe:
    return Recipe(
        name=name,
        image_shape=(28, 28),
        layers=(Flatten(), Dense(128, "relu"), dropout, Dense(10)),
        optimizer=Adam(learning_rate=1e-3),
        batch_size=32,
        epochs=5,
    )


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
            layers=_CNN,
            optimizer=Adam(learning_rate=2e-3, final_learning_rate=0),
            batch_size=128,
            epochs=3,
        ),
        Recipe(
            name="mlp-512",
            image_shape=(28, 28),
            layers=_mlp(512, 512, output="softmax"),
            optimizer=RMSprop(learning_rate=1e-3),
            batch_size=256,
            epochs=10,
            loss="categorical_crossentropy",
        ),
        Recipe(
            name="mlp-128x2",
            image_shape=(28, 28),
            layers=_mlp(128, 128, output="softmax"),
            optimizer=Adam(learning_rate=1e-3),
            batch_size=32,
            epochs=10,
            loss="sparse_categorical_crossentropy",
        ),
        _with_dropout("mlp-dropout", Dropout(0.2)),
        _with_dropout("mlp-dropout-native", Dropout(0.2, masks="native")),
    )
}


def find_recipe(name: str) -> Recipe:
    """The recipe called `name`; raises `RecipeError` if there is none."""
    if name not in RECIPES:
        raise RecipeError(
            "no recipe of that name",
            expected=f"one of {', '.join(RECIPES)}",
            found=repr(name),
        )
    return RECIPES[name]


def fit_recipe(
    recipe: Recipe, image_shape: tuple[int, ...], num_classes: int
) -> Recipe:
    """`recipe` for images of that shape and that many classes.

    Raises `RecipeError` if images are not (height, width) or too small for its layers.
    """
    if len(image_shape) != 2:
        raise RecipeError(
            "recipes want one-channel images",
            expected="the shape (height, width)",
            found=image_shape,
        )
    last = recipe.layers[-1]
    assert isinstance(last, Dense)  # for the type checker: recipes see to it
    try:
        return replace(
            recipe,
            image_shape=(int(image_shape[0]), int(image_shape[1])),
            layers=(*recipe.layers[:-1], replace(last, units=num_classes)),
        )
    except RecipeError as error:
        raise RecipeError(
            f"{recipe.name} is not for images of {tuple(image_shape)}: {error}"
        ) from None
