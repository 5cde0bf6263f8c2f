"""What tests of runs train: a small recipe with every kind of state, on small data.

`python -m tests.training '{"loop": "torch-eager", ...}' ...` runs each of these options,
one after the other, and prints the events as JSON lines. Started by torchrun or with
TF_CONFIG it is one of several processes.
"""

import json
import os
import sys
from typing import Any

import numpy as np

from idxdata import Dataset, Split, load
from trainers import timing
from trainers.ending import end
from trainers.launch import find_launch
from trainers.layers import (
    Activate,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
)
from trainers.loops import find_loop
from trainers.optimizers import SGD, Adam
from trainers.options import RunOptions
from trainers.recipes import RECIPES, Recipe
from trainers.run import run

# Adam has moments, batch norm moving means, dropout and a falling rate a step number.
SMALL = Recipe(
    "small",
    (6, 5),
    (
        Flatten(),
        Dense(8),
        BatchNorm(),
        Activate("relu"),
        Dropout(0.2),
        Dense(3, "softmax"),
    ),
    Adam(0.02, final_learning_rate=0.001),
    batch_size=16,
    epochs=3,
    loss="categorical_crossentropy",
)

# Layers whose arithmetic depends on the batch, by image: convolution with batch norm.
SMALL_CNN = Recipe(
    "small-cnn",
    (6, 5),
    (
        Conv(4, 3, "linear", "same"),
        BatchNorm(),
        Activate("relu"),
        MaxPool(2),
        Flatten(),
        Dropout(0.2),
        Dense(3),
    ),
    SGD(0.1, momentum=0.9, nesterov=True, final_learning_rate=0.01),
    batch_size=16,
    epochs=3,
)
NAMED = RECIPES | {recipe.name: recipe for recipe in (SMALL, SMALL_CNN)}


def stripes(num_train: int = 200, *, noise: float = 0.0) -> Dataset:
    """Three classes of stripes; a share `noise` of the train labels is by chance."""
    random = np.random.default_rng(0)

    def split(count: int, noise: float) -> Split:
        labels = random.integers(0, 3, count, dtype=np.uint8)
        images = random.integers(0, 60, (count, 6, 5), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[:: label + 2] += 150
        is_noise = random.random(count) < noise
        labels[is_noise] = random.integers(0, 3, int(is_noise.sum()))
        return Split(images, labels)

    return Dataset("stripes", split(num_train, noise), split(60, 0), ("a", "b", "c"))


def some_glyphs(num_train: int) -> Dataset:
    """So many of the glyphs to train on, and a tenth of the test split."""
    glyphs = load("glyphs")
    train, test = glyphs.train[:num_train], glyphs.test[:1000]
    return Dataset("some glyphs", train, test, glyphs.classes)


def options(**changes: Any) -> RunOptions:
    """SMALL on stripes by torch-eager, with changes."""
    given = {"recipe": SMALL, "loop": "torch-eager", "data": stripes()} | changes
    return RunOptions(**given)


def launched(changes: dict[str, Any]) -> RunOptions:
    """`options` of JSON values, in a process that is maybe one of several."""
    given = dict(changes)
    if "num_train" in given:
        given["data"] = stripes(given.pop("num_train"))
    if "num_glyphs" in given:
        given["data"] = some_glyphs(given.pop("num_glyphs"))
    if "named_recipe" in given:
        given["recipe"] = NAMED[given.pop("named_recipe")]
    launch = find_launch(find_loop(given.get("loop", "torch-eager")), os.environ)
    return options(launch=launch, **given)


def main() -> None:
    """Events of all runs, one after the other."""
    # A tick, and with checkpoint_s=0 a checkpoint, between any two steps.
    timing.TICK_S = 0.0
    for text in sys.argv[1:]:
        run(launched(json.loads(text)), lambda e: print(json.dumps(e), flush=True))


if __name__ == "__main__":
    main()
    end(0)
