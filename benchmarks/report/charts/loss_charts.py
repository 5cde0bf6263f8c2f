"""Losses laid over each other, and how far apart they are."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.report.drawing import (
    INK,
    PANEL,
    Chart,
    Look,
    clipped,
    finish,
    log_axis,
    slug,
)
from benchmarks.verdict.comparing import paired_rows
from benchmarks.verdict.contender import Contender
from benchmarks.verdict.group import Group

MAX_PAIRS = 6
_BINS = 140
_EPSILON = 2.0**-23
_FLOOR = 1e-8
"""Smaller differences, 0 among them, are drawn here."""

Floats = NDArray[np.float64]


def loss_chart(group: Group, looks: Mapping[str, Look]) -> Chart:
    """Above, losses of the lowest round; below, differences within each round."""
    pairs = _pairs(group)
    height = PANEL[1] + (2.2 if pairs else 0)
    figure = Figure(figsize=(PANEL[0], height), layout="constrained")
    if pairs:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2.3))
        _draw_differences(below, pairs, looks)
        below.set_xlabel("step")
    else:
        above = figure.subplots()
        above.set_xlabel("step")
    lowest = group.rounds[0]
    for one in group.contenders:
        row = next((r for r in one.rows if r.round == lowest), one.rows[0])
        if row.record is not None:
            _draw_losses(above, np.array(row.record.losses), looks[one.name], one.name)
    above.set(xscale="log", yscale="log", ylabel=f"training loss, round {lowest + 1}")
    for axes in figure.axes:
        log_axis(axes.xaxis)
        log_axis(axes.yaxis)
    above.grid()
    finish(above, group.name)
    return Chart(
        f"losses-{slug(group.name)}",
        f"{group.name}: training loss by step of all contenders laid over each other, and "
        "the relative difference between contenders of one round",
        figure,
    )


def _pairs(group: Group) -> list[tuple[Contender, Contender]]:
    accepted = group.accepted
    if not accepted:
        return []
    first, *others = accepted
    paired = [other for other in others if group.comparison(first.name, other.name)]
    return [(first, other) for other in paired[:MAX_PAIRS]]


def _draw_losses(axes: Axes, losses: Floats, look: Look, name: str) -> None:
    steps, low, middle, high = _binned([losses])
    axes.fill_between(steps, low, high, color=look.colour, alpha=0.16, lw=0)
    axes.plot(steps, middle, color=look.colour, ls=look.dash, lw=1.7, label=name)


def _draw_differences(
    axes: Axes, pairs: Sequence[tuple[Contender, Contender]], looks: Mapping[str, Look]
) -> None:
    for a, b in pairs:
        look = looks[b.name]
        runs = [
            _differences(np.array(x.record.losses), np.array(y.record.losses))
            for x, y in paired_rows(a.rows, b.rows)
            if x.record is not None and y.record is not None
        ]
        steps, low, middle, high = _binned(runs)
        axes.fill_between(steps, low, high, color=look.colour, alpha=0.22, lw=0)
        axes.plot(steps, middle, color=look.colour, lw=1.4)
    axes.axhline(_EPSILON, color=INK, lw=0.8, ls=(0, (2, 2)))
    axes.annotate(
        "float32 rounds to 1.2e-7",
        (0.99, _EPSILON),
        xycoords=("axes fraction", "data"),
        xytext=(0, -3),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=8,
    )
    axes.set(
        yscale="log", ylabel=f"relative difference\nto {clipped(pairs[0][0].name)}"
    )
    axes.grid()


def _differences(x: Floats, y: Floats) -> Floats:
    count = min(len(x), len(y))
    x, y = x[:count], y[:count]
    scale = np.maximum(np.maximum(abs(x), abs(y)), 1e-30)
    return np.maximum(abs(x - y) / scale, _FLOOR)


def _binned(runs: Sequence[Floats]) -> tuple[Floats, Floats, Floats, Floats]:
    """Steps (from 1), and least, median and most in bins of equal width in logarithms."""
    count = min(map(len, runs))
    edges = np.unique(np.geomspace(1, count + 1, _BINS).round().astype(int))
    steps, low, middle, high = [], [], [], []
    for start, end in pairwise(edges.tolist() if len(edges) > 1 else [1, count + 1]):
        values = np.concatenate([run[start - 1 : end - 1] for run in runs])
        steps.append((start + end - 1) / 2)
        low.append(values.min())
        middle.append(np.median(values))
        high.append(values.max())
    return np.array(steps), np.array(low), np.array(middle), np.array(high)
