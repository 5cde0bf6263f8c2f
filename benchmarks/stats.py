"""Medians, spreads and paired ratios. Pure functions of lists of numbers."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

# Student's t, two-sided 95 %, by degrees of freedom (1, 2, ...); more have less.
_T95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spread:
    """Median with the least and the largest value."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class PairedRatio:
    """How many times larger b is than a, from pairs measured side by side.

    `ratio` is the geometric mean of b / a; `low` and `high` bound its 95 %
    confidence interval (Student's t on the logarithms), and are infinitely far
    apart for a single pair. `ratios` has each pair's.
    """

    ratio: float
    low: float
    high: float
    ratios: tuple[float, ...]

    @property
    def is_decided(self) -> bool:
        """Whether the interval leaves out 1."""
        return self.low > 1 or self.high < 1

    @property
    def inverse(self) -> "PairedRatio":
        """How many times larger a is than b. Not for a single pair."""
        return PairedRatio(
            1 / self.ratio,
            1 / self.high,
            1 / self.low,
            tuple(1 / r for r in self.ratios),
        )


def paired_ratio(a: Sequence[float], b: Sequence[float]) -> PairedRatio:
    """Of two lists of positive values of the same length, at least one."""
    ratios = tuple(y / x for x, y in zip(a, b, strict=True))
    logs = [math.log(ratio) for ratio in ratios]
    mean = statistics.fmean(logs)
    if len(logs) == 1:
        return PairedRatio(math.exp(mean), 0.0, math.inf, ratios)
    degrees = len(logs) - 1
    t = _T95[min(degrees, len(_T95)) - 1]
    margin = t * statistics.stdev(logs) / math.sqrt(len(logs))
    return PairedRatio(
        math.exp(mean), math.exp(mean - margin), math.exp(mean + margin), ratios
    )
