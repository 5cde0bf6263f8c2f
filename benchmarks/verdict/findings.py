"""What else the figures say: a list of sentences, most telling first."""

from collections.abc import Iterator, Sequence

from benchmarks.verdict.contender import Contender
from benchmarks.verdict.group import Group, failure_lines
from benchmarks.verdict.phrases import interval
from benchmarks.verdict.sensitivity import Sensitivity
from benchmarks.words import (
    count,
    format_factor,
    percent,
    rounds,
    seconds,
    series,
    short,
)

MAX_TOLD = 4
"""Contenders of which a finding gives figures, and groups of several hosts of which there
are findings; tables have the rest."""


def findings(groups: Sequence[Group], axes: Sequence[Sensitivity]) -> list[str]:
    """Of all groups and axes: what forbids or turns a verdict comes first.

    Of many hosts that alone is told, or nobody would read on to their table.
    """
    told = [f"{refusal}." for group in groups for refusal in group.refusals]
    told += [f"{line}." for group in groups for line in failure_lines(group.failures)]
    told += [disturbance(group) for group in groups if is_disturbed(group)]
    told += [axis.finding for axis in axes if axis.is_flipping]
    if len({group.host for group in groups}) < 2 or len(groups) <= MAX_TOLD:
        for group in groups:
            told += [f"{group.name}: {clause}." for clause in _group_findings(group)]
    told += [axis.finding for axis in axes if not axis.is_flipping]
    return told


def is_disturbed(group: Group) -> bool:
    """Whether most rounds were."""
    return 2 * len(_noisy(group)) > len(group.rounds) > 0


def disturbance(group: Group) -> str:
    """A caution, where most rounds were disturbed."""
    number = f"{len(_noisy(group))} of {count(len(group.rounds), 'round')}"
    return (
        f"{group.name}: other programs disturbed {number}: contenders took turns, so "
        "that ratios can be trusted more than seconds, and neither as on a quiet machine."
    )


def _noisy(group: Group) -> list[int]:
    return sorted({number for one in group.contenders for number in one.noisy})


def _group_findings(group: Group) -> Iterator[str]:
    some = group.by_speed[:MAX_TOLD]
    yield from _data(some)
    yield from _overhead(some)
    yield from _startup(group)
    yield from _target(group, some)
    yield from _losses(group)
    yield from _noise(group)


def _data(some: Sequence[Contender]) -> Iterator[str]:
    shares = [
        f"{percent(one.speed.cuts.data_share, 1)} % of {one.name}'s"
        for one in some
        if one.speed.cuts is not None
    ]
    if shares:
        yield f"fetching data, measured alone, takes {series(shares)} training step"


def _overhead(some: Sequence[Contender]) -> Iterator[str]:
    factors = [
        f"{short(one.speed.cuts.floor_factor)} times ({one.name})"
        for one in some
        if one.speed.cuts is not None and one.speed.cuts.floor_factor is not None
    ]
    if factors:
        yield (
            f"computing a step takes {series(factors)} as long as its matrix products "
            "alone in NumPy's BLAS"
        )


def _startup(group: Group) -> Iterator[str]:
    """Whether the faster one loses its lead to a slower start, and for how long."""
    if len(group.leaders) != 1 or len(group.by_speed) < 2:
        return
    first, second = group.by_speed[:2]
    gain = second.speed.epoch_s.median - first.speed.epoch_s.median
    behind = first.speed.startup_s.median - second.speed.startup_s.median
    if gain > 0 and behind > 0:
        yield (
            f"{first.name} starts {seconds(behind)} later than {second.name} (import, "
            f"build, first step), which it has made up for after "
            f"{count(int(-(-behind // gain)), 'epoch')}"
        )


def _target(group: Group, some: Sequence[Contender]) -> Iterator[str]:
    times = [
        f"{one.name} {seconds(one.quality.target_s.median)}"
        for one in some
        if one.quality.target_s is not None
    ]
    if times and group.target is not None:
        yield (
            f"training until {percent(group.target, 1)} % test accuracy took "
            + series(times)
        )


def _losses(group: Group) -> Iterator[str]:
    if not group.comparisons:
        return
    first = max(one.losses.first for one in group.comparisons)
    early = max(one.losses.early for one in group.comparisons)
    yield (
        f"losses of a round agree to {first:.0e} at the first step and to {early:.0e} "
        "over the first 20 (relative, the worst of all)"
    )
    if not all(one.first.is_bit_comparable for one in group.contenders):
        yield (
            "the recipe has dropout masks of each framework's own, so that losses "
            "cannot agree"
        )


def _noise(group: Group) -> Iterator[str]:
    noisy = _noisy(group)
    if not noisy:
        return
    if not is_disturbed(group):
        yield (
            f"other programs disturbed {rounds(noisy)} of {len(group.rounds)}, kept in "
            "all figures and marked"
        )
    ranked = group.by_speed
    if len(ranked) < 2:
        return
    first, second = ranked[:2]
    found = group.comparison(first.name, second.name) or group.comparison(
        second.name, first.name
    )
    if found is not None and found.quiet is not None:
        quiet = found.quiet if found.b == second.name else found.quiet.inverse
        yield (
            f"undisturbed rounds alone: {second.name} took {format_factor(quiet.ratio)} "
            f"times as long as {first.name} ({interval(quiet)})"
        )
