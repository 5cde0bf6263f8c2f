"""Images and labels that are given one by one: files, or arrays."""

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
from idxdata.split import Split

ArrayOrPath = PathLike | NDArray[Any]
_NPY_MAGIC = b"\x93NUMPY"


def from_pairs(
    pairs: tuple[ArrayOrPath | None, ...],
    classes: Sequence[str] | None,
    cache: Cache,
    alignment: int,
) -> Dataset:
    """A dataset of (images, labels, test images, test labels), the last two maybe None.

    Raises `TypeError` for nothing at all, `ValueError` for half a pair.
    """
    names = ("images", "labels", "test_images", "test_labels")
    given = [name for name, one in zip(names, pairs, strict=True) if one is not None]
    if not given:
        raise TypeError("load() needs a name, a path, or images= and labels=")
    for needed in (names[:2], names[2:]):
        lacking = [name for name in needed if name not in given]
        if lacking and (needed == names[:2] or len(lacking) == 1):
            raise ValueError(f"{', '.join(given)} without {' and '.join(lacking)}")
    opened = [None if one is None else _open(one, cache, alignment) for one in pairs]
    first = pairs[0]
    place = Path("arrays" if isinstance(first, np.ndarray) else str(first))
    splits = {}
    for name, image, label in zip(
        ("train", "test"), opened[::2], opened[1::2], strict=True
    ):
        if image is not None and label is not None:
            with located(place, name):
                splits[name] = Split(image, label)
    return assemble(place, place.name.partition(".")[0], splits, classes)


def _open(source: ArrayOrPath, cache: Cache, alignment: int) -> NDArray[Any]:
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
