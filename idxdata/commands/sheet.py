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

MAX_PICTURES = 30_000
MAX_PIXELS = 100_000_000
"""Of a sheet, which takes three bytes each while it is made."""

_SIDE = 56
_MAX_SIDE = 128
_GAP, _MARGIN = 6, 16
_FONT_SIZES = 11, 14, 16
"""Of captions, of rows' names, of the title."""

_PAGE, _INK, _FAINT = (255, 255, 255), (20, 20, 20), (120, 120, 120)


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """An example: `image` uint8 (h, w) or (h, w, 3), and what is written below it."""

    image: NDArray[Any]
    caption: str


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things are on the sheet, in pixels: tiles at multiples of `step`."""

    tile: tuple[int, int]
    origin: tuple[int, int]
    step: tuple[int, int]
    size: tuple[int, int]


Rows = Sequence[tuple[str, Sequence[Tile]]]
"""Tiles by rows, each with a name at its left, or ""."""


def save_sheet(path: str, title: str, rows: Rows) -> tuple[int, int]:
    """Write a PNG of `rows` of tiles below `title`; returns its width and height.

    All images have one shape: small ones are enlarged by a whole factor, large ones
    made smaller. The file appears whole or not at all, and replaces another. Raises
    `MissingFrameworkError` without Pillow, `ValueError` for more than `MAX_PIXELS`, and
    what `atomic_write` does.
    """
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise MissingFrameworkError("pillow", "pictures") from error
    small, middle, large = map(ImageFont.load_default, _FONT_SIZES)
    captions = max(small.getlength(tile.caption) for _, tiles in rows for tile in tiles)
    names = max(middle.getlength(name) for name, _ in rows)
    layout = _layout(rows, int(captions), int(names), int(large.getlength(title)))
    sheet = Image.new("RGB", layout.size, _PAGE)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN), title, _INK, large, "lt")
    height = layout.tile[1]
    for number, (name, tiles) in enumerate(rows):
        y = layout.origin[1] + number * layout.step[1]
        draw.text((_MARGIN, y + height // 2), name, _INK, middle, "lm")
        for column, tile in enumerate(tiles):
            x = layout.origin[0] + column * layout.step[0]
            sheet.paste(_scaled(tile.image, layout.tile), (x, y))
            draw.text((x, y + height + _GAP // 2), tile.caption, _FAINT, small, "lt")
    with atomic_write(path) as file:
        sheet.save(file, format="PNG", optimize=True)
    return layout.size


def _layout(rows: Rows, captions: int, names: int, title: int) -> _Layout:
    """`captions`, `names`, `title`: the widest of each. Raises `ValueError`."""
    small, _, large = _FONT_SIZES
    width, height = _scaled_size(rows[0][1][0].image)
    left = _MARGIN + (names + 2 * _GAP if names else 0)
    top = _MARGIN + large + 2 * _GAP
    across = max(width, captions + 1) + _GAP
    down = height + small + 2 * _GAP
    right = left + max(len(tiles) for _, tiles in rows) * across - _GAP
    total = max(right, title + _MARGIN) + _MARGIN, top + len(rows) * down + _MARGIN
    if total[0] * total[1] > MAX_PIXELS:
        raise ValueError(
            f"too many pictures for a sheet: it would have {total[0]} x {total[1]} "
            f"pixels; at most {MAX_PIXELS:,} in all: add --count"
        )
    return _Layout((width, height), (left, top), (across, down), total)


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
