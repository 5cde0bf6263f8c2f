"""Figures of rows as text for a table's cells."""

from collections.abc import Sequence

from benchmarks.data_results import Key, Results
from benchmarks.goals import Verdict
from benchmarks.stats import PairedRatio, spread
from benchmarks.words import format_factor

GOAL_COLUMNS = ("goal", "limit", "measured", "95 % interval", "pairs", "verdict")


def goal_row(verdict: Verdict) -> tuple[str, ...]:
    """One goal with what was measured of it."""
    goal, ratio = verdict.goal, verdict.ratio
    limit = f"{'>=' if goal.at_least else '<='} {goal.limit:g}"
    if ratio is None:
        return (goal.text, limit, "", "", "", verdict.word)
    return (
        goal.text,
        limit,
        _factor(ratio.ratio, goal.limit),
        _interval(ratio, goal.limit),
        str(len(ratio.ratios)),
        verdict.word,
    )


def span(results: Results, key: Key, figure: str, scale: float) -> str:
    """Median (least-most) over rounds; empty if it was not measured."""
    values = list(results.series(key, figure).values())
    if not values:
        return ""
    times = spread([scale * value for value in values])
    return f"{short(times.median)} ({short(times.low)}-{short(times.high)})"


def median(results: Results, key: Key, figure: str, scale: float, digits: int) -> str:
    """Over rounds; empty if it was not measured."""
    values: Sequence[float] = list(results.series(key, figure).values())
    return f"{spread(values).median * scale:.{digits}f}" if values else ""


def ratio_text(ratio: PairedRatio | None) -> str:
    """With its interval where there are several pairs; empty for None."""
    if ratio is None:
        return ""
    if len(ratio.ratios) == 1:
        return f"{ratio.ratio:.2f}"
    return f"{ratio.ratio:.2f} ({ratio.low:.2f}-{ratio.high:.2f})"


def short(value: float) -> str:
    """Three digits that say something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _factor(value: float, limit: float) -> str:
    """Small limits are shares, of which two decimals say little."""
    return f"{value:.3f}" if limit < 0.2 else format_factor(value)


def _interval(ratio: PairedRatio, limit: float) -> str:
    if len(ratio.ratios) == 1:
        return "one pair"
    return f"{_factor(ratio.low, limit)} to {_factor(ratio.high, limit)}"
