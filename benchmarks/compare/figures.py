"""Two contenders' runs as ratios and differences with their intervals. Pure."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.compare.comparability import (
    Comparability,
    Difference,
    check,
    folder_differences,
)
from benchmarks.compare.matching import Match, Matching, match_rows
from benchmarks.compare.runs import Run
from benchmarks.unpaired import (
    UnpairedDifference,
    UnpairedRatio,
    unpaired_difference,
    unpaired_ratio,
)
from benchmarks.verdict.hosts import host_labels, told_apart
from benchmarks.verdict.rows import Row

MAX_LOSS_STEPS = 20


@dataclass(frozen=True, slots=True)
class Figures:
    """B over A, None where it is not known; times in seconds, medians of rounds.

    An epoch's time is a round's median epoch. `accuracy` is the difference of the means
    `accuracy_a` and `accuracy_b`. `loss_difference` is the largest relative one at any
    of the first steps of runs of one seed, None without such.
    """

    epoch_s_a: float
    epoch_s_b: float
    epoch: UnpairedRatio
    import_: UnpairedRatio | None
    first_step: UnpairedRatio | None
    peak_memory: UnpairedRatio | None
    accuracy_a: float
    accuracy_b: float
    accuracy: UnpairedDifference
    loss_difference: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One contender in A and in B; no `figures` where they are refused."""

    match: Match
    comparability: Comparability
    figures: Figures | None


@dataclass(frozen=True, slots=True)
class FolderComparison:
    """All that can be told of two folders; `differences` are of the folders."""

    differences: tuple[Difference, ...]
    matching: Matching
    comparisons: tuple[Comparison, ...]

    @property
    def shown(self) -> list[Comparison]:
        """Those with figures."""
        return [item for item in self.comparisons if item.figures is not None]

    @property
    def refused(self) -> list[Comparison]:
        """Those without."""
        return [item for item in self.comparisons if item.figures is None]


def compare_rows(a: Sequence[Row], b: Sequence[Row]) -> FolderComparison:
    """Of at least one row each; raises `RowError` for a bad row.

    Where a side has rows of several hosts of a cluster, groups of both are named with
    their host: a host is compared with the one of its name, never with several at once.
    """
    a, b = _by_host(a, b)
    matching = match_rows(a, b)
    comparisons = []
    for match in matching.matches:
        comparability = check(match)
        figures = None if comparability.refusals else measure(match)
        comparisons.append(Comparison(match, comparability, figures))
    return FolderComparison(folder_differences(a, b), matching, tuple(comparisons))


def _by_host(a: Sequence[Row], b: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    labels = [host_labels(rows) for rows in (a, b)]
    is_cluster = any(row.host is not None for row in (*a, *b))
    if max(map(len, labels)) < 2 or not is_cluster:
        return list(a), list(b)
    return told_apart(a, labels[0]), told_apart(b, labels[1])


def measure(match: Match) -> Figures:
    """The figures, whether or not they may be shown."""
    a, b = match.a, match.b
    epochs = [[run.epoch_s for run in runs] for runs in (a, b)]
    accuracies = [[run.accuracy for run in runs] for runs in (a, b)]
    return Figures(
        epoch_s_a=statistics.median(epochs[0]),
        epoch_s_b=statistics.median(epochs[1]),
        epoch=unpaired_ratio(epochs[0], epochs[1]),
        import_=_ratio(a, b, lambda run: run.import_s),
        first_step=_ratio(a, b, lambda run: run.first_step_s),
        peak_memory=_ratio(a, b, lambda run: run.peak_rss_bytes),
        accuracy_a=statistics.fmean(accuracies[0]),
        accuracy_b=statistics.fmean(accuracies[1]),
        accuracy=unpaired_difference(accuracies[0], accuracies[1]),
        loss_difference=_loss_difference(a, b),
    )


def _ratio(
    a: Sequence[Run], b: Sequence[Run], figure: Callable[[Run], float | None]
) -> UnpairedRatio | None:
    sides = [
        [value for run in runs if (value := figure(run)) is not None] for runs in (a, b)
    ]
    return unpaired_ratio(sides[0], sides[1]) if all(sides) else None


def _loss_difference(a: Sequence[Run], b: Sequence[Run]) -> float | None:
    return max(
        (
            _relative(x, y)
            for run_a in a
            for run_b in b
            if run_a.seed == run_b.seed
            for x, y in zip(
                run_a.losses[:MAX_LOSS_STEPS],
                run_b.losses[:MAX_LOSS_STEPS],
                strict=False,  # steps that only one has cannot differ
            )
        ),
        default=None,
    )


def _relative(x: float, y: float) -> float:
    """Of two losses; two that are not finite alike are equal."""
    if x == y or (math.isnan(x) and math.isnan(y)):
        return 0.0
    if not (math.isfinite(x) and math.isfinite(y)):
        return math.inf
    return abs(x - y) / max(abs(x), abs(y))
