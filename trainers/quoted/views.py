"""Views of digits: upright, enlarged, or brought to a width, as columns of a committee see
them. Ciresan, Meier and Schmidhuber 2012 (arXiv:1202.2745) bring digits to widths of 10 to
20 pixels; here the spread of the ink counts, the standard deviation of its places.

Each view but "plain" moves the centre of mass to the middle. Sums are exact; what is then
divided and rooted is so in float64, as IEEE 754 has it, and rounded to 2^-16.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.errors import QuotedError
from trainers.quoted.deskewing import moments
from trainers.quoted.warping import ONE, Map, warped

_FURTHEST = 2.0
"""Nothing is made more than so many times as wide or narrow."""


@dataclass(frozen=True, slots=True)
class View:
    """`is_upright`: the slant is taken out. `zoom`: how many times as large it becomes;
    but `across`: the spread of the ink along x afterwards, in pixels, as near as making
    it twice or half as wide comes.
    """

    is_upright: bool = False
    zoom: float = 1.0
    across: float | None = None

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """New uint8 (n, height, width). Raises as `deskewing.moments` does."""
        return warped(images, self._map)

    def _map(self, images: NDArray[np.uint8]) -> Map:
        cx, cy, slant = moments(images)
        if not self.is_upright:
            slant = np.zeros_like(slant)
        down = np.full_like(slant, round(ONE / self.zoom))
        across = down
        if self.across is not None:
            step = _spread(images, self.is_upright) / self.across
            step = np.clip(step, 1 / _FURTHEST, _FURTHEST)
            across = np.rint(step * ONE).astype(np.int64)
        return Map(cx, cy, across, (slant * down) >> 16, down)


VIEWS: dict[str, View | None] = {
    "plain": None,
    "upright": View(is_upright=True),
    "wide": View(across=5.0),
    "enlarged": View(zoom=1.2),
    "upright-wide": View(is_upright=True, across=5.0),
    "upright-enlarged": View(is_upright=True, zoom=1.2),
}
"""By name; "plain" is the images as they are."""


def find_view(name: str) -> View | None:
    """That of `VIEWS`; raises `QuotedError` for another name."""
    if name not in VIEWS:
        raise QuotedError(
            "no view of that name", expected=" or ".join(VIEWS), found=repr(name)
        )
    return VIEWS[name]


def _spread(images: NDArray[np.uint8], is_upright: bool) -> NDArray[np.float64]:
    """Standard deviation of the ink's places along x, pixels (n,); 0 without ink."""
    x, y = np.arange(images.shape[2]), np.arange(images.shape[1])
    pixels = images.astype(np.int64)
    rows, columns = pixels.sum(axis=2), pixels.sum(axis=1)
    ink = np.maximum(rows.sum(axis=1), 1)
    sum_x, sum_y = columns @ x, rows @ y
    # ink^2 times variances and the covariance.
    variance = (ink * (columns @ (x * x)) - sum_x * sum_x).astype(np.float64)
    if is_upright:
        var_y = (ink * (rows @ (y * y)) - sum_y * sum_y).astype(np.float64)
        covariance = (ink * ((pixels @ x) @ y) - sum_x * sum_y).astype(np.float64)
        variance -= covariance**2 / np.maximum(var_y, 1)
    spread: NDArray[np.float64] = np.sqrt(np.maximum(variance, 0)) / ink
    return spread
