"""What two samples say of each other that were not taken side by side. Pure."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.stats import MIN_PAIRS, expanded_tail

MIN_ROUNDS = MIN_PAIRS
"""Fewer of either sample give no interval."""

_RESAMPLES = 10_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class UnpairedRatio:
    """How many times larger the median of b is than that of a, with a 95 % interval.

    The interval is 0 to infinity where a or b has fewer than `MIN_ROUNDS` values.
    """

    ratio: float
    low: float
    high: float
    num_a: int
    num_b: int

    @property
    def is_decided(self) -> bool:
        """Whether the interval leaves out 1."""
        return self.low > 1 or self.high < 1

    @property
    def inverse(self) -> "UnpairedRatio":
        """How many times larger the median of a is than that of b."""
        return UnpairedRatio(
            1 / self.ratio,
            1 / self.high,
            1 / self.low if self.low else math.inf,
            self.num_b,
            self.num_a,
        )


@dataclass(frozen=True, slots=True)
class UnpairedDifference:
    """The mean of b minus that of a, with a 95 % interval: infinite as the ratio's."""

    difference: float
    low: float
    high: float
    num_a: int
    num_b: int


def unpaired_ratio(a: Sequence[float], b: Sequence[float]) -> UnpairedRatio:
    """Of two samples of positive finite numbers, at least one each.

    The expanded percentile interval of Hesterberg, "What Teachers Should Know About the
    Bootstrap", 2015, section 5.3, of the logarithm of the ratio, as far out as the
    smaller sample asks for. The order of values does not matter, the same values always
    give the same interval, and exchanged samples give the inverse.
    """
    ratio = statistics.median(b) / statistics.median(a)
    low, high = _interval(
        np.sort(np.asarray(a, float)), np.sort(np.asarray(b, float)), _log_medians
    )
    return UnpairedRatio(ratio, math.exp(low), math.exp(high), len(a), len(b))


def unpaired_difference(a: Sequence[float], b: Sequence[float]) -> UnpairedDifference:
    """As `unpaired_ratio`, of the means of any finite numbers."""
    difference = statistics.fmean(b) - statistics.fmean(a)
    low, high = _interval(
        np.sort(np.asarray(a, float)), np.sort(np.asarray(b, float)), _means
    )
    return UnpairedDifference(difference, low, high, len(a), len(b))


def _interval(
    a: Floats, b: Floats, resampled: Callable[[Floats, int], Floats]
) -> tuple[float, float]:
    """Of sorted samples: `resampled(values, stream)` is a statistic of each resample."""
    smaller = min(len(a), len(b))
    if smaller < MIN_ROUNDS:
        return -math.inf, math.inf
    if len(a) == len(b):
        # Two streams, so that the samples are drawn independently, and each of them for
        # both, so that exchanging the samples changes nothing but the sign.
        differences = np.concatenate(
            [resampled(b, 0) - resampled(a, 1), resampled(b, 1) - resampled(a, 0)]
        )
    else:
        differences = resampled(b, 0) - resampled(a, 0)
    tail = expanded_tail(smaller)
    low, high = np.quantile(differences, (tail, 1 - tail))
    return float(low), float(high)


def _log_medians(values: Floats, stream: int) -> Floats:
    picks = _picks(len(values), stream)
    below, above = picks[:, (len(values) - 1) // 2], picks[:, len(values) // 2]
    medians: Floats = np.log((values[below] + values[above]) / 2)
    return medians


def _means(values: Floats, stream: int) -> Floats:
    means: Floats = values[_picks(len(values), stream)].mean(axis=1)
    return means


@lru_cache(maxsize=8)
def _picks(count: int, stream: int) -> NDArray[np.intp]:
    """Places of resamples (_RESAMPLES, count), sorted: another stream for each count."""
    random = np.random.default_rng((count, stream))
    picks = np.sort(random.integers(0, count, (_RESAMPLES, count)), axis=1)
    picks.flags.writeable = False
    return picks
