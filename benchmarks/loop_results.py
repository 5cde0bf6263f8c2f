"""Rows of the loop benchmark to speeds, ratios and verdicts. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.child import Row
from benchmarks.loop_contenders import BY_HAND, OURS
from benchmarks.stats import PairedRatio, paired_ratio

MOST_TIMES = 1.03
"""How much longer than the loop written by hand ours may take for a step."""

WITHIN, SLOWER, UNDECIDED, FAILED = "within 3 %", "slower", "undecided", "failed"


@dataclass(frozen=True, slots=True)
class Speed:
    """One contender: steps/s of each round; `error` says why there are no more."""

    steps_per_s: tuple[float, ...] = ()
    first_step_s: float | None = None
    error: str = ""

    @property
    def median(self) -> float | None:
        """Steps/s; None if it failed."""
        return None if self.error else median(self.steps_per_s)

    @property
    def step_ms(self) -> float | None:
        """Milliseconds a step, by the median; None if it failed."""
        return None if self.median is None else 1e3 / self.median


@dataclass(frozen=True, slots=True)
class Outcome:
    """A recipe by a loop: both contenders, measured in turn in one process."""

    recipe: str
    loop: str
    ours: Speed
    by_hand: Speed

    @property
    def ratio(self) -> PairedRatio | None:
        """Time a step of ours over that by hand, paired by round; None if one failed."""
        if self.ours.error or self.by_hand.error:
            return None
        return paired_ratio(self.ours.steps_per_s, self.by_hand.steps_per_s)

    @property
    def verdict(self) -> str:
        """Where the ratio's whole 95 % interval lies, below `MOST_TIMES` or above."""
        if self.ratio is None:
            return FAILED
        if self.ratio.high <= MOST_TIMES:
            return WITHIN
        return SLOWER if self.ratio.low > MOST_TIMES else UNDECIDED


def parse_row(row: Row) -> Outcome:
    """Raises KeyError if `row` is none of the loop benchmark's."""
    case = row["case"]
    if "error" in row:
        failed = Speed(error=row["error"])
        return Outcome(case["recipe"], case["loop"], failed, failed)
    sides = row["record"]["sides"]
    speeds = {
        name: Speed(tuple(side["steps_per_s"]), side["first_step_s"], side["error"])
        for name, side in sides.items()
    }
    return Outcome(case["recipe"], case["loop"], speeds[OURS], speeds[BY_HAND])


def recipes_of(outcomes: Iterable[Outcome]) -> list[str]:
    """Each once, in order."""
    return list(dict.fromkeys(outcome.recipe for outcome in outcomes))


def loops_of(outcomes: Iterable[Outcome]) -> list[str]:
    """Each once, in order."""
    return list(dict.fromkeys(outcome.loop for outcome in outcomes))


def find(outcomes: Sequence[Outcome], recipe: str, loop: str) -> Outcome | None:
    """The one of that recipe and loop, None if there is none."""
    for outcome in outcomes:
        if (outcome.recipe, outcome.loop) == (recipe, loop):
            return outcome
    return None


def tally(outcomes: Iterable[Outcome]) -> str:
    """How many of each verdict, as a sentence."""
    counts: dict[str, int] = {}
    for outcome in outcomes:
        counts[outcome.verdict] = counts.get(outcome.verdict, 0) + 1
    order = (WITHIN, UNDECIDED, SLOWER, FAILED)
    found = ", ".join(f"{counts[word]} {word}" for word in order if word in counts)
    return f"Ours against the loop written by hand: {found}."
