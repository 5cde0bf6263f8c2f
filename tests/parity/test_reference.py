"""The reference itself: against finite differences, and cases worked out by hand."""

import math
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from idxdata.dropout import dropout_mask
from tests.parity import reference_layers
from tests.parity.more_recipes import ALL_RECIPES
from tests.parity.reference import Reference
from tests.parity.reference_optimizers import Updates
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
from trainers.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from trainers.recipes import Recipe
from trainers.weights import initial_weights

STEP = 1e-6
"""Of finite differences; their error is about STEP^2 + 1e-16 / STEP."""

HIDDEN: dict[str, tuple[Layer, ...]] = {
    "dense": (Flatten(), Dense(6, "relu")),
    "tanh": (Flatten(), Dense(6, "tanh")),
    "sigmoid": (Flatten(), Dense(6, "sigmoid")),
    "activate": (Activate("tanh"), Flatten()),
    "conv": (Conv(3, 3, "relu"), Conv(2, 2), Flatten()),
    "conv-same": (Conv(3, 3, "tanh", "same"), Conv(2, 5, "linear", "same"), Flatten()),
    "max-pool": (Conv(3, 3), MaxPool(2), Conv(2, 2), Flatten()),
    "average-pool": (Conv(3, 3), AveragePool(2), Conv(2, 2), Flatten()),
    "dropout": (Flatten(), Dense(8), Dropout(0.4), Dense(6, "tanh")),
    "dropout-image": (Conv(3, 3), Dropout(0.4), Flatten()),
    "batch-norm": (Flatten(), Dense(6), BatchNorm(), Activate("tanh")),
    "batch-norm-image": (Conv(3, 3), BatchNorm(), Conv(2, 2), Flatten()),
}


def make_reference(
    layers: tuple[Layer, ...], optimizer: Optimizer | None = None
) -> Reference:
    """Of 8 x 7 images and 4 classes, biases and the like not 0."""
    recipe = Recipe("x", (8, 7), (*layers, Dense(4)), optimizer or SGD(0.1), 5, 1)
    random = np.random.default_rng(0)
    weights = {
        name: array + random.uniform(-0.1, 0.1, array.shape)
        for name, array in initial_weights(recipe, 0).items()
    }
    return Reference(recipe, weights, 10, seed=3)


def make_batch() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    random = np.random.default_rng(1)
    return random.random((5, 8, 7), np.float32), random.integers(0, 4, 5)


@pytest.mark.parametrize("name", HIDDEN)
def test_gradients_are_finite_differences(name: str) -> None:
    reference = make_reference(HIDDEN[name])
    images, labels = make_batch()
    _, gradients = reference.gradients(images, labels)
    assert list(gradients) == reference.recipe.trainable_names()
    for weight, gradient in gradients.items():
        place = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
        places = [place, tuple(0 for _ in place), tuple(n - 1 for n in gradient.shape)]
        for at in places:
            array = reference.weights[weight]
            losses = []
            for step in (STEP, -STEP):
                moved = array.copy()
                moved[at] += step
                reference.weights[weight] = moved
                losses.append(reference.gradients(images, labels)[0])
            reference.weights[weight] = array
            slope = (losses[0] - losses[1]) / (2 * STEP)
            assert slope == pytest.approx(gradient[at], rel=1e-6, abs=1e-9), weight


def test_one_hot_and_integer_labels_agree() -> None:
    reference = make_reference(HIDDEN["dense"])
    images, labels = make_batch()
    loss, gradients = reference.gradients(images, labels)
    one_hot = np.eye(4, dtype=np.float32)[labels]
    other_loss, others = reference.gradients(images, one_hot)
    assert loss == other_loss
    for name, gradient in gradients.items():
        np.testing.assert_array_equal(gradient, others[name])


def test_two_steps_by_hand() -> None:
    # One pixel of 1, logits (a, b) = (kernel + bias) of two classes, label 0, rate 1/2:
    # with p = 1 / (1 + exp(b - a)) both derivatives of a are p - 1, those of b 1 - p.
    recipe = Recipe("x", (1, 1), (Flatten(), Dense(2)), SGD(0.5), 1, 1)
    weights = {"1.kernel": np.zeros((1, 2)), "1.bias": np.zeros(2)}
    reference = Reference(recipe, weights, 2)
    image, label = np.ones((1, 1, 1), np.float32), np.array([0])
    assert reference.train_step(image, label) == pytest.approx(math.log(2))
    # a = 2 * 0.5 * 0.5 = -b
    np.testing.assert_allclose(reference.predict(image), [[0.5, -0.5]])
    assert reference.train_step(image, label) == pytest.approx(math.log(1 + 1 / math.e))
    away = 1 / (1 + math.e)
    kernel = 0.25 + away / 2
    np.testing.assert_allclose(reference.weights["1.kernel"], [[kernel, -kernel]])


def test_the_last_rate_stays() -> None:
    reference = make_reference(HIDDEN["dense"], SGD(0.5, final_learning_rate=0))
    images, labels = make_batch()
    for _ in range(10):
        reference.train_step(images, labels)
    before = reference.weights["2.bias"]
    _, gradients = reference.gradients(images, labels)
    reference.train_step(images, labels)
    rate = reference.learning_rates[-1]
    assert rate > 0
    np.testing.assert_allclose(
        reference.weights["2.bias"], before - rate * gradients["2.bias"], rtol=1e-12
    )


