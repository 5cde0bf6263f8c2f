"""Did a contender deliver the right examples? Looked at outside the clock."""

import itertools
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.feed_data import Pairs
from idxdata import Split

_FEW_BATCHES = 8

_DIVIDED = np.arange(256, dtype=np.float32) / np.float32(255)
_MULTIPLIED = np.arange(256, dtype=np.float32) * np.float32(1 / 255)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What an epoch, or its first batches, brought; JSON by `dataclasses.asdict`.

    `scaling` says how bytes became floats: "divided", "multiplied" by float32(1/255),
    which differs from it in the last bit for 126 of 256 values, or "other". `sum` adds
    the fingerprints of all examples, so that it tells whether each came once.
    """

    num_examples: int
    num_batches: int
    sum: int
    scaling: str
    image_dtype: str
    label_dtype: str
    starts_in_file_order: bool


def inspect_all(pairs: Pairs, split: Split) -> Delivery:
    """Look at every number of an epoch.

    Raises ValueError if an image is no bytes / 255, or not each example came once.
    """
    delivery = _inspect(pairs, split, lambda rows, labels: None)
    rows = split.images.reshape(len(split), -1)
    if delivery.num_examples != len(split):
        raise ValueError(f"{delivery.num_examples} of {len(split)} examples came")
    if delivery.sum != fingerprint(np.ascontiguousarray(rows), split.labels):
        raise ValueError("not each example came once")
    return delivery


def inspect_some(pairs: Pairs, split: Split) -> Delivery:
    """Look at the first batches of the large set, whose images tell where they stand.

    Raises ValueError if one is not as it stands there, or came twice.
    """
    seen: list[int] = []

    def look_up(rows: NDArray[np.uint8], labels: NDArray[Any]) -> None:
        numbers = row_numbers(rows)
        stored = split.images[numbers].reshape(rows.shape)
        if not np.array_equal(stored, rows):
            raise ValueError("an image is not one of the set")
        if not np.array_equal(split.labels[numbers], labels):
            raise ValueError("a label is another image's")
        seen.extend(numbers.tolist())

    delivery = _inspect(itertools.islice(pairs, _FEW_BATCHES), split, look_up)
    if len(set(seen)) != len(seen):
        raise ValueError("an example came twice")
    return delivery


def _inspect(
    pairs: Pairs,
    split: Split,
    look_at: Callable[[NDArray[np.uint8], NDArray[Any]], None],
) -> Delivery:
    num_examples = num_batches = total = 0
    scalings: set[str] = set()
    in_order, dtypes = False, ("", "")
    for images, labels in pairs:
        floats, numbers = np.asarray(images), np.asarray(labels)
        rows = np.rint(floats * 255).astype(np.uint8).reshape(len(floats), -1)
        scalings.add(_scaling(rows, floats.reshape(rows.shape)))
        total += fingerprint(rows, numbers)
        look_at(rows, numbers)
        if not num_batches:
            first = split.images[: len(rows)].reshape(rows.shape)
            in_order = bool(np.array_equal(rows, first))
            dtypes = str(floats.dtype), str(numbers.dtype)
        num_batches += 1
        num_examples += len(rows)
    scaling = next((s for s in ("other", "multiplied") if s in scalings), "divided")
    return Delivery(num_examples, num_batches, total, scaling, *dtypes, in_order)


def _scaling(rows: NDArray[np.uint8], floats: NDArray[Any]) -> str:
    if np.array_equal(_DIVIDED[rows], floats):
        return "divided"
    if np.array_equal(_MULTIPLIED[rows], floats):
        return "multiplied"
    if np.allclose(_DIVIDED[rows], floats, rtol=1e-6, atol=0):
        return "other"
    raise ValueError("images are not bytes / 255")


def fingerprint(rows: NDArray[np.uint8], labels: NDArray[Any]) -> int:
    """A sum over examples: their order is nothing to it, each pixel and label is."""
    return sum(map(zlib.crc32, rows, labels.astype(np.uint32).tolist()))


def row_numbers(images: NDArray[Any]) -> NDArray[np.int64]:
    """Where the large set's images (m, 28, 28), as bytes, stand in it."""
    digits = images.reshape(len(images), -1)[:, :4].astype(np.int64)
    numbers: NDArray[np.int64] = digits @ np.array([1, 1 << 8, 1 << 16, 1 << 24])
    return numbers


def inspect_changed(pairs: Pairs, split: Split) -> Delivery:
    """Look at an epoch of augmented images.

    Raises ValueError if a number is not in [0, 1], or not each label came as often as
    it should.
    """
    labels: list[int] = []
    num_batches = 0
    for images, numbers in pairs:
        floats = np.asarray(images)
        if not (floats.min() >= 0 and floats.max() <= 1):
            raise ValueError("images are not in [0, 1]")
        labels.extend(np.asarray(numbers).tolist())
        num_batches += 1
        dtypes = str(floats.dtype), str(np.asarray(numbers).dtype)
    if sorted(labels) != sorted(split.labels.tolist()):
        raise ValueError("not each label came as often as it should")
    return Delivery(len(labels), num_batches, 0, "augmented", *dtypes, False)


INSPECTIONS = {
    "feed": inspect_all,
    "large": inspect_some,
    "augment": inspect_changed,
}
"""By group."""
