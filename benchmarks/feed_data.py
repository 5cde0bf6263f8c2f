"""The examples that are fed, as contenders are given them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata import Cache, Split, load
from idxdata.cache import open_idx

Pairs = Iterable[Any]
"""Pairs of images float32 (m, ...) and labels int64 (m,), in a framework's own arrays."""

Epoch = Callable[[int], Pairs]
"""The batches of an epoch by its number; what a contender's `start` returns."""

LARGE = "large"
"""The name of the set that is fed from the disk; `make_inputs.numbered` makes it."""

LARGE_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")


@dataclass(frozen=True, eq=False)
class FeedData:
    """What a contender is given: the train split, as ours and as peers take it.

    `split` is mapped, as `load` gives it. `images` uint8 (n, 28, 28) and `labels` uint8
    (n,) are the same in ordinary memory, which is quicker to read in random order;
    of the large set they are mapped too.
    """

    split: Split
    is_large: bool = False

    @cached_property
    def images(self) -> NDArray[np.uint8]:
        images: NDArray[np.uint8] = np.asarray(self.split.images)
        return images if self.is_large else np.array(images)

    @cached_property
    def labels(self) -> NDArray[np.uint8]:
        return np.array(self.split.labels)


def open_data(source: str, folder: Path, count: int | None = None) -> FeedData:
    """The large set's files lie in `folder`, the cache of others too.

    `count` keeps the first so many examples only.
    """
    if source == LARGE:
        images, labels = (open_idx(folder / name) for name in LARGE_FILES)
        return FeedData(Split(images, labels), is_large=True)
    split = load(source, cache=Cache(folder / "cache")).train
    return FeedData(Split(split.images[:count], split.labels[:count]))
