"""Shards for tests: an array cut anywhere, as files; and what they are compared with."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from idxdata import ShardedArray, Split, load, write_idx
from tests.strategies import Array


def even(count: int, num_shards: int) -> list[int]:
    """Where `count` rows are cut into so many shards, ends included."""
    return [count * number // num_shards for number in range(num_shards + 1)]


def write_shards(
    folder: Path, array: Array, cuts: Sequence[int], *, name: str, suffix: str = ""
) -> list[Path]:
    """The rows between two cuts in a file each; empty where two are the same."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, (start, stop) in enumerate(pairwise(cuts)):
        paths.append(folder / f"{name}-{number}{suffix}")
        write_idx(paths[-1], array[start:stop])
    return paths


@dataclass(frozen=True)
class Both:
    """The same examples in memory and in shards of a folder."""

    folder: Path
    whole: Split
    sharded: Split

    @property
    def images(self) -> ShardedArray:
        images = self.sharded.images
        assert isinstance(images, ShardedArray)
        return images


def both(folder: Path, whole: Split, cuts: Sequence[int], *, suffix: str = "") -> Both:
    """Writes them and loads them by patterns."""
    images = np.asarray(whole.images)
    write_shards(folder, images, cuts, name="images", suffix=suffix)
    write_shards(folder, whole.labels, cuts, name="labels", suffix=suffix)
    data = load(
        images=folder / f"images-*{suffix}",
        labels=folder / f"labels-*{suffix}",
        classes=[str(label) for label in range(10)],
    )
    return Both(folder, whole, data.train)


@st.composite
def cut_arrays(draw: st.DrawFn, place: Path) -> tuple[Array, ShardedArray]:
    """An array of any IDX dtype, and its rows in up to eight shards of any sizes."""
    count = draw(st.integers(0, 40))
    inner = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    dtype = draw(st.sampled_from(("u1", "i1", "i2", "i4", "f4", "f8")))
    suffix = draw(st.sampled_from(("", "", "", ".gz")))
    inside = draw(st.lists(st.integers(0, count), max_size=7))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    array: Any = random.integers(0, 100, (count, *inner)).astype(dtype)
    folder = Path(tempfile.mkdtemp(dir=place))
    cuts = [0, *sorted(inside), count]
    paths = write_shards(folder, array, cuts, name="part", suffix=suffix)
    return array, ShardedArray.open(paths)
