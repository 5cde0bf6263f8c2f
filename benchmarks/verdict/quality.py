"""What a contender learned: accuracy over seeds, by class, and in how much time."""

import importlib
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.stats import Spread, spread
from benchmarks.verdict.rows import Record, Row

TARGETS = (0.5, 0.8, 0.9, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995)
"""Test accuracies of which the highest that every run reached is the target."""


@dataclass(frozen=True, slots=True)
class Mean:
    """With Student's 95 % interval, infinitely wide for one value, and the deviation
    of the values."""

    mean: float
    low: float
    high: float
    deviation: float
    values: tuple[float, ...]

    @property
    def leaves_out_zero(self) -> bool:
        """Whether 0 is not in the interval."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class ClassQuality:
    """Of one class, on the test split: means over runs."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Quality:
    """On the test split, with the last weights; spreads over runs, shares in [0, 1].

    `confusion[t][p]` is summed over runs. `target_s` is the training time, evaluation
    and warm-up apart, to the end of the first epoch at the group's target, which
    `target_epochs` counts; None without a target.
    """

    accuracy: Mean
    precision: Spread
    recall: Spread
    f1: Spread
    log_loss: Spread
    calibration_error: Spread
    classes: tuple[ClassQuality, ...]
    confusion: tuple[tuple[int, ...], ...]
    target_s: Spread | None
    target_epochs: Spread | None


def measure_quality(rows: Sequence[Row], target: float | None) -> Quality:
    """Of one contender's rows, all with records, at least one."""
    records = [row.record for row in rows if row.record is not None]
    all_metrics = [record.metrics for record in records]
    reached = (
        [time_to(record, target) for record in records] if target is not None else []
    )
    num_classes = len(all_metrics[0].confusion)
    return Quality(
        accuracy=mean_interval([metrics.accuracy for metrics in all_metrics]),
        precision=spread([metrics.macro_precision for metrics in all_metrics]),
        recall=spread([metrics.macro_recall for metrics in all_metrics]),
        f1=spread([metrics.macro_f1 for metrics in all_metrics]),
        log_loss=spread([metrics.log_loss for metrics in all_metrics]),
        calibration_error=spread([m.calibration_error for m in all_metrics]),
        classes=tuple(
            ClassQuality(
                statistics.fmean(metrics.precision[index] for metrics in all_metrics),
                statistics.fmean(metrics.recall[index] for metrics in all_metrics),
                statistics.fmean(metrics.f1[index] for metrics in all_metrics),
            )
            for index in range(num_classes)
        ),
        confusion=tuple(
            tuple(map(sum, zip(*lines, strict=True)))
            for lines in zip(
                *(metrics.confusion for metrics in all_metrics), strict=True
            )
        ),
        target_s=spread([at[0] for at in reached if at])
        if all(reached or [0])
        else None,
        target_epochs=spread([at[1] for at in reached if at])
        if all(reached or [0])
        else None,
    )


def common_target(rows: Sequence[Row]) -> float | None:
    """The highest of `TARGETS` that each of these runs reached; None if there is none."""
    best = [
        max(epoch.test_accuracy for epoch in row.record.epochs)
        for row in rows
        if row.record is not None
    ]
    reached = [target for target in TARGETS if best and min(best) >= target]
    return max(reached, default=None)


def time_to(record: Record, target: float) -> tuple[float, int] | None:
    """Seconds of training and epochs until `target`; None if it was not reached."""
    passed = 0.0
    for number, epoch in enumerate(record.epochs, 1):
        passed += epoch.total_s
        if epoch.test_accuracy >= target:
            return passed, number
    return None


def mean_interval(values: Sequence[float]) -> Mean:
    """Of at least one value."""
    mean = statistics.fmean(values)
    if len(values) == 1:
        return Mean(mean, -math.inf, math.inf, 0.0, tuple(values))
    deviation = statistics.stdev(values)
    margin = _t95(len(values) - 1) * deviation / math.sqrt(len(values))
    return Mean(mean, mean - margin, mean + margin, deviation, tuple(values))


def _t95(degrees: int) -> float:
    """Two-sided; SciPy comes with scikit-learn, which made the metrics."""
    special: Any = importlib.import_module("scipy.special")
    return float(special.stdtrit(degrees, 0.975))
