"""Accuracy with time and over seeds, and what is taken for what."""

import statistics
from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, NullLocator

from benchmarks.report.drawing import (
    INK,
    WRONG,
    Chart,
    Look,
    clipped,
    finish,
    panel,
    slug,
)
from benchmarks.verdict.contender import Contender
from benchmarks.verdict.group import Group
from benchmarks.verdict.rows import Record

MAX_NUMBERED_CLASSES = 26
_ACCURACIES = (0, 50, 80, 90, 95, 97, 98, 98.5, 99, 99.5, 99.8, 99.9)


def time_chart(group: Group, looks: Mapping[str, Look]) -> Chart:
    """Test accuracy after so many seconds of training, each run and their medians."""
    figure, axes = panel()
    errors: list[float] = []
    for one in group.contenders:
        look = looks[one.name]
        runs = [_curve(record) for record in one.records]
        for times, wrong in runs:
            axes.plot(times, wrong, color=look.colour, alpha=0.15, lw=0.8)
            errors += wrong
        times, wrong = _middle(runs)
        axes.plot(
            times, wrong, color=look.colour, ls=look.dash, marker=look.marker, ms=4,
            lw=1.6, label=one.name,
        )  # fmt: skip
    if group.target is not None:
        axes.axhline(100 * (1 - group.target), color=INK, lw=0.9, ls=(0, (2, 2)))
    _accuracy_axis(axes, errors)
    axes.set(xlabel="seconds of training", ylabel="test accuracy %", xlim=(0, None))
    axes.grid()
    finish(axes, "Accuracy with time")
    return Chart(
        f"accuracy-{slug(group.name)}",
        f"{group.name}: test accuracy by seconds of training; the dashed line is the "
        "target that all runs reached",
        figure,
    )


def _curve(record: Record) -> tuple[list[float], list[float]]:
    times = list(accumulate(epoch.total_s for epoch in record.epochs))
    return times, [max(1e-2, 100 * (1 - e.test_accuracy)) for e in record.epochs]


def _middle(
    runs: Sequence[tuple[list[float], list[float]]],
) -> tuple[list[float], list[float]]:
    most = max(len(times) for times, _ in runs)
    full = [run for run in runs if len(run[0]) == most]
    return (
        [statistics.median(times[i] for times, _ in full) for i in range(most)],
        [statistics.median(wrong[i] for _, wrong in full) for i in range(most)],
    )


def _accuracy_axis(axes: Axes, errors: Sequence[float]) -> None:
    """Logarithmic in errors, as from 98 to 99 is half of them; told in accuracies."""
    low, high = min(errors) / 1.25, min(100, max(errors) * 1.25)
    axes.set_yscale("log")
    axes.set_ylim(high, low)
    ticks = [accuracy for accuracy in _ACCURACIES if low <= 100 - accuracy <= high]
    if len(ticks) < 2:
        ticks = [round(100 - value, 2) for value in np.geomspace(low, high, 4)]
    axes.yaxis.set_major_locator(FixedLocator([100 - tick for tick in ticks]))
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 - value:g}")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())


def seeds_chart(group: Group, looks: Mapping[str, Look]) -> Chart:
    """Each seed's last accuracy, their mean and interval."""
    some = group.contenders
    figure, axes = panel(height=1.15 + 0.42 * len(some))
    for place, one in enumerate(some):
        colour = looks[one.name].colour
        accuracy = one.quality.accuracy
        if len(accuracy.values) > 1:
            axes.plot(
                [100 * accuracy.low, 100 * accuracy.high], [place, place],
                color=colour, lw=7, alpha=0.35, solid_capstyle="butt",
            )  # fmt: skip
        values = [100 * value for value in accuracy.values]
        axes.plot(values, [place] * len(values), "o", ms=5, color=colour, alpha=0.7)
        mean = 100 * accuracy.mean
        axes.plot([mean, mean], [place - 0.28, place + 0.28], color=INK, lw=1.6)
    axes.set_yticks(range(len(some)), [clipped(one.name) for one in some])
    axes.set_ylim(len(some) - 0.45, -0.55)
    axes.set_xlabel("test accuracy %; a dot a seed, the bar a 95 % interval")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.ticklabel_format(axis="x", useOffset=False)
    axes.grid(axis="x")
    finish(axes, "Accuracy over seeds")
    return Chart(
        f"seeds-{slug(group.name)}",
        f"{group.name}: final test accuracy of each seed with mean and 95 % interval",
        figure,
    )


def confusion_charts(group: Group, classes: Sequence[str]) -> list[Chart]:
    """One a contender, summed over seeds; the same shade is the same count in all."""
    matrices = [np.array(one.quality.confusion) for one in group.contenders]
    mistakes = [matrix - np.diag(matrix.diagonal()) for matrix in matrices]
    most = max(1, max(int(one.max()) for one in mistakes))
    return [
        _confusion_chart(group, one, matrix, classes, most)
        for one, matrix in zip(group.contenders, matrices, strict=True)
    ]


def _confusion_chart(
    group: Group,
    one: Contender,
    matrix: "np.ndarray[tuple[int, int], np.dtype[np.int64]]",
    classes: Sequence[str],
    most: int,
) -> Chart:
    figure, axes = panel(width=4.2, height=4.0)
    count = len(classes)
    is_numbered = count <= MAX_NUMBERED_CLASSES
    for true, said in np.argwhere(matrix):
        number = int(matrix[true, said])
        if true != said:
            shade = 0.12 + 0.88 * number / most
            corner = (said - 0.5, true - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, color=WRONG, alpha=shade, lw=0))
        if is_numbered:
            axes.text(
                said, true, f"{number}", ha="center", va="center",
                fontsize=min(7.5, 90 / count), alpha=0.55 if true == said else 1,
            )  # fmt: skip
    axes.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5), aspect="equal")
    axes.set(xlabel="answer", ylabel="true class")
    if is_numbered:
        names = [clipped(name, length=12) for name in classes]
        crowded = max(map(len, names)) > 2
        axes.set_xticks(range(count), names, rotation=60 if crowded else 0)
        axes.set_yticks(range(count), names)
    axes.tick_params(length=0)
    finish(axes, one.name)
    return Chart(
        f"confusion-{slug(group.name)}-{slug(one.name)}",
        f"{group.name}, {one.name}: examples of each true class by answer, all seeds "
        "summed; shaded where wrong",
        figure,
    )
