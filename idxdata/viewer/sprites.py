"""Pictures for the page, made when they are asked for: sheets of cells, one example."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.png import encode_png
from idxdata.sharding import Images
from idxdata.viewer.lru import Lru
from idxdata.viewer.orders import Orders, View
from idxdata.viewer.pictures import as_bytes, sheet, sheet_columns

MAX_HELD_NBYTES = 64 << 20


class Sprites:
    """PNG files of the parts' examples; those made last are kept. For any threads."""

    def __init__(self, orders: Mapping[str, Orders]) -> None:
        self._orders = orders
        self._sheets: Lru[bytes] = Lru(MAX_HELD_NBYTES, len)

    def columns(self, part: str) -> int:
        """A part's sheets have this many columns, and as many rows if they are full."""
        height, width = self._orders[part].part.pixels.shape[1:3]
        return sheet_columns(height, width)

    def num_blocks(self, part: str, view: View) -> int:
        """Raises what `Orders.rows` does."""
        return -(-self._orders[part].count(view) // self.columns(part) ** 2)

    def sheet(self, part: str, view: View, block: int) -> bytes:
        """The examples of one block of a view, row by row: `columns`² of its positions.

        `block` from 0 to `num_blocks - 1`. Raises what `Orders.rows` does.
        """
        return self._sheets.get(
            (part, view, block), lambda: self._make(part, view, block)
        )

    def _make(self, part: str, view: View, block: int) -> bytes:
        columns = self.columns(part)
        size = columns * columns
        orders = self._orders[part]
        rows = orders.rows(view, block * size, (block + 1) * size)
        return encode_png(sheet(take(orders.part.pixels, rows), columns))

    def example(self, part: str, row: int) -> bytes:
        """One example as large as it is."""
        pixels = self._orders[part].part.pixels
        return encode_png(
            np.ascontiguousarray(as_bytes(np.asarray(pixels[row : row + 1]))[0])
        )


def take(images: Images, rows: NDArray[Any] | range) -> NDArray[Any]:
    """`images[rows]`: of an array a view where the rows are next to each other."""
    if isinstance(rows, range):
        low, high = min(rows[0], rows[-1]), max(rows[0], rows[-1])
        return np.asarray(images[low : high + 1])[:: rows.step]
    chosen: NDArray[Any] = images[rows]
    return chosen
