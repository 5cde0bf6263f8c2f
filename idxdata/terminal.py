"""Pictures, bars and numbers in a terminal, of characters.

rich and NumPy are imported where they are used.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.style import Style
    from rich.text import Text

_EIGHTHS = " ▏▎▍▌▋▊▉█"


def picture(
    image: "NDArray[np.uint8]", *, has_colour: bool = True, max_width: int = 56
) -> "Text":
    """An image (h, w), 0 black, or (h, w, 3) RGB, as lines of half blocks.

    Two rows of pixels a line. With `has_colour` each half has its pixel's grey or
    colour; without, it is filled where the pixel is above half of the brightest. An
    image wider than `max_width` is made smaller by a whole factor: means of squares of
    pixels.
    """
    import numpy as np

    pixels = _reduced(image, -(-image.shape[1] // max_width))
    if len(pixels) % 2:
        pixels = np.vstack([pixels, np.zeros_like(pixels[:1])])
    return _coloured(pixels) if has_colour else _plain(pixels)


def bar(share: float, width: int) -> str:
    """`share`, 0 to 1, of `width` characters, filled to an eighth of one."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(width)


def percent(share: float, *, digits: int = 1) -> str:
    """Such as " 97.3 %", 6 + digits characters; nothing less than all is 100 %."""
    below_all = 1 - 10.0 ** -(digits + 2)
    rounded = min(share, below_all) if share < 1 else share
    return f"{rounded:{5 + digits}.{digits}%}".replace("%", " %")


def duration(seconds: float) -> str:
    """Such as "0.42 s", "12.3 s", "3 min 05 s", "2 h 07 min"."""
    if seconds < 0.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def top(values: Sequence[float], count: int) -> list[int]:
    """Places of the largest values, largest first; of equal ones the first."""
    return sorted(range(len(values)), key=lambda place: -values[place])[:count]


def _reduced(image: "NDArray[np.uint8]", factor: int) -> "NDArray[np.uint8]":
    if factor <= 1:
        return image
    import numpy as np

    height, width = (max(1, length // factor) for length in image.shape[:2])
    tall, wide = min(factor, image.shape[0]), min(factor, image.shape[1])
    whole = image[: height * tall, : width * wide]
    squares = whole.reshape(height, tall, width, wide, *image.shape[2:])
    means: NDArray[np.float64] = squares.mean(axis=(1, 3))
    return means.round().astype(np.uint8)


def _coloured(pixels: "NDArray[np.uint8]") -> "Text":
    from rich.text import Text

    text = Text()
    for number in range(0, len(pixels), 2):
        if number:
            text.append("\n")
        for above, below in zip(pixels[number], pixels[number + 1], strict=True):
            text.append("▀", _style(above, below))
    return text


def _style(above: Any, below: Any) -> "Style":
    from rich.style import Style

    return Style(color=_colour(above), bgcolor=_colour(below))


def _colour(pixel: Any) -> str:
    red, green, blue = map(int, pixel if pixel.ndim else (pixel,) * 3)
    return f"rgb({red},{green},{blue})"


def _plain(pixels: "NDArray[np.uint8]") -> "Text":
    from rich.text import Text

    grey = pixels.astype(int) if pixels.ndim == 2 else pixels.astype(int).mean(axis=2)
    filled = (grey * 2 > grey.max()).astype(int)
    lines = (
        "".join(" ▄▀█"[2 * above + below] for above, below in zip(*pair, strict=True))
        for pair in zip(filled[::2], filled[1::2], strict=True)
    )
    return Text("\n".join(lines))
