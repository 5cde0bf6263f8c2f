"""Content: what a file or a folder of examples holds, whatever its format."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import DatasetError

UNNAMED = ""
"""The name of a part that has none; it is then the only one."""

# Such names can be a folder's, an array's and a file's, on any system.
_PART_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,63}")

_OTHER_NAMES = {
    "t10k": "test",
    "testing": "test",
    "training": "train",
    "val": "validation",
    "valid": "validation",
}
USUAL_PARTS = frozenset(("train", "test", "validation", "dev", *_OTHER_NAMES))
"""Names that say: this is a split, not a class."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """`data`: an array (n, ...). `labels`: integers (n,), or None where there are none.

    Without labels `data` may be an array of no dims, too. Raises `DatasetError` if labels
    are not as many as rows, or no list of integers, and for data that is objects or
    records.
    """

    data: NDArray[Any]
    labels: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        if self.data.dtype.hasobject or self.data.dtype.kind == "V":
            raise DatasetError(
                "objects and records are no examples", found=f"dtype {self.data.dtype}"
            )
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
    """Parts by the name of their split, in order; "" for one that has no name.

    Names are `split_name`'s: a part given as "t10k" is "test", "val" "validation".

    `classes[label]` names a label; None where only numbers are known. `notices`: what
    a reader left out, or what a writer changed, in words.

    Raises `DatasetError` if there are no parts, for a name that could not be a file's,
    for class names that are empty or not all different, and a label without a class.
    """

    parts: Mapping[str, Part]
    classes: tuple[str, ...] | None = None
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        parts = {split_name(name): part for name, part in self.parts.items()}
        if not parts:
            raise DatasetError("there are no examples")
        if len({name.lower() for name in parts}) < len(self.parts):
            raise DatasetError(
                "two splits of the same name", found=", ".join(self.parts)
            )
        object.__setattr__(self, "parts", MappingProxyType(parts))
        for name in self.parts:
            is_alone = name == UNNAMED and len(self.parts) == 1
            if not is_alone and not _PART_NAME.fullmatch(name):
                raise DatasetError(
                    "a split's name must do as a file's",
                    expected="letters, digits and _, 64 at most",
                    found=repr(name),
                )
        if not self.classes:
            object.__setattr__(self, "classes", None)
        else:
            _check_classes(self.classes)
            for name, part in self.parts.items():
                _check_labels(name, part, len(self.classes))

    @property
    def single(self) -> Part | None:
        """The one part without labels, if that is all: a plain array."""
        if list(self.parts) == [UNNAMED] and self.parts[UNNAMED].labels is None:
            return self.parts[UNNAMED]
        return None


def _check_classes(classes: tuple[str, ...]) -> None:
    for label, name in enumerate(classes):
        if not name or "\0" in name:
            raise DatasetError("a class without a name", found=f"{name!r} for {label}")
    if len(set(classes)) < len(classes):
        twice = next(name for name in classes if classes.count(name) > 1)
        raise DatasetError("two classes of the same name", found=repr(twice))


def _check_labels(split: str, part: Part, num_classes: int) -> None:
    if part.labels is None:
        return
    bad = np.flatnonzero((part.labels < 0) | (part.labels >= num_classes))
    if len(bad):
        raise DatasetError(
            f"{split}: a label has no class" if split else "a label has no class",
            expected=f"0 to {num_classes - 1}",
            found=f"{part.labels[bad[0]]} for example {bad[0]}",
        )


def split_name(text: str) -> str:
    """The split that a folder, file or array called `text` is: "t10k" is "test"."""
    lower = text.lower()
    return _OTHER_NAMES.get(lower, lower if lower in USUAL_PARTS else text)


def in_order(parts: Mapping[str, Part]) -> dict[str, Part]:
    """Train, then test, then the others as they come."""
    names = sorted(parts, key=lambda name: (name != "train", name != "test"))
    return {name: parts[name] for name in names}
