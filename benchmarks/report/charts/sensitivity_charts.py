"""Small multiples: time along one axis."""

import math
from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.report.drawing import (
    INK,
    Chart,
    Look,
    clipped,
    finish,
    panel,
    slug,
)
from benchmarks.stats import Spread
from benchmarks.verdict.sensitivity import TUTORIAL, Point, Sensitivity, without_loader


def sensitivity_chart(axis: Sensitivity, looks: Mapping[str, Look]) -> Chart | None:
    """Seconds per epoch by the axis' value; None where nothing gave a result."""
    if not any(point.group.contenders for point in axis.points):
        return None
    draw = {"loader": _loader_chart, "loop": _loop_chart}.get(axis.axis, _line_chart)
    return draw(axis, looks)


def _line_chart(axis: Sensitivity, looks: Mapping[str, Look]) -> Chart:
    figure, axes = panel()
    values: set[float] = set()
    for name in dict.fromkeys(n for p in axis.points for n in p.group.entered):
        look = looks[name]
        times = [
            (float(point.value), found)
            for point in axis.points
            if (found := _epoch_s(point, name)) is not None
        ]
        if not times:
            continue
        x = [value for value, _ in times]
        values.update(x)
        axes.plot(
            x, [time.median for _, time in times], color=look.colour, ls=look.dash,
            marker=look.marker, ms=5, label=name,
        )  # fmt: skip
        axes.vlines(
            x, [t.low for _, t in times], [t.high for _, t in times],
            color=look.colour, lw=1.2,
        )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel=axis.axis_text)
    axes.set_ylabel("seconds per epoch")
    axes.xaxis.set_major_locator(FixedLocator(sorted(values)))
    for which in (axes.xaxis, axes.yaxis):
        which.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(FixedLocator(_nice_ticks(*axes.get_ylim())))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(axis="y")
    finish(axes, f"{axis.recipe} by {axis.axis_text}")
    return _chart(axis, figure)


def _nice_ticks(low: float, high: float) -> list[float]:
    """At least three round numbers from `low` to `high`, if there are as many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for steps in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8), range(10, 100)):
        scale = 0.1 if steps[0] == 10 else 1.0
        found = [scale * step * 10.0**power for power in powers for step in steps]
        ticks = [tick for tick in found if low <= tick <= high]
        if len(ticks) > 2:
            break
    return ticks


def _loop_chart(axis: Sensitivity, looks: Mapping[str, Look]) -> Chart:
    times = {
        one.name: one.speed.epoch_s
        for point in axis.points
        for one in point.group.contenders
    }
    order = sorted(times, key=lambda name: times[name].median)
    figure, axes = panel(height=1.2 + 0.34 * len(order))
    for place, name in enumerate(order):
        _bar(axes, place, times[name], looks[name].colour, height=0.66)
    axes.set_yticks(range(len(order)), list(map(clipped, order)))
    axes.set_ylim(len(order) - 0.45, -0.55)
    axes.set(xlabel="seconds per epoch; line: least to most")
    axes.grid(axis="x")
    finish(axes, f"{axis.recipe} by {axis.axis_text}")
    return _chart(axis, figure)


def _loader_chart(axis: Sensitivity, looks: Mapping[str, Look]) -> Chart:
    num_bars = sum(len(point.group.contenders) for point in axis.points)
    points = sorted(axis.points, key=lambda point: point.value != TUTORIAL)
    figure, axes = panel(height=1.5 + 0.36 * num_bars)
    places, labels = [], []
    place = 0.0
    for point in points:
        fed = "tutorial loaders" if point.value == TUTORIAL else "the same batches"
        axes.text(0, place - 0.62, fed, fontsize=9, fontweight="bold", va="center")
        for one in point.group.contenders:
            colour = looks[one.name].colour
            _bar(axes, place, one.speed.epoch_s, colour, height=0.66)
            places.append(place)
            labels.append(clipped(without_loader(one.name)))
            place += 0.8
        place += 0.9
    axes.set_yticks(places, labels)
    axes.set_ylim(place - 1.2, -1.0)
    axes.set(xlabel="seconds per epoch; line: least to most")
    finish(axes, axis.recipe)
    axes.grid(axis="x")
    return _chart(axis, figure)


def _bar(axes: Axes, place: float, time: Spread, colour: str, *, height: float) -> None:
    axes.barh(place, time.median, height, color=colour, lw=0, alpha=0.9)
    axes.plot([time.low, time.high], [place, place], color=INK, lw=1.2)
    axes.annotate(
        f"{time.median:.3g}",
        (max(time.high, time.median), place),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
    )


def _epoch_s(point: Point, name: str) -> Spread | None:
    found = (one for one in point.group.contenders if one.name == name)
    return next((one.speed.epoch_s for one in found), None)


def _chart(axis: Sensitivity, figure: Figure) -> Chart:
    return Chart(
        f"sensitivity-{slug(axis.axis)}-{slug(axis.recipe)}",
        f"{axis.recipe}: seconds per epoch by {axis.axis_text}",
        figure,
    )
