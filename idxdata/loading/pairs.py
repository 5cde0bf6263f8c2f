"""Images and labels that are given one by one: files, many files, or arrays."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.cache import Cache, open_idx
from idxdata.dataset import Dataset
from idxdata.errors import PathLike
from idxdata.loading.assembling import assemble
from idxdata.loading.located import located
from idxdata.loading.shards import (
    listed_shards,
    names_many,
    open_shards,
    pair_shards,
)
from idxdata.shard_names import before_wildcards
from idxdata.sharding import Images, ShardedArray
from idxdata.split import Split

ArrayOrPath = PathLike | NDArray[Any] | Sequence[PathLike]
"""Of shards a list of paths, or one path with wildcards in it."""

_NPY_MAGIC = b"\x93NUMPY"


def from_pairs(
    pairs: tuple[ArrayOrPath | None, ...],
    classes: Sequence[str] | None,
    cache: Cache,
    alignment: int,
) -> Dataset:
    """A dataset of (images, labels, test images, test labels), the last two maybe None.

    Raises `TypeError` for nothing at all, `ValueError` for half a pair, and for labels
    in many files where images are in one.
    """
    names = ("images", "labels", "test_images", "test_labels")
    given = [name for name, one in zip(names, pairs, strict=True) if one is not None]
    if not given:
        raise TypeError("load() needs a name, a path, or images= and labels=")
    for needed in (names[:2], names[2:]):
        lacking = [name for name in needed if name not in given]
        if lacking and (needed == names[:2] or len(lacking) == 1):
            raise ValueError(f"{', '.join(given)} without {' and '.join(lacking)}")
    place = _place(pairs[0])
    splits = {}
    for name, image, label in zip(
        ("train", "test"), pairs[::2], pairs[1::2], strict=True
    ):
        if image is not None and label is not None:
            opened = _open_pair(image, label, cache, alignment)
            with located(place, name):
                splits[name] = Split(*opened)
    return assemble(place, place.name.partition(".")[0], splits, classes)


def _place(images: Any) -> Path:
    """What errors and the dataset are named by: of shards their folder."""
    if isinstance(images, np.ndarray):
        return Path("arrays")
    if not names_many(images):
        return Path(str(images))
    first = before_wildcards(images) if isinstance(images, str | os.PathLike) else ""
    if isinstance(images, list | tuple) and images:
        first = os.fspath(images[0])
    return Path(os.path.realpath(os.path.dirname(first)))


def _open_pair(
    images: ArrayOrPath, labels: ArrayOrPath, cache: Cache, alignment: int
) -> tuple[Images, NDArray[Any]]:
    if not names_many(images):
        if names_many(labels):
            raise ValueError("labels in many files go with images in many files")
        return _open(images, cache, alignment), _open(labels, cache, alignment)
    if names_many(labels):
        files = pair_shards(images, labels)  # type: ignore[arg-type]
        return open_shards(*files, cache, alignment)
    shards = listed_shards(images)  # type: ignore[arg-type]
    array = ShardedArray.open(shards, cache=cache, alignment=alignment)
    return array, _open(labels, cache, alignment)


def _open(source: Any, cache: Cache, alignment: int) -> NDArray[Any]:
    if isinstance(source, np.ndarray):
        return source
    path = os.fspath(source)
    with open(path, "rb") as file:
        is_npy = file.read(len(_NPY_MAGIC)) == _NPY_MAGIC
    if not is_npy:
        return open_idx(path, cache=cache, alignment=alignment)
    from idxdata.exchange.reading import read_content

    array: NDArray[Any] = read_content(path).parts[""].data
    return array
