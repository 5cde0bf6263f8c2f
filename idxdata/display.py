"""What splits and datasets look like at a prompt and in a notebook."""

import base64
import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.png import encode_png
from idxdata.sharding import Images

Part = tuple[Images, NDArray[Any]]

_MAX_CLASSES = 12
_MAX_SEEN = 20_000
"""Labels looked at to find an example of each class: a split may have millions."""
_COLUMNS, _ROWS = 10, 5
_MIN_SIDE_PX = 28


def describe(images: Images, labels: NDArray[Any]) -> str:
    """Such as "60,000 images of 28×28 uint8, labels uint8". Reads no data."""
    shape = "×".join(map(str, images.shape[1:]))
    return (
        f"{len(images):,} images of {shape} {images.dtype.name}, "
        f"labels {labels.dtype.name}"
    )


def describe_dataset(
    name: str, classes: Sequence[str], parts: Mapping[str, Part]
) -> str:
    """The dataset's name and classes, and a line for each split. Reads no data."""
    width = max(map(len, parts))
    lines = [
        f"  {split:{width}}  {describe(images, labels)}"
        for split, (images, labels) in parts.items()
    ]
    return "\n".join([f"<Dataset {name}: {_class_names(classes)}", *lines]) + ">"


def _class_names(classes: Sequence[str]) -> str:
    shown = list(classes)
    if len(shown) > _MAX_CLASSES:
        shown = [*shown[: _MAX_CLASSES - 2], "…", shown[-1]]
    return f"{len(classes)} classes: {', '.join(shown)}"


def dataset_html(name: str, classes: Sequence[str], parts: Mapping[str, Part]) -> str:
    """As `describe_dataset`, with the first examples of each class of each split."""
    sections = [
        f"<div><b>{html.escape(split)}</b> {describe(*part)}{_thumbnails(*part)}</div>"
        for split, part in parts.items()
    ]
    heading = f"<b>{html.escape(name)}</b>, {html.escape(_class_names(classes))}"
    return f"<div>{heading}{''.join(sections)}</div>"


def split_html(images: Images, labels: NDArray[Any]) -> str:
    """As `describe`, with the first examples of each class as pictures."""
    return f"<div><b>Split</b> {describe(images, labels)}{_thumbnails(images, labels)}</div>"


def _thumbnails(images: Images, labels: NDArray[Any]) -> str:
    """A column a class, or nothing where images are no pictures."""
    shape = images.shape[1:]
    is_picture = len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))
    if images.dtype != np.uint8 or not is_picture or 0 in shape:
        return ""
    seen = np.asarray(labels[:_MAX_SEEN])
    classes = np.unique(seen)[:_COLUMNS]
    height, width = shape[:2]
    channels = shape[2:] if shape[2:] == (3,) else ()
    sheet = np.zeros((_ROWS * (height + 1), _COLUMNS * (width + 1), *channels), "u1")
    for column, label in enumerate(classes):
        for row, number in enumerate(np.flatnonzero(seen == label)[:_ROWS]):
            top, left = row * (height + 1), column * (width + 1)
            place = sheet[top : top + height, left : left + width]
            place[...] = images[number].reshape(place.shape)
    sheet = sheet[:, : len(classes) * (width + 1)]
    data = base64.b64encode(encode_png(sheet, level=6)).decode("ascii")
    scale = max(1, round(_MIN_SIDE_PX / width))
    names = ", ".join(map(str, classes))
    return (
        f'<div><img style="image-rendering: pixelated; width: {sheet.shape[1] * scale}px" '
        f'alt="examples of the classes {html.escape(names)}, a column each" '
        f'src="data:image/png;base64,{data}"></div>'
    )
