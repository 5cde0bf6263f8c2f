"""Recipes and initial weights: shapes by hand, bits pinned."""

import math
from dataclasses import replace

import numpy as np
import pytest

from trainers.recipes import (
    RECIPES,
    SGD,
    Adam,
    Conv,
    Dense,
    Flatten,
    MaxPool,
    Recipe,
    fit_recipe,
)
from trainers.weights import initial_weights, weights_digest


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
    mlp = 784 * 100 + 100 + 2 * (100 * 100 + 100) + 100 * 10 + 10
    assert RECIPES["mlp-3x100"].num_parameters() == mlp
    cnn = 25 * 16 + 16 + 25 * 16 * 32 + 32 + 512 * 500 + 500 + 500 * 10 + 10
    assert RECIPES["cnn-5x5"].num_parameters() == cnn


def test_odd_sizes_drop_the_border() -> None:
    layers = (Conv(2, 4, "relu"), MaxPool(2), Flatten(), Dense(3, "linear"))
    recipe = Recipe("odd", (10, 8), layers, SGD(0.1, 0.9), 4, 1)
    assert recipe.shapes()[1:] == [(7, 5, 2), (3, 2, 2), (12,), (3,)]


@pytest.mark.parametrize(
    ("name", "shape"),
    [("mlp", (28, 28)), ("cnn-5x5", (8, 8)), ("cnn-5x5", (28, 28, 3)), ("cnn-5x5", ())],
)
def test_recipes_that_do_not_fit(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        fit_recipe(name, shape, 10)


def test_fitted_to_other_data() -> None:
    recipe = fit_recipe("cnn-5x5", (32, 20), 47)
    assert recipe.shapes()[0] == (32, 20, 1)
    assert recipe.shapes()[-1] == (47,)


def test_dense_cannot_follow_an_image() -> None:
    with pytest.raises(ValueError, match="cannot follow"):
        Recipe("x", (4, 4), (Dense(2, "relu"),), SGD(0.1, 0.9), 4, 1).shapes()


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


def test_weights_are_pinned() -> None:
    # Published numbers: a change here breaks every stored comparison.
    digests = {
        n: weights_digest(initial_weights(r, 0))[:16] for n, r in RECIPES.items()
    }
    assert digests == {"mlp-3x100": "9b3c9a5a4fad619c", "cnn-5x5": "1f7c3c8f98a54490"}


def test_seeds_and_layers_differ() -> None:
    recipe = RECIPES["mlp-3x100"]
    a, b = initial_weights(recipe, 0), initial_weights(recipe, 1)
    assert not np.array_equal(a["1.kernel"], b["1.kernel"])
    assert not np.array_equal(a["2.kernel"], a["3.kernel"])
