"""Files of images and files of labels, in pairs, as the two arrays of one split."""

import os
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from idxdata.cache import Cache
from idxdata.errors import DatasetError, PathLike
from idxdata.shard_names import (
    count_wildcards,
    is_pattern,
    matching,
    with_wildcards,
)
from idxdata.sharding import ShardedArray
from idxdata.sharding.heads import read_labels

Many = Sequence[PathLike]
"""A list or tuple of paths, or a path that is a pattern."""


def names_many(source: object) -> bool:
    """Whether `source` is a list of paths, or a pattern that is no file's name."""
    if isinstance(source, list | tuple):
        return True
    return isinstance(source, str | os.PathLike) and is_pattern(source)


def listed_shards(source: Many | PathLike) -> list[PathLike]:
    """The files of a list, or those that a pattern names. Raises `DatasetError`."""
    if isinstance(source, list | tuple):
        return list(source)
    return list(matching(source).values())  # type: ignore[arg-type]


def pair_shards(
    images: Many | PathLike, labels: Many | PathLike
) -> tuple[list[PathLike], list[PathLike]]:
    """Files of images, and the file of labels of each.

    Patterns: those for which the wildcards of both stand for the same. Lists: those at
    the same place. Raises `DatasetError` that names the first file without a partner,
    and for patterns of different wildcards; `ValueError` for a pattern and a list.
    """
    is_list = isinstance(images, list | tuple)
    if is_list != isinstance(labels, list | tuple):
        raise ValueError("images and labels of shards: expected two lists or patterns")
    if is_list:
        return _paired_lists(listed_shards(images), listed_shards(labels))
    return _paired_patterns(images, labels)  # type: ignore[arg-type]


def _paired_lists(
    images: list[PathLike], labels: list[PathLike]
) -> tuple[list[PathLike], list[PathLike]]:
    counts = len(images), len(labels)
    if counts[0] == counts[1]:
        return images, labels
    longer, names = (images, "images") if counts[0] > counts[1] else (labels, "labels")
    raise DatasetError(
        f"a shard of {names} without its {'labels' if names == 'images' else 'images'}",
        path=longer[min(counts)],
        expected="as many files of labels as of images",
        found=f"{counts[0]} of images, {counts[1]} of labels",
    )


def _paired_patterns(
    images: PathLike, labels: PathLike
) -> tuple[list[PathLike], list[PathLike]]:
    wanted, found = count_wildcards(images), count_wildcards(labels)
    if wanted != found:
        raise DatasetError(
            "patterns of images and labels differ",
            path=labels,
            expected=f"{wanted} wildcards, as in {os.fspath(images)}",
            found=found,
        )
    image_files, label_files = matching(images), matching(labels)
    for own, other, pattern, name in (
        (image_files, label_files, labels, "labels"),
        (label_files, image_files, images, "images"),
    ):
        for parts, path in own.items():
            if parts not in other:
                raise DatasetError(
                    f"a shard's {name} are missing",
                    path=with_wildcards(pattern, parts),
                    expected=f"a file that goes with {path}",
                    found="none",
                )
    return list(image_files.values()), [label_files[key] for key in image_files]


def open_shards(
    images: Many, labels: Many, cache: Cache, alignment: int
) -> tuple[ShardedArray, NDArray[Any]]:
    """Images mapped when they are touched, and their labels in memory.

    Files in pairs. Raises what `ShardedArray.open` and `read_labels` do.
    """
    array = ShardedArray.open(images, cache=cache, alignment=alignment)
    return array, read_labels(labels, array.heads)
