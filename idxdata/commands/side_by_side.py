"""Examples side by side in the terminal, each with its caption. Needs rich."""

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from idxdata.commands.captions import caption
from idxdata.commands.choosing import Example
from idxdata.commands.opening import Opened
from idxdata.commands.printing import print_stripped
from idxdata.sharding import Images
from idxdata.terminal import picture

_GAP = 2


def print_pictures(
    console: Console,
    opened: Opened,
    images: Images,
    examples: Sequence[Example],
    *,
    max_width: int,
    is_by_class: bool = False,
) -> None:
    """As many side by side as fit; if `is_by_class`, each class begins a line.

    `images` uint8 (n, h, w) or (n, h, w, 3); wider than `max_width` columns they are
    made smaller.
    """
    width = images.shape[2]
    width = max(1, width // -(-width // max_width))
    per_line = max(1, (console.width + _GAP) // (width + _GAP))
    groups = [list(examples)]
    if is_by_class:
        groups = [list(group) for _, group in groupby(examples, lambda one: one.label)]
    for group in groups:
        for start in range(0, len(group), per_line):
            _print_line(console, opened, images, group[start : start + per_line], width)


def _print_line(
    console: Console,
    opened: Opened,
    images: Images,
    examples: Sequence[Example],
    width: int,
) -> None:
    grid = Table.grid(padding=(0, _GAP, 0, 0))
    for _ in examples:
        grid.add_column(width=width, no_wrap=True)
    has_colour = console.color_system is not None
    grid.add_row(
        *(
            picture(images[one.index], has_colour=has_colour, max_width=width)
            for one in examples
        )
    )
    grid.add_row(
        *(
            Text(caption(opened, one), "dim", overflow="ellipsis", no_wrap=True)
            for one in examples
        )
    )
    if has_colour:
        console.print(grid)
    else:
        print_stripped(console, grid)
