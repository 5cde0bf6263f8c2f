"""Two contenders side by side, round by round."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.stats import PairedRatio, bootstrap_ratio
from benchmarks.verdict.contender import Contender
from benchmarks.verdict.disagreement import Disagreement, disagree
from benchmarks.verdict.rows import Row
from benchmarks.verdict.speed import epoch_s

FIRST_STEPS = 20


@dataclass(frozen=True, slots=True)
class LossDifference:
    """Relative differences of the two losses at one step: the largest over rounds.

    `first`: at step 1; `early`: at any of the first `FIRST_STEPS`; `last`: of the last
    epoch's mean.
    """

    first: float
    early: float
    last: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """`ratio`: b's time per epoch over a's, of each round that both ended.

    `quiet`: of those rounds alone in which neither was disturbed; None if all are, or
    none is. `noisy`: the others' numbers.
    """

    a: str
    b: str
    ratio: PairedRatio
    quiet: PairedRatio | None
    rounds: tuple[int, ...]
    noisy: tuple[int, ...]
    losses: LossDifference
    disagreement: Disagreement


def compare(a: Contender, b: Contender) -> Comparison | None:
    """None where no round was ended by both."""
    pairs = paired_rows(a.rows, b.rows)
    if not pairs:
        return None
    calm = [(x, y) for x, y in pairs if not (x.is_noisy or y.is_noisy)]
    return Comparison(
        a=a.name,
        b=b.name,
        ratio=time_ratio(pairs),
        quiet=time_ratio(calm) if 0 < len(calm) < len(pairs) else None,
        rounds=tuple(x.round for x, _ in pairs),
        noisy=tuple(x.round for x, y in pairs if x.is_noisy or y.is_noisy),
        losses=_loss_difference(pairs),
        disagreement=disagree(pairs),
    )


def paired_rows(a: Sequence[Row], b: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Rows with records of the same round of the same session, in order of rounds."""
    theirs = {row.place: row for row in b if row.record is not None}
    ours = {row.place: row for row in a if row.record is not None}
    return [(ours[place], theirs[place]) for place in sorted(ours) if place in theirs]


def time_ratio(pairs: Sequence[tuple[Row, Row]]) -> PairedRatio:
    """The second ones' time per epoch over the first ones'."""
    times = [
        (epoch_s(a.record), epoch_s(b.record))
        for a, b in pairs
        if a.record is not None and b.record is not None
    ]
    return bootstrap_ratio([a for a, _ in times], [b for _, b in times])


def relative_difference(x: float, y: float) -> float:
    """To the larger one; 0 for two zeros."""
    return abs(x - y) / max(abs(x), abs(y), 1e-30)


def _loss_difference(pairs: Sequence[tuple[Row, Row]]) -> LossDifference:
    early: list[list[float]] = []
    last: list[float] = []
    for row_a, row_b in pairs:
        a, b = row_a.record, row_b.record
        assert a is not None and b is not None  # for the type checker
        steps = zip(a.losses[:FIRST_STEPS], b.losses[:FIRST_STEPS], strict=False)
        early.append([relative_difference(x, y) for x, y in steps])
        last.append(relative_difference(a.epochs[-1].mean_loss, b.epochs[-1].mean_loss))
    return LossDifference(
        first=max((some[0] for some in early if some), default=0.0),
        early=max((max(some) for some in early if some), default=0.0),
        last=max(last),
    )
