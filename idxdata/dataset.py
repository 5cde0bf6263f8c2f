"""Dataset: splits of the same classes, checked when it is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.display import Part, dataset_html, describe_dataset
from idxdata.errors import DatasetError
from idxdata.mapping import known_contents
from idxdata.sharding import Images, ShardedArray
from idxdata.split import Split, joined_digest


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Dataset:
    """A train split, mostly a test split, and maybe others, of the same classes.

    `classes[label]` names a label. `splits` has all by name, "train" first; `extra`
    are those besides train and test. Raises `DatasetError` if the splits' images
    differ in shape or dtype, or a label is not in 0 .. len(classes) - 1.
    """

    name: str
    classes: tuple[str, ...]
    splits: Mapping[str, Split]

    def __init__(
        self,
        name: str,
        train: Split,
        test: Split | None,
        classes: tuple[str, ...],
        *,
        extra: Mapping[str, Split] | None = None,
    ) -> None:
        splits = {"train": train}
        if test is not None:
            splits["test"] = test
        splits |= extra or {}
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "classes", tuple(classes))
        object.__setattr__(self, "splits", MappingProxyType(splits))
        images = train.images
        for label, split in splits.items():
            other = split.images
            if (images.shape[1:], images.dtype) != (other.shape[1:], other.dtype):
                raise DatasetError(
                    f"{label} images differ from train images",
                    expected=f"{images.dtype.name} {images.shape[1:]}",
                    found=f"{other.dtype.name} {other.shape[1:]}",
                )
            self._check_labels(label, split)

    def _check_labels(self, name: str, split: Split) -> None:
        labels = split.labels
        low, high = label_range(labels)
        if low < 0 or high >= len(self.classes):
            bad = np.flatnonzero((labels < 0) | (labels >= len(self.classes)))
            raise DatasetError(
                f"{name} label out of range",
                expected=f"0 to {len(self.classes) - 1}",
                found=f"{labels[bad[0]]} for example {bad[0]}",
                hint=_place(split.images, int(bad[0])),
            )

    @property
    def train(self) -> Split:
        return self.splits["train"]

    @property
    def test(self) -> Split:
        """The test split. Raises `DatasetError` if there is none."""
        if "test" not in self.splits:
            raise DatasetError(
                f"{self.name} has no test split",
                found=", ".join(self.splits),
                hint="hold some examples out: Plan(..., subset=Fold(...)), or "
                "load(images=..., labels=..., test_images=..., test_labels=...)",
            )
        return self.splits["test"]

    @property
    def extra(self) -> Mapping[str, Split]:
        """The splits besides train and test."""
        return {
            name: split
            for name, split in self.splits.items()
            if name not in ("train", "test")
        }

    def __repr__(self) -> str:
        return describe_dataset(self.name, self.classes, self._parts())

    def _repr_html_(self) -> str:
        return dataset_html(self.name, self.classes, self._parts())

    def _parts(self) -> dict[str, Part]:
        return {
            name: (split.images, split.labels) for name, split in self.splits.items()
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return (_unpacked_dataset, (self.name, dict(self.splits), self.classes))

    @cached_property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each array's raw IDX file, under names like "train-images".

        The same as `zcat train-images-idx3-ubyte.gz | sha256sum`. Of the train and the
        test split. Reads at the first use all data whose digest is not known
        (`Split.digests`).
        """
        return {
            f"{name}-{role}": digest
            for name in ("train", "test")
            if name in self.splits
            for role, digest in zip(
                ("images", "labels"), self.splits[name].digests, strict=True
            )
        }

    @property
    def digest(self) -> str:
        """One SHA-256 for the dataset: of `digests`, joined by newlines."""
        return joined_digest(self.digests.values())


def _place(images: Images, row: int) -> str | None:
    """Which file has the image of a row, where there are many."""
    if not isinstance(images, ShardedArray):
        return None
    path, within = images.shard_of(row)
    return f"its image is row {within} of {path}"


def label_range(labels: NDArray[Any]) -> tuple[int, int]:
    """The least and the largest of at least one label; not read where it is known."""
    known = known_contents(labels)
    if known is not None and known.minimum is not None and known.maximum is not None:
        return known.minimum, known.maximum
    return int(labels.min()), int(labels.max())


def _unpacked_dataset(
    name: str, splits: dict[str, Split], classes: tuple[str, ...]
) -> Dataset:
    train, test = splits.pop("train"), splits.pop("test", None)
    return Dataset(name, train, test, classes, extra=splits)
