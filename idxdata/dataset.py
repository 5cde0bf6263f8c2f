"""Images with their labels: Split and Dataset, checked when they are made."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.digests import array_digest
from idxdata.dtypes import has_code
from idxdata.errors import DatasetError
from idxdata.mapping import Reference, from_reference, known_contents, reference
from idxdata.writer import idx_pieces


@dataclass(frozen=True, eq=False)
class Split:
    """Examples in file order: `images` (n, ...) of any dtype, `labels` (n,) integers.

    An array that is mapped, and was not written to, is pickled as a reference to its
    file: some hundred bytes, mapped again by whoever unpickles them, and a
    `CacheError` there if the file is gone or another one by then. Other arrays are
    pickled as data.

    Raises `DatasetError` if there are no images, labels are not a 1-D integer
    array, or the counts differ; `TypeError` for what is no array.
    """

    images: NDArray[Any]
    labels: NDArray[Any]

    def __post_init__(self) -> None:
        for array in (self.images, self.labels):
            if not isinstance(array, np.ndarray):
                raise TypeError(f"expected NumPy arrays, not a {type(array).__name__}")
        if self.labels.ndim != 1 or self.labels.dtype.kind not in "iu":
            raise DatasetError(
                "labels are not a list of integers",
                expected="integers of shape (n,)",
                found=f"{self.labels.dtype.name} of shape {self.labels.shape}",
            )
        if self.images.ndim < 2:
            raise DatasetError(
                "images have no pixels",
                expected="an array of shape (n, ...)",
                found=f"shape {self.images.shape}",
            )
        if len(self.images) != len(self.labels):
            raise DatasetError(
                "images and labels differ in number",
                expected=f"{len(self.images)} labels, one for each image",
                found=len(self.labels),
            )
        if not len(self.images):
            raise DatasetError("a split has no examples")

    def __len__(self) -> int:
        return len(self.labels)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_unpacked_split, (_packed(self.images), _packed(self.labels)))

    @cached_property
    def digests(self) -> tuple[str, str]:
        """`idx_digest` of images and of labels, as they are at the first use.

        `array_digest` for a dtype that IDX lacks, as int64 labels have.
        A mapped cache entry that was not written to is not read: what was hashed
        when it was made counts (`Cache.verify` tells whether that still holds).
        """
        return _digest(self.images), _digest(self.labels)

    @property
    def digest(self) -> str:
        """One SHA-256 (hex) for the split: of `digests` joined by a newline."""
        return _joined(self.digests)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A train and a test split of the same classes.

    `classes[label]` names a label. Raises `DatasetError` if the two splits'
    images differ in shape or dtype, or a label is not in 0 .. len(classes) - 1.
    """

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        train, test = self.train.images, self.test.images
        if (train.shape[1:], train.dtype) != (test.shape[1:], test.dtype):
            raise DatasetError(
                "test images differ from train images",
                expected=f"{train.dtype.name} {train.shape[1:]}",
                found=f"{test.dtype.name} {test.shape[1:]}",
            )
        for split, labels in (
            ("train", self.train.labels),
            ("test", self.test.labels),
        ):
            low, high = label_range(labels)
            if low < 0 or high >= len(self.classes):
                bad = np.flatnonzero((labels < 0) | (labels >= len(self.classes)))
                raise DatasetError(
                    f"{split} label out of range",
                    expected=f"0 to {len(self.classes) - 1}",
                    found=f"{labels[bad[0]]} for example {bad[0]}",
                )

    @cached_property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each array's raw IDX file, under names like "train-images".

        The same as `zcat train-images-idx3-ubyte.gz | sha256sum`. Reads at the first
        use all data whose digest is not known (`Split.digests`).
        """
        return {
            "train-images": self.train.digests[0],
            "train-labels": self.train.digests[1],
            "test-images": self.test.digests[0],
            "test-labels": self.test.digests[1],
        }

    @property
    def digest(self) -> str:
        """One SHA-256 for the dataset: of the four digests joined by newlines."""
        return _joined(self.digests.values())


def idx_digest(array: NDArray[Any]) -> str:
    """SHA-256 (hex) of the raw IDX file of `array`, whatever its byte order here.

    Raises `HeaderError` if IDX cannot hold the array.
    """
    digest = hashlib.sha256()
    for piece in idx_pieces(array):
        digest.update(piece)
    return digest.hexdigest()


def label_range(labels: NDArray[Any]) -> tuple[int, int]:
    """The least and the largest of at least one label; not read where it is known."""
    known = known_contents(labels)
    if known is not None and known.minimum is not None and known.maximum is not None:
        return known.minimum, known.maximum
    return int(labels.min()), int(labels.max())


def _digest(array: NDArray[Any]) -> str:
    known = known_contents(array)
    if known is not None:
        return known.idx_sha256
    return idx_digest(array) if has_code(array.dtype) else array_digest(array)


def _joined(digests: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _packed(array: NDArray[Any]) -> Reference | NDArray[Any]:
    found = reference(array)
    return array if found is None else found


def _unpacked_split(*packed: Reference | NDArray[Any]) -> Split:
    images, labels = (
        from_reference(part) if isinstance(part, Reference) else part for part in packed
    )
    return Split(images, labels)
