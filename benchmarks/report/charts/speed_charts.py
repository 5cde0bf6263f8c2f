"""Ratios, what an epoch and a step are made of, and warm-up."""

import statistics
from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from benchmarks.report.drawing import (
    COMPUTE,
    DATA,
    INK,
    REST,
    Chart,
    Look,
    clipped,
    finish,
    panel,
    slug,
)
from benchmarks.stats import MIN_PAIRS, PairedRatio
from benchmarks.verdict.contender import Contender
from benchmarks.verdict.group import Group

_ROW = 0.42
_HATCH = "////"


def ratio_chart(group: Group, looks: Mapping[str, Look]) -> Chart | None:
    """Every round's ratio to the fastest, its mean and interval; None without a pair."""
    ranked = group.by_speed
    if len(ranked) < 2:
        return None
    first, *others = ranked
    figure, axes = panel(height=1.25 + _ROW * len(others))
    axes.axvline(1, color=INK, lw=0.8)
    for place, other in enumerate(others):
        ratio = group.ratio(other.name, first.name)
        if ratio is not None:
            noisy = _noisy_pairs(group, first, other)
            _draw_ratio(axes, place, ratio, noisy, looks[other.name])
    axes.set_yticks(range(len(others)), [clipped(other.name) for other in others])
    axes.set_ylim(len(others) - 0.45, -0.55)
    axes.set_xlabel(f"times as long per epoch as {clipped(first.name)} (1: the same)")
    _factor_axis(axes)
    axes.grid(axis="x")
    return Chart(
        f"ratios-{slug(group.name)}",
        f"{group.name}: time per epoch as a multiple of {first.name}'s, each round a dot, "
        "the bar a 95 % interval",
        figure,
    )


def _draw_ratio(
    axes: Axes, place: int, ratio: PairedRatio, noisy: list[bool], look: Look
) -> None:
    if len(ratio.ratios) >= MIN_PAIRS:
        axes.plot(
            [ratio.low, ratio.high],
            [place, place],
            color=look.colour,
            lw=7,
            alpha=0.35,
            solid_capstyle="butt",
        )
    for value, is_noisy in zip(ratio.ratios, noisy, strict=True):
        axes.plot(
            value,
            place,
            "o",
            ms=5,
            mfc="none" if is_noisy else look.colour,
            mec=look.colour,
            alpha=0.8,
        )
    axes.plot([ratio.ratio] * 2, [place - 0.28, place + 0.28], color=INK, lw=1.6)


def _noisy_pairs(group: Group, a: Contender, b: Contender) -> list[bool]:
    found = group.comparison(a.name, b.name) or group.comparison(b.name, a.name)
    assert found is not None  # a ratio was found
    return [number in found.noisy for number in found.rounds]


def split_chart(group: Group) -> Chart:
    """An epoch's seconds as a bar: data, compute, rest; whiskers over rounds."""
    some = group.contenders
    figure, axes = panel(height=1.35 + _ROW * len(some))
    for place, one in enumerate(some):
        left = 0.0
        for value, colour, hatch, label in _parts(one):
            axes.barh(
                place,
                value,
                left=left,
                color=colour,
                hatch=hatch,
                height=0.62,
                label=label,
                edgecolor="none" if hatch is None else INK,
                linewidth=0,
                alpha=0.9,
            )
            left += value
        whole = one.speed.epoch_s
        axes.plot([whole.low, whole.high], [place, place], color=INK, lw=1.2)
    _name_rows(axes, [one.name for one in some])
    axes.set_xlabel("seconds per epoch; line: least to most over rounds")
    axes.set_xlim(left=0)
    finish(axes, "An epoch, as the loop sees it")
    return Chart(
        f"split-{slug(group.name)}",
        f"{group.name}: seconds per epoch of each contender, split into waiting for data, "
        "computing and the rest",
        figure,
    )


