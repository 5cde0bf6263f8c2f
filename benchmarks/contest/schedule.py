"""How many rounds: until intervals are narrow, or time is up. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import geometric_mean

from benchmarks.stats import MIN_PAIRS, bootstrap_ratio


@dataclass(frozen=True, slots=True)
class Rule:
    """When a group has been measured enough.

    `rounds`: so many more, if there is time; None lets the intervals decide: at least
    `MIN_PAIRS` rounds, or as many more if there were so many before; then on until
    every contender's ratio to the fastest one is known to within `width` (0.02: by a
    factor of 1.02 either way), or `limit_s` seconds have passed since the run began.
    Only widths are looked at, never on which side of 1 an interval lies: stopping at
    the first interval that leaves out 1 would find a winner among equals.
    """

    rounds: int | None = None
    width: float = 0.02
    limit_s: float = math.inf

    def wants_more(
        self, num_before: int, num_now: int, times: Mapping[str, Sequence[float]]
    ) -> bool:
        """Whether another round is wanted, time aside.

        `num_before`: rounds of earlier runs, `num_now`: of this one. `times`: by
        contender, the time an epoch of each round that all of them ended.
        """
        if self.rounds is not None:
            return num_now < self.rounds
        missing = max(MIN_PAIRS - num_before, 0) or MIN_PAIRS
        return num_now < missing or half_width(times) > math.log1p(self.width)

    def has_time(self, elapsed_s: float, round_s: float) -> bool:
        """Whether a round that takes `round_s` would end in time."""
        return elapsed_s + round_s <= self.limit_s


def half_width(times: Mapping[str, Sequence[float]]) -> float:
    """The widest interval's half, in logarithms; 0 without anything to compare."""
    if len(times) < 2:
        return 0.0
    if not all(times.values()):
        return math.inf
    fastest, *others = sorted(times.values(), key=geometric_mean)
    widths = []
    for other in others:
        ratio = bootstrap_ratio(fastest, other)
        if not ratio.low:
            return math.inf
        widths.append(math.log(ratio.high / ratio.low) / 2)
    return max(widths)
