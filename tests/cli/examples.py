"""A small folder of MNIST's names, with what stats and show are asked about in it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata import write_idx

NUM_CLASSES = 3


def small_split(seed: int, count: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Images of 6 x 4, class c bright in column c; labels 0, 1, 2, 0, ..."""
    random = np.random.default_rng(seed)
    labels = (np.arange(count) % NUM_CLASSES).astype(np.uint8)
    images = random.integers(0, 40, (count, 6, 4), dtype=np.uint8)
    images[np.arange(count), :, labels] += 200
    return images, labels


def write_folder(folder: Path) -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    """Train and test, 30 and 12 examples, with repeats.

    Row 20 of train is row 4 under another label, row 21 is row 3 under its own; row 7
    of train is blank; rows 2 and 5 of test are rows 6 and 4 of train, the latter under
    another label.
    """
    folder.mkdir()
    train, test = small_split(0, 30), small_split(1, 12)
    train[0][20], train[0][21] = train[0][4], train[0][3]
    train[0][7] = 9
    test[0][2], test[0][5] = train[0][6], train[0][4]
    test[1][2] = train[1][6]
    for stem, (images, labels) in (("train", train), ("t10k", test)):
        write_idx(folder / f"{stem}-images-idx3-ubyte.gz", images)
        write_idx(folder / f"{stem}-labels-idx1-ubyte.gz", labels)
    return {"train": train, "test": test}
