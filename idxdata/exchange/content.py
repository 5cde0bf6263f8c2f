"""What any file of data holds: parts of arrays, perhaps with labels and class names."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import DatasetError

UNNAMED = ""
"""The name of a part that has none, which is then the only one."""

# Such names can be a folder's, an array's and a file's, on any system.
_PART_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.]{0,63}(?<!\.)")


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Examples in order: `data` (n, ...) of any dtype, `labels` (n,) integers or None.

    Without labels `data` may be any array, also one of no dims. Raises `DatasetError`
    for labels that are no list of integers or differ in number, for examples without
    a shape that have labels, and for objects; `TypeError` for what is no array.
    """

    data: NDArray[Any]
    labels: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        for array in (self.data, self.labels):
            if not isinstance(array, np.ndarray | None):
                raise TypeError(f"expected a NumPy array, not a {type(array).__name__}")
        if self.data.dtype.hasobject or self.data.dtype.names is not None:
            raise DatasetError(
                "objects and records are no examples", found=self.data.dtype
            )
        if self.labels is None:
            return
        if self.labels.ndim != 1 or self.labels.dtype.kind not in "iu":
            raise DatasetError(
                "labels are not a list of integers",
                expected="integers of shape (n,)",
                found=f"{self.labels.dtype.name} of shape {self.labels.shape}",
            )
        count = len(self.data) if self.data.ndim else 0
        if count != len(self.labels):
            raise DatasetError(
                "examples and labels differ in number",
                expected=f"{count} labels, one for each example",
                found=len(self.labels),
            )


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """Parts by name, "train" and "test" most often, in order; one alone may be unnamed.

    `classes[label]` names a label; None where the labels are all that is known.
    `notices`: what a reader left out or a writer changed, in words.

    Raises `DatasetError` if there are no parts, for a part's name that could not be a
    file's, for class names that are empty or equal, and for labels without a class.
    """

    parts: Mapping[str, Part]
    classes: tuple[str, ...] | None = None
    notices: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", MappingProxyType(dict(self.parts)))
        if not self.parts:
            raise DatasetError("there is no data")
        for name in self.parts:
            is_alone = name == UNNAMED and len(self.parts) == 1
            if not is_alone and not _PART_NAME.fullmatch(name):
                raise DatasetError(
                    "a part's name cannot be that of a file",
                    expected="letters, digits, _ and . (64 at most)",
                    found=repr(name),
                )
        if self.classes is not None:
            self._check_classes(self.classes)

    def _check_classes(self, classes: tuple[str, ...]) -> None:
        doubtful = sorted({name for name in classes if classes.count(name) > 1})
        if doubtful or "" in classes:
            raise DatasetError(
                "class names are not told apart",
                expected="names, all different",
                found=repr(doubtful[0]) if doubtful else "an empty one",
            )
        for name, part in self.parts.items():
            if part.labels is None:
                continue
            bad = np.flatnonzero((part.labels < 0) | (part.labels >= len(classes)))
            if len(bad):
                raise DatasetError(
                    f"{name} label without a class".lstrip(),
                    expected=f"0 to {len(classes) - 1}",
                    found=f"{part.labels[bad[0]]} for example {bad[0]}",
                )

    @property
    def single(self) -> Part | None:
        """The part that is alone and unnamed; None where there is no such one."""
        return self.parts.get(UNNAMED)

    @property
    def bare(self) -> NDArray[Any] | None:
        """The array that is all there is: of one part, whatever its name, no labels."""
        first, *others = self.parts.values()
        return first.data if not others and first.labels is None else None

    def labelled(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Names and labels of the parts that have labels."""
        for name, part in self.parts.items():
            if part.labels is not None:
                yield name, part.labels
