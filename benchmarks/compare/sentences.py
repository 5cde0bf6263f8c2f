"""Comparisons in words that say no more than their figures. Pure."""

import math
from collections.abc import Sequence

import numpy as np

from benchmarks.compare.comparability import Difference
from benchmarks.compare.figures import Comparison, Figures
from benchmarks.unpaired import MIN_ROUNDS, UnpairedRatio
from benchmarks.words import series

_MAX_NAMED = 4
_MAX_VALUE = 60
_ROUNDINGS = 1000
"""Losses that differ by so many units of the last place may have been rounded apart."""


def speed_sentence(comparison: Comparison) -> str:
    """Of one that has figures: who took longer per epoch, if that is established."""
    match, figures = comparison.match, comparison.figures
    assert figures is not None  # for the type checker: the caller has looked
    flags = comparison.comparability.flags
    finding = _finding(figures.epoch, flags)
    causes = _causes(flags, is_decided=figures.epoch.is_decided)
    return f"{match.group}, {match.contender}: {finding} {causes}".rstrip()


def refusal_sentence(comparison: Comparison) -> str:
    """Why there is no ratio."""
    match = comparison.match
    reasons = "; ".join(_reason(item) for item in comparison.comparability.refusals)
    return f"{match.group}, {match.contender}: no ratio, another question: {reasons}."


def loss_words(figures: Figures, precision: str) -> str:
    """What the losses of the first steps tell of the arithmetic."""
    difference = figures.loss_difference
    if difference is None:
        return "no seed in common"
    if difference == 0:
        return "equal to the last bit"
    if not math.isfinite(difference):
        return "finite on one side only"
    text = f"differ by {difference:.0e}"
    if precision not in ("float32", "float64"):
        return text
    is_rounding = difference <= _ROUNDINGS * float(np.finfo(precision).eps)
    return text + (", like rounding" if is_rounding else ", more than rounding")


def factor(value: float) -> str:
    """Two decimals, and up to five where fewer would hide on which side of 1 it lies."""
    if value < 0.1:
        return f"{value:.2g}"
    digits = 3 if abs(value - 1) < 0.02 else 2
    if float(f"{value:.5f}") != 1:
        while float(f"{value:.{digits}f}") == 1:
            digits += 1
    return f"{value:.{digits}f}"


def interval(ratio: UnpairedRatio) -> str:
    """Its bounds, or how many rounds are missing."""
    if not math.isfinite(ratio.high):
        return f"none: {MIN_ROUNDS} rounds needed"
    return f"{factor(ratio.low)} to {factor(ratio.high)}"


def _finding(ratio: UnpairedRatio, flags: Sequence[Difference]) -> str:
    if not ratio.is_decided:
        return (
            "no difference in the time per epoch is established; "
            f"B / A is {factor(ratio.ratio)}, {_evidence(ratio)}."
        )
    longer, other = ("B", "A") if ratio.ratio > 1 else ("A", "B")
    times = ratio if longer == "B" else ratio.inverse
    took = f"took {factor(times.ratio)} times as long"
    if any(flag.is_machine for flag in flags):
        return (
            f"{_place(longer, flags)} an epoch {took} as {_place(other, flags)}, "
            f"{_evidence(times)}."
        )
    longer, other = longer + _setting(longer, flags), other + _setting(other, flags)
    return f"{other} was faster; an epoch of {longer} {took}, {_evidence(times)}."


def _evidence(ratio: UnpairedRatio) -> str:
    rounds = f"{ratio.num_a} and {ratio.num_b} rounds"
    if not math.isfinite(ratio.high):
        return f"no interval from {rounds}, of which {MIN_ROUNDS} each are needed"
    return f"95 % interval {interval(ratio)} from {rounds}"


def _causes(flags: Sequence[Difference], *, is_decided: bool) -> str:
    """What could explain a ratio, or hide one: no more than is recorded."""
    names = series(flag.name for flag in flags) if flags else ""
    if not is_decided:
        return f"What differs could hide one: {names}." if flags else ""
    if not flags:
        return (
            "Nothing that is recorded differs but when it was run: what is left is the "
            "machine's state then, or what is not recorded."
        )
    if len(flags) == 1:
        return f"Of what is recorded, this alone differs and could explain it: {names}."
    text = f"These differ and could explain it, alone or together: {names}."
    if any(flag.is_machine for flag in flags):
        text += " The machines differ, so it tells nothing of the framework alone."
    return text


def _place(side: str, flags: Sequence[Difference]) -> str:
    machine = [flag for flag in flags if flag.is_machine]
    return f"on machine {side} ({_named(side, machine)}){_setting(side, flags)}"


def _setting(side: str, flags: Sequence[Difference]) -> str:
    settings = [flag for flag in flags if not flag.is_machine]
    return f" with {_named(side, settings)}" if settings else ""


def _named(side: str, differences: Sequence[Difference]) -> str:
    texts = [
        f"{item.name} {_short(item.a if side == 'A' else item.b)}"
        for item in differences[:_MAX_NAMED]
    ]
    rest = len(differences) - _MAX_NAMED
    return ", ".join(texts) + (f" and {rest} more" if rest > 0 else "")


def _reason(item: Difference) -> str:
    return f"{item.name} is {_short(item.a)} in A and {_short(item.b)} in B"


def _short(text: str) -> str:
    return text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 3] + "..."
