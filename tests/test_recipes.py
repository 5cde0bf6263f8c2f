"""Recipes and initial weights: shapes by hand, bits pinned, nonsense refused."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from trainers.diagram import WIDTH, diagram
from trainers.errors import RecipeError
from trainers.layers import (
    Activate,
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool,
)
from trainers.optimizers import SGD, Adam, AdamW, RMSprop
from trainers.recipes import RECIPES, Loss, Recipe, find_recipe, fit_recipe
from trainers.weights import initial_weights, weights_digest

EVERYTHING = (
    Conv(3, 3, "tanh", "same"),
    BatchNorm(),
    Activate("relu"),
    AveragePool(2),
    Conv(2, 4, "relu"),
    MaxPool(3),
    Dropout(0.25),
    Flatten(),
    Dense(7, "sigmoid"),
    BatchNorm(),
    Dense(5),
)


def a_recipe(*layers: Layer, shape: tuple[int, int] = (10, 8)) -> Recipe:
    return Recipe("some", shape, layers, SGD(0.1, 0.9), 4, 1)


def test_shapes_of_the_cnn() -> None:
    assert RECIPES["cnn-5x5"].shapes() == [
        (28, 28, 1),
        (24, 24, 16),
        (12, 12, 16),
        (8, 8, 32),
        (4, 4, 32),
        (512,),
        (500,),
        (10,),
    ]


def test_parameter_counts() -> None:
    cnn = 25 * 16 + 16 + 25 * 16 * 32 + 32 + 512 * 500 + 500 + 500 * 10 + 10
    counts = {name: recipe.num_parameters() for name, recipe in RECIPES.items()}
    assert counts == {
        "mlp-3x100": 784 * 100 + 100 + 2 * (100 * 100 + 100) + 100 * 10 + 10,
        "cnn-5x5": cnn,
        "mlp-512": 784 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10,
        "mlp-128x2": 784 * 128 + 128 + 128 * 128 + 128 + 128 * 10 + 10,
        "mlp-dropout": 784 * 128 + 128 + 128 * 10 + 10,
        "mlp-dropout-native": 784 * 128 + 128 + 128 * 10 + 10,
    }


def test_shapes_and_weights_of_all_kinds_of_layer() -> None:
    recipe = a_recipe(*EVERYTHING, shape=(15, 12))
    assert recipe.shapes()[1:] == [
        (15, 12, 3),
        (15, 12, 3),
        (15, 12, 3),
        (7, 6, 3),
        (4, 3, 2),
        (1, 1, 2),
        (1, 1, 2),
        (2,),
        (7,),
        (7,),
        (5,),
    ]
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    assert recipe.weight_shapes() == {
        "0.kernel": (3, 3, 1, 3),
        "0.bias": (3,),
        **{f"1.{name}": (3,) for name in names},
        "4.kernel": (4, 4, 3, 2),
        "4.bias": (2,),
        "8.kernel": (2, 7),
        "8.bias": (7,),
        **{f"9.{name}": (7,) for name in names},
        "10.kernel": (7, 5),
        "10.bias": (5,),
    }
    not_trained = set(recipe.weight_shapes()) - set(recipe.trainable_names())
    assert not_trained == {f"{index}.{name}" for index in (1, 9) for name in names[2:]}
    count = 27 + 3 + 2 * 3 + 96 + 2 + 14 + 7 + 2 * 7 + 35 + 5
    assert recipe.num_parameters() == count


@pytest.mark.parametrize(
    "make",
    [
        lambda: Dense(0),
        lambda: Dense(True),
        lambda: Dense(3.0),  # type: ignore[arg-type]
        lambda: Dense(3, "gelu"),  # type: ignore[arg-type]
        lambda: Conv(3, 0),
        lambda: Conv(3, 3, "softmax"),
        lambda: Conv(3, 4, "relu", "same"),
        lambda: Conv(3, 3, "relu", "full"),  # type: ignore[arg-type]
        lambda: MaxPool(0),
        lambda: AveragePool(-1),
        lambda: Dropout(1.0),
        lambda: Dropout(-0.1),
        lambda: Dropout(math.nan),
        lambda: Dropout("0.2"),  # type: ignore[arg-type]
        lambda: Dropout(0.2, "own"),  # type: ignore[arg-type]
        lambda: BatchNorm(1.0),
        lambda: BatchNorm(epsilon=0),
        lambda: Activate("softmax"),
        lambda: SGD(-0.1),
        lambda: SGD(math.inf),
        lambda: SGD(1e300),
        lambda: SGD(0.1, momentum=1),
        lambda: SGD(0.1, momentum=1 - 1e-12),
        lambda: RMSprop(0.1, rho=1),
        lambda: RMSprop(0.1, epsilon=-1e-7),
        lambda: Adam(0.1, beta2=1),
        lambda: Adam(0.1, final_learning_rate=math.nan),
        lambda: AdamW(0.1, weight_decay=-1),
        lambda: Adam(None),  # type: ignore[arg-type]
    ],
)
def test_layers_and_optimisers_out_of_range(make: Callable[[], object]) -> None:
    with pytest.raises(RecipeError):
        make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Dense(10, "Relu"), "unknown.*did you mean 'relu'"),  # type: ignore[arg-type]
        (lambda: Dense(10, ["relu"]), "wrong type"),  # type: ignore[arg-type]
        (lambda: Conv(8, (3, 3)), "kernel_size of Conv has the wrong type"),  # type: ignore[arg-type]
        (lambda: Dense(np.ones(2)), "wrong type"),  # type: ignore[arg-type]
        (lambda: Dropout("0.2"), "wrong type"),  # type: ignore[arg-type]
        (lambda: SGD("0.1"), "learning_rate of SGD has the wrong type"),  # type: ignore[arg-type]
        (lambda: SGD(0.1, nesterov=1), "true or false"),  # type: ignore[arg-type]
    ],
)
def test_wrong_types_are_called_so(make: Callable[[], object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        make()


def test_integers_of_numpy_are_integers() -> None:
    layer = Dense(np.int64(10))  # type: ignore[arg-type]
    assert type(layer.units) is int
    assert layer == Dense(10)
    recipe = replace(RECIPES["mlp-512"], batch_size=np.uint8(9))  # type: ignore[arg-type]
    assert type(recipe.batch_size) is int


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ((), "does not end with a Dense"),
        ((Flatten(),), "does not end with a Dense"),
        ((Dense(2),), "cannot follow"),
        ((Flatten(), Conv(2, 3), Dense(2)), "cannot follow"),
        ((Conv(2, 9), Flatten(), Dense(2)), "cannot follow"),
        ((MaxPool(9), Flatten(), Dense(2)), "cannot follow"),
        ((Flatten(), MaxPool(1), Dense(2)), "cannot follow"),
        ((Flatten(), Dense(2, "softmax"), Dense(2)), "softmax is for the last"),
        ((Flatten(), Dense(2, "softmax")), "does not go with"),
        ((Flatten(), Dense(2, "relu")), "does not go with"),
    ],
)
def test_layers_that_make_no_recipe(layers: tuple[Layer, ...], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        a_recipe(*layers)


@pytest.mark.parametrize(
    "change",
    [
        {"image_shape": (0, 28)},
        {"image_shape": (28, 28.0)},
        {"batch_size": 0},
        {"batch_size": 2.5},
        {"epochs": -1},
        {"epochs": True},
        {"loss": "mse"},
        {"loss": "categorical_crossentropy"},
        {"loss": ["mse"]},
        {"name": None},
        {"name": "a\x1b[31m"},
        {"image_shape": 28},
        {"image_shape": (28,)},
        {"image_shape": "28"},
        {"layers": Dense(10)},
        {"layers": (Flatten(), "dense", Dense(10))},
        {"layers": (Flatten(), Dense)},
        {"optimizer": "sgd"},
        {"optimizer": SGD},
    ],
)
def test_numbers_and_losses_that_make_no_recipe(change: dict[str, object]) -> None:
    with pytest.raises(RecipeError):
        replace(RECIPES["mlp-3x100"], **change)  # type: ignore[arg-type]


def test_losses_go_with_labels() -> None:
    losses: dict[Loss, bool] = {
        "categorical_crossentropy": True,
        "sparse_categorical_crossentropy": False,
    }
    for loss, is_one_hot in losses.items():
        layers = (Flatten(), Dense(3, "softmax"))
        recipe = Recipe("some", (2, 2), layers, SGD(0.1), 1, 1, loss)
        assert recipe.has_one_hot_labels is is_one_hot


@pytest.mark.parametrize(
    ("name", "shape"), [("cnn-5x5", (8, 8)), ("cnn-5x5", (28, 28, 3)), ("mlp-512", ())]
)
def test_recipes_that_do_not_fit(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(RecipeError):
        fit_recipe(RECIPES[name], shape, 10)


def test_fitted_to_other_data() -> None:
    recipe = fit_recipe(RECIPES["cnn-5x5"], (32, 20), 47)
    assert recipe.shapes()[0] == (32, 20, 1)
    assert recipe.shapes()[-1] == (47,)
    assert fit_recipe(recipe, (28, 28), 10) == RECIPES["cnn-5x5"]


def test_unknown_recipe() -> None:
    with pytest.raises(RecipeError) as caught:
        find_recipe("mlp")
    assert "mlp-3x100" in str(caught.value.expected)


def test_only_native_masks_are_not_comparable() -> None:
    told = {name for name, recipe in RECIPES.items() if not recipe.is_bit_comparable}
    assert told == {"mlp-dropout-native"}


def test_optimiser_numbers_are_float32() -> None:
    # Keras would round them, so nothing may be lost by that.
    adam = Adam(learning_rate=0.001, final_learning_rate=0)
    for value in (adam.learning_rate, adam.beta1, adam.beta2, adam.epsilon):
        assert float(np.float32(value)) == value
    assert adam.beta1 == pytest.approx(0.9, rel=1e-7)


def test_learning_rates() -> None:
    recipe = RECIPES["mlp-3x100"]
    falling = replace(recipe, optimizer=Adam(0.5, final_learning_rate=0.25))
    assert falling.learning_rates(4).tolist() == [0.5, 0.4375, 0.375, 0.3125]
    rising = replace(recipe, optimizer=Adam(0.5, final_learning_rate=0.25, warmup=0.5))
    assert rising.learning_rates(8).tolist() == [
        *(0.125, 0.25, 0.375, 0.5),
        *(0.5, 0.4375, 0.375, 0.3125),
    ]
    assert rising.learning_rates(1).tolist() == [0.5]
    constant = replace(recipe, optimizer=SGD(0.5, 0.9))
    assert constant.learning_rates(3).tolist() == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("name", RECIPES)
def test_weights_are_glorot_uniform(name: str) -> None:
    recipe = RECIPES[name]
    weights = initial_weights(recipe, 1)
    assert {k: v.shape for k, v in weights.items()} == recipe.weight_shapes()
    for key, array in weights.items():
        assert array.dtype == np.float32
        if key.endswith("bias"):
            assert not array.any()
            continue
        field = math.prod(array.shape[:-2])
        limit = math.sqrt(6 / (field * (array.shape[-2] + array.shape[-1])))
        assert np.abs(array).max() <= limit
        # Standard errors of mean and variance of a uniform distribution.
        count = array.size
        assert abs(array.mean()) < 5 * limit / math.sqrt(3 * count)
        assert array.var() == pytest.approx(limit**2 / 3, rel=5 / math.sqrt(count))


def test_batch_norm_starts_as_identity() -> None:
    weights = initial_weights(a_recipe(*EVERYTHING, shape=(15, 12)), 1)
    for index in (1, 9):
        assert (weights[f"{index}.gamma"] == 1).all()
        assert (weights[f"{index}.moving_variance"] == 1).all()
        assert not weights[f"{index}.beta"].any()
        assert not weights[f"{index}.moving_mean"].any()


def test_weights_are_pinned() -> None:
    # Published numbers: a change here breaks every stored comparison.
    digests = {
        n: weights_digest(initial_weights(r, 0))[:16] for n, r in RECIPES.items()
    }
    assert digests == {
        "mlp-3x100": "9b3c9a5a4fad619c",
        "cnn-5x5": "1f7c3c8f98a54490",
        "mlp-512": "1fbd0ba56995048f",
        "mlp-128x2": "657eb11bd243cb58",
        "mlp-dropout": "9ad23eeb3baace99",
        "mlp-dropout-native": "9ad23eeb3baace99",
    }


def test_seeds_and_layers_differ() -> None:
    recipe = RECIPES["mlp-3x100"]
    a, b = initial_weights(recipe, 0), initial_weights(recipe, 1)
    assert not np.array_equal(a["1.kernel"], b["1.kernel"])
    assert not np.array_equal(a["2.kernel"], a["3.kernel"])


@pytest.mark.parametrize(
    "recipe", [*RECIPES.values(), a_recipe(*EVERYTHING, shape=(15, 12))]
)
def test_diagrams(recipe: Recipe) -> None:
    text = diagram(recipe)
    lines = text.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert text.startswith(recipe.name)
    assert f"{recipe.num_parameters():,} parameters" in lines[0]
    boxes = [line for line in lines if line.count("│") == 2]
    assert len(boxes) == len(recipe.layers) + 1
    for line, shape in zip(boxes, recipe.shapes(), strict=True):
        assert " × ".join(map(str, shape)) in line.rpartition("│")[2]
    # Boxes are centred, and the lines between them meet their sides.
    for above, below in itertools.pairwise(lines[3 : 4 + 2 * len(boxes)]):
        for place, mark in enumerate(below):
            if mark in "├┤┴":
                assert above[place] == "│"
            if mark == "│":
                assert above[place] in "╭╮├┤┬"


def test_a_diagram_of_large_numbers_keeps_its_width() -> None:
    recipe = a_recipe(
        Conv(2**31 - 1, 7, "sigmoid"),
        BatchNorm(0.123456789, 1e-30),
        Flatten(),
        Dense(2**31 - 1),
    )
    lines = diagram(replace(recipe, optimizer=AdamW(0.1234567, 0.7654321))).splitlines()
    boxes = [line for line in lines if line.count("│") == 2]
    assert {line.index("│") + line.rindex("│") for line in boxes} == {49}
