"""Recipes, batches and comparisons for `keras_child`; nothing here imports a framework."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from idxdata import Batches, BatchFormat, Plan, Split
from trainers.layers import (
    Activate,
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
)
from trainers.loops.job import Job
from trainers.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from trainers.recipes import Recipe
from trainers.weights import Weights

SIZE, COUNT, STEPS = 8, 36, 5  # the last batch has 4

IMAGES = Recipe(
    "images",
    (9, 10),
    (
        Conv(3, 3, "relu", "same"),
        BatchNorm(0.9),
        MaxPool(2),
        Conv(4, 2, "sigmoid"),
        AveragePool(2),
        Flatten(),
        Dropout(0.3),
        Dense(7, "tanh"),
        BatchNorm(),
        Activate("relu"),
        Dropout(0.2),
        Dense(4),
    ),
    Adam(1e-3, final_learning_rate=0),
    SIZE,
    1,
)
DENSE = Recipe(
    "dense",
    (4, 4),
    (Flatten(), Dense(6, "relu"), Dense(4, "softmax")),
    RMSprop(1e-3),
    SIZE,
    1,
    loss="categorical_crossentropy",
)
NATIVE = replace(
    IMAGES,
    layers=(Flatten(), Dropout(0.4, masks="native"), BatchNorm(), Dense(4)),
)
OPTIMIZERS: tuple[Optimizer, ...] = (
    SGD(0.05, final_learning_rate=0.01, warmup=0.3),
    SGD(0.05, 0.9),
    SGD(0.05, 0.9, nesterov=True),
    RMSprop(1e-3),
    Adam(1e-3),
    AdamW(1e-3, weight_decay=0.1),
)


def job(recipe: Recipe, **changes: Any) -> Job:
    return Job(recipe, "fit", **{"num_steps": 4 * STEPS, "seed": 3, **changes})


def batches(recipe: Recipe) -> Batches:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (COUNT, *recipe.image_shape), dtype=np.uint8)
    labels = random.integers(0, recipe.num_classes, COUNT, dtype=np.uint8)
    form = (
        BatchFormat(labels="one_hot", num_classes=recipe.num_classes)
        if recipe.has_one_hot_labels
        else BatchFormat()
    )
    split = Split(images, labels)
    return Batches(split, Plan(COUNT, SIZE, seed=2), format=form)


def arrays(recipe: Recipe, num_epochs: int) -> Iterator[tuple[Any, Any]]:
    for number in range(num_epochs):
        for batch in batches(recipe).epoch(number):
            yield batch.images.copy(), batch.labels.copy()


def assert_same(one: Weights, other: Weights) -> None:
    assert list(one) == list(other)
    for name in one:
        assert one[name].dtype == other[name].dtype
        assert np.array_equal(one[name], other[name]), name


def distance(found: Any, expected: Any) -> float:
    expected = np.asarray(expected)
    return float(np.abs(found - expected).max() / (np.abs(expected).max() + 1e-9))