def _parts(one: Contender) -> list[tuple[float, str, str | None, str]]:
    speed = one.speed
    data = 0.0 if speed.data_s is None else speed.data_s.median
    parts = [(data, DATA, None, "data")] if speed.data_s is not None else []
    both = speed.compute_s.median + speed.rest_s.median
    if speed.data_s is None:
        return [(speed.epoch_s.median, REST, _HATCH, "all, not split")]
    if speed.is_asynchronous:
        return [*parts, (both, COMPUTE, _HATCH, "compute + rest")]
    return [
        *parts,
        (speed.compute_s.median, COMPUTE, None, "compute"),
        (max(0.0, speed.rest_s.median), REST, None, "rest"),
    ]


def cuts_chart(group: Group) -> Chart | None:
    """A step, apart and together; None where nothing was cut."""
    some = [one for one in group.contenders if one.speed.cuts is not None]
    if not some:
        return None
    figure, axes = panel(height=1.4 + 1.5 * _ROW * len(some))
    for place, one in enumerate(some):
        times = one.speed.cuts
        assert times is not None  # chosen so
        compute, data = 1e3 * times.compute_s.median, 1e3 * times.data_s.median
        whole = 1e3 * times.whole_s.median
        above, below = place - 0.19, place + 0.19
        axes.barh(above, whole, 0.34, color=INK, alpha=0.25, label="whole step", lw=0)
        axes.barh(below, compute, 0.34, color=COMPUTE, label="compute alone", lw=0)
        axes.barh(below, data, 0.34, left=compute, color=DATA, label="data alone", lw=0)
        for mark, dash, label in (
            (times.matmul_s, "-", "BLAS floor"),
            (times.fixed_s, (0, (1.5, 1)), "fixed"),
        ):
            if mark is not None:
                x = 1e3 * mark.median
                axes.plot(
                    [x, x], [below - 0.24, below + 0.24], color=INK, ls=dash, lw=1.8,
                    label=label,
                )  # fmt: skip
    _name_rows(axes, [one.name for one in some])
    axes.set_xlabel("milliseconds a step")
    finish(axes, "A step, whole and in parts")
    return Chart(
        f"cuts-{slug(group.name)}",
        f"{group.name}: milliseconds a step, whole, and its compute and data measured "
        "alone, with the time of its matrix products and its fixed part marked",
        figure,
    )


def warmup_chart(group: Group, looks: Mapping[str, Look]) -> Chart | None:
    """Each epoch's time against its run's median; None for runs of one epoch."""
    most = max(len(r.epochs) for one in group.contenders for r in one.records)
    if most < 2:
        return None
    figure, axes = panel()
    axes.axhline(1, color=INK, lw=0.8)
    for one in group.contenders:
        _draw_epochs(axes, one, looks[one.name])
    low, high = axes.get_ylim()
    # Noise of a per cent should look like one.
    axes.set_ylim(min(low, 0.9), max(high, 1.1))
    axes.set(xlabel="epoch", ylabel="time / the run's median epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y")
    finish(axes, group.name)
    return Chart(
        f"warmup-{slug(group.name)}",
        f"{group.name}: time of each epoch over its run's median epoch, by epoch",
        figure,
    )


def _draw_epochs(axes: Axes, one: Contender, look: Look) -> None:
    runs = []
    for record in one.records:
        times = [epoch.total_s for epoch in record.epochs]
        runs.append([time / statistics.median(times) for time in times])
        numbers = range(1, len(times) + 1)
        axes.plot(numbers, runs[-1], color=look.colour, alpha=0.18, lw=0.8)
    middle = [
        statistics.median(run[number] for run in runs if len(run) > number)
        for number in range(max(map(len, runs)))
    ]
    axes.plot(
        range(1, len(middle) + 1), middle, color=look.colour, ls=look.dash,
        marker=look.marker, ms=4, label=one.name,
    )  # fmt: skip


def _name_rows(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), list(map(clipped, names)))
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)


def _factor_axis(axes: Axes) -> None:
    """Logarithmic, so that 0.5 and 2 are as far from 1; plain numbers on it."""
    low, high = axes.get_xlim()
    axes.set_xscale("log")
    axes.set_xlim(min(low, 0.98), max(high, 1.02))
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
