"""What is told of a gallery in JSON: its parts, labels, rows, and one example."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.viewer.gallery import Gallery, Part
from idxdata.viewer.measuring import Measure
from idxdata.viewer.orders import Orders, View
from idxdata.viewer.pictures import cell_size, sheet_columns

MAX_ROWS = 1024
"""Of one answer about rows."""

MAX_LISTED_PIXELS = 1 << 18
"""Of an example whose pixels are listed, channels counted; a larger one is a picture."""

_MAX_EXACT = 1 << 53
Json = dict[str, Any]


def gallery_facts(gallery: Gallery) -> Json:
    """What the page needs before it shows anything. Reads neither images nor labels."""
    return {
        "title": gallery.title,
        "code": gallery.code,
        "parts": [_part_facts(name, part) for name, part in gallery.parts.items()],
    }


def _part_facts(name: str, part: Part) -> Json:
    height, width, *channels = part.pixels.shape[1:]
    cell_height, cell_width = cell_size(height, width)
    return {
        "name": name,
        "count": len(part),
        "dtype": part.images.dtype.name,
        "height": height,
        "width": width,
        "channels": channels[0] if channels else 1,
        "cell": {"height": cell_height, "width": cell_width},
        "columns": sheet_columns(height, width),
        "isStretched": part.images.dtype not in (np.uint8, np.bool_),
        "hasLabels": part.labels is not None,
        "imagesCode": part.images_code,
        "labelsCode": part.labels_code,
    }


def labels_facts(gallery: Gallery, orders: Orders) -> Json:
    """The classes to choose from, how many there are of each; None if there are none."""
    classes = orders.classes
    if classes is None:
        return {"classes": None}
    return {
        "classes": [
            {"label": str(label), "name": gallery.class_name(label), "count": count}
            for label, count in zip(classes.values, classes.counts, strict=True)
        ]
    }


def rows_facts(
    gallery: Gallery, orders: Orders, view: View, start: int, stop: int
) -> Json:
    """Rows at positions, their labels, and the values that they are sorted by."""
    rows = orders.rows(view, start, stop)
    index = np.asarray(rows, np.int64)
    labels, values = orders.part.labels, None
    if view.sort in ("ink", "distance"):
        measured = orders.measured(view.sort).values[index]
        values = [plain(value) for value in measured.tolist()]
    return {
        "rows": index.tolist(),
        "labels": None if labels is None else [str(one) for one in labels[index]],
        "values": values,
    }


def measure_facts(orders: Orders, measure: Measure) -> Json:
    return asdict(orders.measuring[measure].progress)


def example_facts(gallery: Gallery, orders: Orders, row: int) -> Json:
    """One example: its label, measures and pixels; `plain` tells how numbers are told.

    Distance where all distances have been measured, else None. Pixels (h, w[, 3]) as
    nested lists, or None where they are too many. Least and most are of what is finite.
    """
    part = orders.part
    image = np.asarray(part.pixels[row])
    finite = image[np.isfinite(image)]
    label = None if part.labels is None else int(part.labels[row])
    measured = orders.measuring["distance"].result
    return {
        "row": row,
        "label": None if label is None else str(label),
        "name": None if label is None else gallery.class_name(label),
        "ink": plain(_mean(image)),
        "distance": None if measured is None else plain(float(measured.values[row])),
        "least": plain(finite.min()) if len(finite) else None,
        "most": plain(finite.max()) if len(finite) else None,
        "pixels": _listed(image) if image.size <= MAX_LISTED_PIXELS else None,
    }


def plain(value: Any) -> int | float | str:
    """A number as JSON and JavaScript hold it; in words where they do not.

    What is not finite, and integers beyond 2^53.
    """
    if isinstance(value, bool | np.bool_):
        return int(value)
    if isinstance(value, int | np.integer):
        exact = int(value)
        return exact if abs(exact) <= _MAX_EXACT else str(exact)
    number = float(value)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return number


def _listed(image: NDArray[Any]) -> list[Any]:
    if image.dtype.kind == "u" and image.dtype.itemsize <= 4:
        listed: list[Any] = image.tolist()
        return listed
    if image.ndim:
        return [_listed(part) for part in image]
    return plain(image[()])  # type: ignore[return-value]


def _mean(image: NDArray[Any]) -> float:
    with np.errstate(all="ignore"):
        return float(image.mean(dtype=np.float64))
