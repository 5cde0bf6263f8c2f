"""A dict of columns, examples of a batch, as `Batches` would deliver them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.formats import BatchFormat
from idxdata.gathering import gather_all
from idxdata.split import Split

Columns = Mapping[str, NDArray[Any]]


def converted_batch(
    batch: Columns, form: BatchFormat, image: str, label: str
) -> dict[str, NDArray[Any]]:
    """`batch` with columns `image` and, if there is one, `label` in the format.

    These are fresh arrays, 64-byte aligned; other columns are handed on. Raises what
    `Gatherer` does.
    """
    images = batch[image]
    count = len(images)
    labels = batch.get(label, np.zeros(count, np.uint8))
    if not count:
        # A split has examples: those of one of zeros tell dtypes and shapes.
        images = np.zeros((1, *images.shape[1:]), images.dtype)
        labels = np.zeros(1, labels.dtype)
    pixels, numbers = gather_all(Split(images, labels), form)
    made = {image: pixels[:count], label: numbers[:count]}
    return {name: made.get(name, column) for name, column in batch.items()}
