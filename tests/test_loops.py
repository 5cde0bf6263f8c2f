"""The same recipe in both frameworks: the proof in float64, the practice in float32."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from idxdata import Batches, Dataset, Plan
from trainers.recipes import (
    RECIPES,
    SGD,
    Adam,
    Conv,
    Dense,
    Flatten,
    MaxPool,
    Recipe,
)
from trainers.weights import initial_weights

torch = pytest.importorskip("torch")
tf = pytest.importorskip("tensorflow")

from trainers import tf_loop, torch_loop

LOOPS = (torch_loop, tf_loop)

# Not square, pooling drops a border, several channels: any mixed-up axis shows.
LOPSIDED = Recipe(
    name="lopsided",
    image_shape=(13, 10),
    layers=(
        Conv(3, 4, "relu"),
        MaxPool(2),
        Conv(5, 2, "linear"),
        Flatten(),
        Dense(7, "relu"),
        Dense(4, "linear"),
    ),
    optimizer=Adam(
        learning_rate=0.01,
        final_learning_rate=0.002,
        beta1=0.8,
        beta2=0.99,
        epsilon=1e-3,
    ),
    batch_size=8,
    epochs=1,
)


@pytest.fixture
def float64() -> Iterator[None]:
    # Keras fixes its policy from floatx when the first layer is made: set both.
    tf.keras.config.set_floatx("float64")
    tf.keras.config.set_dtype_policy("float64")
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
    tf.keras.config.set_floatx("float32")
    tf.keras.config.set_dtype_policy("float32")


def random_batches(recipe: Recipe, count: int, dtype: str) -> list[tuple[Any, Any]]:
    random = np.random.default_rng(5)
    classes = recipe.shapes()[-1][0]
    sizes = [recipe.batch_size] * (count - 1) + [recipe.batch_size // 2 + 1]
    return [
        (
            random.random((size, *recipe.image_shape)).astype(dtype),
            random.integers(0, classes, size),
        )
        for size in sizes
    ]


def tensors(loop: Any, images: np.ndarray, labels: np.ndarray) -> tuple[Any, Any]:
    if loop is torch_loop:
        return torch.from_numpy(images), torch.from_numpy(labels)
    return tf.constant(images), tf.constant(labels)


def losses(loop: Any, recipe: Recipe, batches: list[tuple[Any, Any]]) -> np.ndarray:
    trainer = loop.build(recipe, len(batches))
    loop.load_weights(trainer, initial_weights(recipe, 3))
    return np.array(
        loop.to_floats(
            [loop.train_step(trainer, *tensors(loop, *batch)) for batch in batches]
        )
    )


def relative_difference(recipe: Recipe, batches: list[tuple[Any, Any]]) -> np.ndarray:
    a, b = (losses(loop, recipe, batches) for loop in LOOPS)
    return np.abs(a - b) / np.abs(a)


NESTEROV = replace(
    LOPSIDED, name="nesterov", optimizer=SGD(learning_rate=0.02, momentum=0.9)
)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "recipe", [LOPSIDED, NESTEROV, *RECIPES.values()], ids=lambda recipe: recipe.name
)
def test_losses_agree_in_float64(recipe: Recipe) -> None:
    # Arithmetic that differed in any formula would show here; rounding does not.
    batches = random_batches(recipe, 60, "float64")
    assert relative_difference(recipe, batches).max() < 1e-12


@pytest.mark.usefixtures("float64")
def test_float64_would_show_another_epsilon(monkeypatch: pytest.MonkeyPatch) -> None:
    # The control of the test above: PyTorch's own Adam is told apart.
    monkeypatch.setattr(torch_loop.math, "sqrt", lambda _: 1.0)
    assert (
        relative_difference(LOPSIDED, random_batches(LOPSIDED, 60, "float64")).max()
        > 1e-6
    )


@pytest.mark.parametrize("name", RECIPES)
def test_first_losses_agree_in_float32(name: str) -> None:
    recipe = RECIPES[name]
    difference = relative_difference(recipe, random_batches(recipe, 5, "float32"))
    assert difference[0] < 1e-6
    assert difference.max() < 1e-5


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.FRAMEWORK)
def test_setting_weights_back_forgets_all_training(loop: Any) -> None:
    recipe = RECIPES["cnn-5x5"]
    batches = [tensors(loop, *b) for b in random_batches(recipe, 6, "float32")]
    trainer = loop.build(recipe, len(batches))
    weights = initial_weights(recipe, 0)
    runs = []
    for _ in range(2):
        loop.load_weights(trainer, weights)
        runs.append(loop.to_floats([loop.train_step(trainer, *b) for b in batches]))
    np.testing.assert_allclose(runs[0], runs[1], rtol=1e-5)


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.FRAMEWORK)
def test_predictions_are_of_the_images_in_order(
    loop: Any, small_dataset: Dataset
) -> None:
    recipe = RECIPES["mlp-3x100"]
    weights = initial_weights(recipe, 0)
    trainer = loop.build(recipe, 1)
    loop.load_weights(trainer, weights)
    plan = Plan(100, 32, seed=0, order="sequential")
    pairs = [
        tensors(loop, b.images, b.labels)
        for b in Batches(small_dataset.test, plan).epoch(0)
    ]
    hidden = small_dataset.test.images.reshape(100, -1) / np.float64(255)
    for layer in (1, 2, 3, 4):
        hidden = hidden @ weights[f"{layer}.kernel"].astype(np.float64)
        hidden = np.maximum(hidden, 0) if layer < 4 else hidden
    np.testing.assert_allclose(loop.predict(trainer, pairs), hidden, atol=1e-5)


def test_loops_have_the_same_functions_in_the_same_order() -> None:
    def public(module: Any) -> list[str]:
        return [
            name
            for name, value in vars(module).items()
            if not name.startswith("_")
            and callable(value)
            and getattr(value, "__module__", None) == module.__name__
        ]

    assert public(torch_loop) == public(tf_loop)


def test_sgd_without_momentum() -> None:
    recipe = Recipe(
        "plain",
        (4, 4),
        (Flatten(), Dense(3, "linear")),
        SGD(learning_rate=0.5, momentum=0.0),
        6,
        1,
    )
    assert (
        relative_difference(recipe, random_batches(recipe, 5, "float32")).max() < 1e-5
    )
