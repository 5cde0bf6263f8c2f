"""Images with their labels: Split and Dataset, checked when they are made."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import DatasetError
from idxdata.writer import idx_pieces


@dataclass(frozen=True, eq=False)
class Split:
    """Examples in file order: `images` (n, ...) of any dtype, `labels` (n,) integers.

    Raises `DatasetError` if there are no images, labels are not a 1-D integer
    array, or the counts differ.
    """

    images: NDArray[Any]
    labels: NDArray[Any]

    def __post_init__(self) -> None:
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
            bad = np.flatnonzero((labels < 0) | (labels >= len(self.classes)))
            if len(bad):
                raise DatasetError(
                    f"{split} label out of range",
                    expected=f"0 to {len(self.classes) - 1}",
                    found=f"{labels[bad[0]]} for example {bad[0]}",
                )

    @cached_property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each array's raw IDX file, under names like "train-images".

        The same as `zcat train-images-idx3-ubyte.gz | sha256sum`. Reads all data
        at the first use.
        """
        return {
            "train-images": idx_digest(self.train.images),
            "train-labels": idx_digest(self.train.labels),
            "test-images": idx_digest(self.test.images),
            "test-labels": idx_digest(self.test.labels),
        }

    @property
    def digest(self) -> str:
        """One SHA-256 for the dataset: of the four digests joined by newlines."""
        return hashlib.sha256("\n".join(self.digests.values()).encode()).hexdigest()


def idx_digest(array: NDArray[Any]) -> str:
    """SHA-256 (hex) of the raw IDX file of `array`, whatever its byte order here.

    Raises `HeaderError` if IDX cannot hold the array.
    """
    digest = hashlib.sha256()
    for piece in idx_pieces(array):
        digest.update(piece)
    return digest.hexdigest()
