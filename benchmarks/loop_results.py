"""Rows of the loop benchmark to speeds, ratios and verdicts. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
    """A recipe by a loop: its contenders, measured in turn in one process.

    `others`: those beside ours and the one by hand, by name, for information.
    `num_steps`: of a round; None if nothing ran.
    """

    recipe: str
    loop: str
    ours: Speed
    by_hand: Speed
    others: Mapping[str, Speed] = field(default_factory=dict)
    num_steps: int | None = None

    @property
    def ratio(self) -> PairedRatio | None:
        """Time a step of ours over that by hand, paired by round; None if one failed."""
        return self.ratio_of(self.ours)

    def ratio_of(self, speed: Speed) -> PairedRatio | None:
        """As `ratio`, of another contender of the same rounds."""
        if speed.error or self.by_hand.error:
            return None
        return paired_ratio(speed.steps_per_s, self.by_hand.steps_per_s)

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
    ours, by_hand = speeds.pop(OURS), speeds.pop(BY_HAND)
    return Outcome(
        case["recipe"],
        case["loop"],
        ours,
        by_hand,
        speeds,
        row["record"]["steps_per_round"],
    )


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
