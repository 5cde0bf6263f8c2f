"""Examples of any dtype as bytes to be seen, and many of them in one picture."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_CELL_PX = 96
"""Longer sides are thinned to this at most where examples stand side by side."""

_SHEET_PX = 512
_MIN_COLUMNS, _MAX_COLUMNS = 4, 16


def as_bytes(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Examples (k, h, w[, 3]) as uint8 of the same shape, for the eye.

    uint8 stays as it is (no copy); booleans become 0 and 255. Of every other dtype each
    example is stretched, its least finite value to 0 and its largest to 255; one of a
    single value, and what is not finite, is 0.
    """
    if images.dtype == np.uint8:
        return images
    if images.dtype == np.bool_:
        return images.astype(np.uint8) * np.uint8(255)
    # Halved, so that the widest range of float64 does not overflow.
    values = images.astype(np.float64) / 2
    finite = np.isfinite(values)
    axes = tuple(range(1, values.ndim))
    low = values.min(axis=axes, where=finite, initial=np.inf, keepdims=True)
    high = values.max(axis=axes, where=finite, initial=-np.inf, keepdims=True)
    is_flat = ~(high > low)
    low = np.where(is_flat, 0, low)
    span = np.where(is_flat, 1, high - low)
    share = (np.where(finite & ~is_flat, values, low) - low) / span
    out: NDArray[np.uint8] = np.rint(share * 255).astype(np.uint8)
    return out


def thinning(height: int, width: int) -> int:
    """Every how many pixels of an example one is shown in a cell: 1 for small ones."""
    return max(1, math.ceil(max(height, width) / MAX_CELL_PX))


def cell_size(height: int, width: int) -> tuple[int, int]:
    """(height, width) of an example's cell, in pixels."""
    step = thinning(height, width)
    return math.ceil(height / step), math.ceil(width / step)


def sheet_columns(height: int, width: int) -> int:
    """How many cells a sheet has in a row; it has as many rows, if it is full."""
    fitting = _SHEET_PX // max(cell_size(height, width))
    return min(max(fitting, _MIN_COLUMNS), _MAX_COLUMNS)


def sheet(images: NDArray[Any], columns: int) -> NDArray[np.uint8]:
    """Examples (k, h, w[, 3]) row by row as one picture; k from 1 to `columns`².

    uint8 (rows * cell height, columns * cell width[, 3]), 0 where cells are left over.
    """
    count, height, width, *channels = images.shape
    step = thinning(height, width)
    if images.dtype == np.uint8:
        cells = images[:, ::step, ::step]
    else:
        # The whole example says how it is stretched, not only what is left of it.
        cells = as_bytes(images)[:, ::step, ::step]
    cell_height, cell_width = cells.shape[1:3]
    rows = math.ceil(count / columns)
    out = np.zeros((rows * columns, cell_height, cell_width, *channels), np.uint8)
    out[:count] = cells
    grid = out.reshape(rows, columns, cell_height, cell_width, *channels)
    # (row, column, y, x) to (row, y, column, x)
    return grid.swapaxes(1, 2).reshape(
        rows * cell_height, columns * cell_width, *channels
    )
