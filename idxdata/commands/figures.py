"""Images in numbers: mean and std of pixels, ink, range, those that are blank.

By pieces, so that of a mapped array no more than some MiB are in RAM.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.measures import ink, pieces
from idxdata.sharding import Images

NUM_PASSES = 2
"""How often `pixel_figures` goes through the images."""

_MAX_CHANNELS = 4
_LEVELS = 256


@dataclass(frozen=True, slots=True)
class PixelFigures:
    """Of images (n, ...), at least one.

    `mean`, `std`: one for each channel, of pixels divided by `scale`: 255 of uint8, 1
    of all else. Those of uint8 are exact but for their last rounding; std is that of
    all pixels, not of a sample. `minimum`, `maximum`, and `ink`, an image's mean pixel,
    are as stored: its mean, least and most, with the images that have them.
    `blank`: the images of one value throughout.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    scale: int
    minimum: float
    maximum: float
    ink: float
    least_ink: tuple[float, int]
    most_ink: tuple[float, int]
    blank: NDArray[np.int64]


def num_channels(shape: tuple[int, ...]) -> int:
    """Of images of `shape`: the last of four dims, if it is not too many."""
    return shape[3] if len(shape) == 4 and shape[3] <= _MAX_CHANNELS else 1


def pixel_figures(
    images: Images, *, advance: Callable[[int], object] | None = None
) -> PixelFigures:
    """The figures of `images` (n, ...), n > 0, of integers or floats.

    `advance` is called with the rows just done, `NUM_PASSES` times for each. Raises
    `ValueError` for images without pixels.
    """
    kind = _Levels if images.dtype == np.uint8 else _Moments
    sums: _Levels | _Moments = kind(num_channels(images.shape))
    blank, lows, highs = [], [], []
    for rows, part in pieces(images, advance=advance):
        sums.add(part)
        low, high = part.min(axis=1), part.max(axis=1)
        lows.append(low.min().item())
        highs.append(high.max().item())
        blank.append(np.flatnonzero(low == high) + rows.start)
    inks = ink(images, advance=advance)
    least, most = int(inks.argmin()), int(inks.argmax())
    mean, std = sums.result()
    return PixelFigures(
        mean=mean,
        std=std,
        scale=sums.scale,
        minimum=min(lows),
        maximum=max(highs),
        ink=float(inks.mean()),
        least_ink=(float(inks[least]), least),
        most_ink=(float(inks[most]), most),
        blank=np.concatenate(blank),
    )


class _Levels:
    """How often each grey level is there: sums of them are whole numbers, and exact."""

    scale = 255

    def __init__(self, num_channels: int) -> None:
        self._counts = np.zeros((num_channels, _LEVELS), np.int64)

    def add(self, part: NDArray[Any]) -> None:
        num_channels = len(self._counts)
        for channel in range(num_channels):
            pixels = part.reshape(-1, num_channels)[:, channel]
            self._counts[channel] += np.bincount(pixels, minlength=_LEVELS)

    def result(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        means, stds = [], []
        for counts in self._counts.tolist():
            count = sum(counts)
            total = sum(level * number for level, number in enumerate(counts))
            squares = sum(level**2 * number for level, number in enumerate(counts))
            means.append(total / count / self.scale)
            # Python's integers: the difference of two large numbers loses nothing.
            variance = (count * squares - total**2) / count**2
            stds.append(math.sqrt(variance) / self.scale)
        return tuple(means), tuple(stds)


class _Moments:
    """Means and squared deviations in float64, merged piece by piece (Chan et al.)."""

    scale = 1

    def __init__(self, num_channels: int) -> None:
        self._count = 0
        self._means = np.zeros(num_channels)
        self._squares = np.zeros(num_channels)

    def add(self, part: NDArray[Any]) -> None:
        pixels = part.reshape(-1, len(self._means)).astype(np.float64)
        with np.errstate(all="ignore"):
            means = pixels.mean(axis=0)
            squares = ((pixels - means) ** 2).sum(axis=0)
            count = self._count + len(pixels)
            away = means - self._means
            self._means += away * (len(pixels) / count)
            self._squares += squares + away**2 * (self._count * len(pixels) / count)
        self._count = count

    def result(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        stds = np.sqrt(self._squares / self._count)
        return tuple(self._means.tolist()), tuple(stds.tolist())
