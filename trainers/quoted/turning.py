"""Images turned about their middle, and lists of such turns in recipes."""

import math

import numpy as np
from numpy.typing import NDArray

from trainers.errors import QuotedError
from trainers.quoted.warping import ONE, Map, warped

_MOST = 90.0


def turned(images: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """uint8 (n, height, width), clockwise as one sees it (rows go down). New memory.

    As `warping` reads places; what comes in is 0.
    """
    cosine = round(ONE * math.cos(math.radians(degrees)))
    sine = round(ONE * math.sin(math.radians(degrees)))

    def turn(some: NDArray[np.uint8]) -> Map:
        height, width = some.shape[1:]
        one = np.ones(len(some), np.int64)
        return Map(
            cx=one * ((width - 1) * ONE // 2),
            cy=one * ((height - 1) * ONE // 2),
            across=one * cosine,
            slant=one * sine,
            down=one * cosine,
            tilt=one * -sine,
        )

    return warped(images, turn)


def checked_turns(value: object) -> tuple[float, ...]:
    """Degrees of each, of a list of numbers from -90 to 90; else `QuotedError`."""
    if not isinstance(value, list) or not all(
        type(one) in (int, float) and -_MOST <= one <= _MOST for one in value
    ):
        raise QuotedError("no turns", expected="degrees, -90 to 90", found=repr(value))
    return tuple(map(float, value))
