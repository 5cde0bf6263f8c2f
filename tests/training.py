"""What tests of runs train: a small recipe with every kind of state, on small data.

`python -m tests.training '{"loop": "torch-eager", ...}' ...` runs each of these options,
one after the other, and prints the events as JSON lines.
"""

import json
import sys
from typing import Any

import numpy as np

from idxdata import Dataset, Split
from trainers import timing
from trainers.layers import Activate, BatchNorm, Dense, Dropout, Flatten
from trainers.optimizers import Adam
from trainers.options import RunOptions
from trainers.recipes import Recipe
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


def options(**changes: Any) -> RunOptions:
    """SMALL on stripes by torch-eager, with changes."""
    given = {"recipe": SMALL, "loop": "torch-eager", "data": stripes()} | changes
    return RunOptions(**given)


def main() -> None:
    """Events of all runs, one after the other."""
    # A tick, and with checkpoint_s=0 a checkpoint, between any two steps.
    timing.TICK_S = 0.0
    for text in sys.argv[1:]:
        run(options(**json.loads(text)), lambda e: print(json.dumps(e), flush=True))


if __name__ == "__main__":
    main()
