"""What the page shows: parts of images with their labels, and the code that loads them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from idxdata.errors import DatasetError
from idxdata.sharding import Images

MAX_PIXELS = 1 << 24
"""Of one example, channels counted: what a browser still shows as one picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Examples in file order: `images` (n, h, w), (n, h, w, 1) grey or (n, h, w, 3) RGB.

    Of any integers, floats or booleans, often a memory map of gigabytes: no example is
    read before it is asked for. `labels` (n,) integers, or None. `images_code`,
    `labels_code`: Python expressions for the two, after `Gallery.code` has run.

    Raises `DatasetError` for another shape or dtype, or if the counts differ.
    """

    images: Images
    labels: NDArray[Any] | None = None
    images_code: str = "images"
    labels_code: str = "labels"

    def __post_init__(self) -> None:
        shape = self.images.shape
        is_picture = len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))
        if not is_picture or 0 in shape[1:]:
            raise DatasetError(
                "these are no pictures",
                expected="images (n, h, w), (n, h, w, 1) or (n, h, w, 3)",
                found=f"shape {shape}",
                hint=_shape_hint(shape),
            )
        if self.images.dtype.kind not in "biuf":
            raise DatasetError(
                "these are no pictures",
                expected="integers, floats or booleans",
                found=self.images.dtype.name,
            )
        if math.prod(shape[1:]) > MAX_PIXELS:
            raise DatasetError(
                "one example is too large for a page",
                expected=f"at most {MAX_PIXELS:,} pixels, channels counted",
                found=f"{math.prod(shape[1:]):,}",
            )
        if self.labels is not None:
            self._check_labels(self.labels)

    def _check_labels(self, labels: NDArray[Any]) -> None:
        if labels.ndim != 1 or labels.dtype.kind not in "iu":
            raise DatasetError(
                "labels are not a list of integers",
                expected="integers of shape (n,)",
                found=f"{labels.dtype.name} of shape {labels.shape}",
            )
        if len(labels) != len(self.images):
            raise DatasetError(
                "images and labels differ in number",
                expected=f"{len(self.images)} labels, one for each image",
                found=len(labels),
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def pixels(self) -> Images:
        """`images` without an axis of one channel: (n, h, w) or (n, h, w, 3). A view."""
        images = self.images
        return images.reshape(images.shape[:3]) if images.shape[3:] == (1,) else images


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """All that one page shows: `parts` by name, at least one, the first shown first.

    `classes[label]` names a label, where it reaches so far. `code`: lines of Python
    after which each part's expressions hold. Raises `DatasetError` without a part.
    """

    title: str
    parts: Mapping[str, Part]
    classes: tuple[str, ...] | None
    code: str

    def __post_init__(self) -> None:
        if not self.parts:
            raise DatasetError("there is nothing to show", found="no parts")
        object.__setattr__(self, "parts", MappingProxyType(dict(self.parts)))

    def class_name(self, label: int) -> str | None:
        """The name of `label`, or None where there is none."""
        if self.classes is None or not 0 <= label < len(self.classes):
            return None
        return self.classes[label]


def _shape_hint(shape: tuple[int, ...]) -> str | None:
    if len(shape) == 1:
        return "are these labels? the images' file comes first, theirs after --labels"
    if len(shape) == 4 and shape[1] in (1, 3):
        return "channels go last: numpy.moveaxis(images, 1, -1)"
    return None
