"""A contact sheet: examples side by side on one picture, each with its caption."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from idxdata.atomic import atomic_write
from idxdata.errors import MissingFrameworkError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PICTURES = 10_000
"""On one sheet; at 56 pixels a side that are 40 million pixels."""

_SIDE = 56
_MAX_SIDE = 128
_GAP, _MARGIN = 6, 16
_FONT_SIZE, _TITLE_SIZE, _ROW_SIZE = 11, 16, 14
_PAGE, _INK, _FAINT = (255, 255, 255), (20, 20, 20), (120, 120, 120)


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """An example: `image` uint8 (h, w) or (h, w, 3), and what is written below it."""

    image: NDArray[Any]
    caption: str


def save_sheet(
    path: str, title: str, rows: Sequence[tuple[str, Sequence[Tile]]]
) -> tuple[int, int]:
    """Write a PNG of rows of tiles, each row with a name at its left, or none.

    All images have one shape: small ones are enlarged by a whole factor, large ones
    made smaller. Returns width and height. The file appears whole or not at all, and
    replaces another. Raises `MissingFrameworkError` without Pillow, and what
    `atomic_write` does.
    """
    sheet = _draw(title, rows)
    with atomic_write(path) as file:
        sheet.save(file, format="PNG", optimize=True)
    return sheet.size


def _draw(title: str, rows: Sequence[tuple[str, Sequence[Tile]]]) -> "Image":
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise MissingFrameworkError("pillow", "pictures") from error
    fonts = {
        size: ImageFont.load_default(size)
        for size in (_FONT_SIZE, _TITLE_SIZE, _ROW_SIZE)
    }
    width, height = _scaled_size(rows[0][1][0].image)
    captions = max(
        fonts[_FONT_SIZE].getlength(tile.caption) for _, tiles in rows for tile in tiles
    )
    names = max(fonts[_ROW_SIZE].getlength(name) for name, _ in rows)
    left = _MARGIN + (int(names) + 2 * _GAP if names else 0)
    top = _MARGIN + _TITLE_SIZE + 2 * _GAP
    across = max(width, int(captions) + 1) + _GAP
    down = height + (_FONT_SIZE + _GAP if captions else 0) + _GAP
    num_columns = max(len(tiles) for _, tiles in rows)
    total = left + num_columns * across - _GAP + _MARGIN
    total = max(total, int(fonts[_TITLE_SIZE].getlength(title)) + 2 * _MARGIN)
    sheet = Image.new("RGB", (total, top + len(rows) * down - _GAP + _MARGIN), _PAGE)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN), title, _INK, fonts[_TITLE_SIZE], "lt")
    for number, (name, tiles) in enumerate(rows):
        y = top + number * down
        draw.text((_MARGIN, y + height // 2), name, _INK, fonts[_ROW_SIZE], "lm")
        for column, tile in enumerate(tiles):
            x = left + column * across
            sheet.paste(_scaled(tile.image, (width, height)), (x, y))
            below = (x, y + height + _GAP // 2)
            draw.text(below, tile.caption, _FAINT, fonts[_FONT_SIZE], "lt")
    return sheet


def _scaled_size(image: NDArray[Any]) -> tuple[int, int]:
    """Width and height on the sheet: a whole multiple, or shrunk to the largest side."""
    height, width = image.shape[:2]
    longest = max(height, width)
    if longest <= _MAX_SIDE:
        factor = max(1, _SIDE // longest)
        return width * factor, height * factor
    share = _MAX_SIDE / longest
    return max(1, round(width * share)), max(1, round(height * share))


def _scaled(image: NDArray[Any], size: tuple[int, int]) -> "Image":
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(image))
    is_larger = size[0] >= picture.width
    how = Image.Resampling.NEAREST if is_larger else Image.Resampling.BOX
    return picture.resize(size, how)
