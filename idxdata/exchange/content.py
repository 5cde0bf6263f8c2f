"""Content: what a file or a folder of examples holds, whatever its format."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import DatasetError


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """`data`: an array (n, ...). `labels`: integers (n,), or None where there are none.

    Raises `DatasetError` if labels are not as many as rows, or no list of integers.
    """

    data: NDArray[Any]
    labels: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        if self.labels is None:
            return
        if self.labels.ndim != 1 or self.labels.dtype.kind not in "iu":
            raise DatasetError(
                "labels are not a list of integers",
                expected="integers of shape (n,)",
                found=f"{self.labels.dtype.name} of shape {self.labels.shape}",
            )
        if self.data.ndim == 0 or len(self.data) != len(self.labels):
            raise DatasetError(
                "images and labels differ in number",
                expected=f"{len(self.data) if self.data.ndim else 'no'} labels",
                found=len(self.labels),
            )


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """Parts by the name of their split, "" for one that has no name.

    `classes[label]` names a label; None where only numbers are known.
    """

    parts: Mapping[str, Part]
    classes: tuple[str, ...] | None = None

    @property
    def single(self) -> Part | None:
        """The one part without labels, if that is all: a plain array."""
        if list(self.parts) == [""] and self.parts[""].labels is None:
            return self.parts[""]
        return None


def numbered(names: list[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels and classes for the class name of each example.

    Classes are sorted: as numbers if all are whole numbers, else as text.
    """
    classes = sort_classes(set(names))
    place = {name: label for label, name in enumerate(classes)}
    return np.array([place[name] for name in names], np.int64), classes


def sort_classes(names: set[str]) -> tuple[str, ...]:
    if all(name.isdecimal() for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))