def test_first_of_equal_maxima_gets_the_gradient() -> None:
    x = np.array([[0.0, 0, 1], [0, 0, 9], [2, 3, 9]]).reshape(1, 3, 3, 1)
    y, backward = reference_layers.max_pool(x, 2)
    assert y.tolist() == [[[[0.0]]]]
    dx, _ = backward(np.array([[[[5.0]]]]))
    assert dx[0, :, :, 0].tolist() == [[5, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_flattened_order_is_height_width_channel() -> None:
    x = np.arange(12.0).reshape(1, 2, 3, 2)
    assert reference_layers.flatten(x)[0].tolist() == [list(range(12))]


def test_correlation_by_hand() -> None:
    # Not mirrored: the kernel's last place meets the image's last.
    x = np.array([[1.0, 2], [3, 4]]).reshape(1, 2, 2, 1)
    kernel = np.array([[1000.0, 100], [10, 1]]).reshape(2, 2, 1, 1)
    y, _ = reference_layers.conv(x, kernel, np.array([0.5]), "valid")
    assert y.tolist() == [[[[1234.5]]]]


def test_moving_moments_by_hand() -> None:
    layers = (Flatten(), BatchNorm(momentum=0.75, epsilon=1.0), Dense(2))
    recipe = Recipe("x", (1, 1), layers, SGD(0.0), 2, 1)
    weights = {
        "1.gamma": [2], "1.beta": [1], "1.moving_mean": [4], "1.moving_variance": [8],
        "2.kernel": [[1, 0]], "2.bias": [0, 0],
    }  # fmt: skip
    arrays = {name: np.array(value) for name, value in weights.items()}
    reference = Reference(recipe, arrays, 1)
    images = np.array([1, 5], np.float32).reshape(2, 1, 1)
    reference.train_step(images, np.array([0, 1]))
    # mean 3, biased variance 4
    assert reference.weights["1.moving_mean"].tolist() == [3.75]
    assert reference.weights["1.moving_variance"].tolist() == [7]
    logit = (5 - 3.75) / math.sqrt(7 + 1) * 2 + 1
    assert reference.predict(images)[1, 0] == pytest.approx(logit, rel=1e-15)


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (SGD(0.5), [-0.5, -1.5]),
        (SGD(0.5, momentum=0.5), [-0.5, -1.75]),
        (SGD(0.5, momentum=0.5, nesterov=True), [-0.75, -2.375]),
        (RMSprop(0.5, rho=0.75, epsilon=0.75), [-0.5, -0.5 - 1 / math.sqrt(1.9375)]),
        # Without an epsilon the first step is lr * sign(g).
        (Adam(0.5, beta1=0.5, beta2=0.75, epsilon=0), [-0.5, None]),
        (Adam(0.5, beta1=0.5, beta2=0.75, epsilon=0.5), [-0.25, None]),
    ],
    ids=repr,
)
def test_optimiser_by_hand(optimizer: Optimizer, expected: list[float | None]) -> None:
    """Gradients 1 and 2 for a weight that begins at 0."""
    updates, weights = Updates(optimizer), {"w": np.zeros(1)}
    for gradient, after in zip((1.0, 2.0), expected, strict=True):
        updates.apply(weights, {"w": np.array([gradient])}, optimizer.learning_rate)
        if after is not None:
            assert weights["w"][0] == pytest.approx(after, rel=1e-15)


def test_adam_corrects_the_bias() -> None:
    """A constant gradient: with epsilon 0 every step is the learning rate."""
    adam = Adam(0.5, beta1=0.5, beta2=0.75, epsilon=0)
    updates, weights = Updates(adam), {"w": np.zeros(1)}
    for step in range(1, 5):
        updates.apply(weights, {"w": np.array([3.0])}, 0.5)
        assert weights["w"][0] == pytest.approx(-0.5 * step, rel=1e-14)


def test_adamw_decays_first() -> None:
    numbers = AdamW(0.5, weight_decay=0.25, beta1=0.5, beta2=0.75, epsilon=0)
    weights = {"w": np.array([8.0])}
    Updates(numbers).apply(weights, {"w": np.array([3.0])}, 0.5)
    assert weights["w"][0] == pytest.approx(8 * (1 - 0.125) - 0.5, rel=1e-15)


@pytest.mark.parametrize("rate", [0, 0.2, 0.5, 0.99])
def test_masks_are_the_library_s(rate: float) -> None:
    for seed, step, layer in ((0, 0, 0), (7, 0, 2), (2**64 - 1, 10**6, 5), (3, 4, 5)):
        ours = reference_layers.dropout_mask((9, 4, 5), rate, seed, step, layer)
        theirs = dropout_mask(
            (9, 4, 5), rate, seed=seed, step=step, layer=layer, dtype=np.float64
        )
        np.testing.assert_array_equal(ours, theirs)


def test_native_masks_are_refused() -> None:
    recipe = ALL_RECIPES["mlp-dropout-native"]
    with pytest.raises(ValueError, match="own dropout masks"):
        Reference(recipe, initial_weights(recipe, 0), 1)


def test_all_layers_and_optimisers_are_in_some_recipe() -> None:
    recipes = ALL_RECIPES.values()
    used = {type(layer) for recipe in recipes for layer in recipe.layers}
    assert used == set(get_args(Layer))
    assert {type(recipe.optimizer) for recipe in recipes} == set(get_args(Optimizer))


def test_weights_given_are_not_changed() -> None:
    reference = make_reference(HIDDEN["batch-norm"])
    given = dict(reference.weights)
    copies = {name: array.copy() for name, array in given.items()}
    recipe = replace(reference.recipe, optimizer=Adam(0.1))
    other = Reference(recipe, given, 1)
    other.train_step(*make_batch())
    for name, array in given.items():
        np.testing.assert_array_equal(array, copies[name])
        assert (other.weights[name] != array).any(), name
