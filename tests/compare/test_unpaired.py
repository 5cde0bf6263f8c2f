"""Intervals of samples that were not taken side by side cover what they should."""

import math
import statistics
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.unpaired import MIN_ROUNDS, unpaired_difference, unpaired_ratio

samples = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=12)

Draw = Callable[[np.random.Generator, int], np.ndarray]


@settings(max_examples=50)
@given(samples, samples)
def test_exchanged_samples_give_the_inverse(a: list[float], b: list[float]) -> None:
    there, back = unpaired_ratio(a, b), unpaired_ratio(b, a).inverse
    assert there.ratio == pytest.approx(back.ratio)
    assert there.low == pytest.approx(back.low)
    assert there.high == pytest.approx(back.high)
    assert (there.num_a, there.num_b) == (back.num_a, back.num_b) == (len(a), len(b))
    forth, again = unpaired_difference(a, b), unpaired_difference(b, a)
    assert forth.difference == pytest.approx(-again.difference, abs=1e-9)
    assert forth.low == pytest.approx(-again.high, abs=1e-9)


@settings(max_examples=50)
@given(samples, samples, st.randoms())
def test_order_does_not_matter(a: list[float], b: list[float], random: object) -> None:
    mixed = list(a)
    random.shuffle(mixed)
    assert unpaired_ratio(mixed, b) == unpaired_ratio(a, b)


@settings(max_examples=50)
@given(samples, samples, st.floats(0.1, 10))
def test_units_do_not_matter(a: list[float], b: list[float], unit: float) -> None:
    ratio = unpaired_ratio(a, b)
    scaled = unpaired_ratio([unit * x for x in a], [unit * x for x in b])
    assert scaled.ratio == pytest.approx(ratio.ratio)
    assert scaled.low == pytest.approx(ratio.low)


@settings(max_examples=50)
@given(samples)
def test_a_sample_is_once_itself(a: list[float]) -> None:
    ratio = unpaired_ratio(a, a)
    assert ratio.ratio == 1
    assert ratio.low * ratio.high == pytest.approx(1) or len(a) < MIN_ROUNDS
    assert not ratio.is_decided
    assert unpaired_difference(a, a).difference == 0


@settings(max_examples=50)
@given(samples, samples)
def test_the_interval_has_the_ratio(a: list[float], b: list[float]) -> None:
    ratio = unpaired_ratio(a, b)
    assert ratio.ratio == statistics.median(b) / statistics.median(a)
    assert ratio.low <= ratio.ratio * (1 + 1e-12)
    assert ratio.high >= ratio.ratio * (1 - 1e-12)


@pytest.mark.parametrize(("num_a", "num_b"), [(1, 1), (5, 50), (50, 5)])
def test_few_rounds_decide_nothing(num_a: int, num_b: int) -> None:
    ratio = unpaired_ratio([1.0] * num_a, [9.0] * num_b)
    assert (ratio.ratio, ratio.low, ratio.high) == (9, 0, math.inf)
    assert not ratio.is_decided
    difference = unpaired_difference([1.0] * num_a, [9.0] * num_b)
    assert (difference.low, difference.high) == (-math.inf, math.inf)


def test_six_rounds_that_do_not_overlap_decide() -> None:
    fast = [1.0, 1.01, 0.99, 1.02, 0.98, 1.0]
    ratio = unpaired_ratio(fast, [2 * x for x in fast])
    assert ratio.is_decided
    assert 1.9 < ratio.low < 2 < ratio.high < 2.1


def _normal(random: np.random.Generator, count: int) -> np.ndarray:
    return np.exp(random.normal(0, 0.1, count))


def _late(random: np.random.Generator, count: int) -> np.ndarray:
    """Nothing is faster than it can be, and some rounds are disturbed."""
    return 1 + random.exponential(0.1, count) + 0.5 * (random.random(count) < 0.1)


@pytest.mark.parametrize("draw", [_normal, _late])
@pytest.mark.parametrize(("num_a", "num_b"), [(6, 6), (6, 20), (12, 12)])
def test_intervals_cover_the_truth(draw: Draw, num_a: int, num_b: int) -> None:
    """Those of medians more often than they say, which is the safe side."""
    random = np.random.default_rng(0)
    num_rounds, medians, means = 400, 0, 0
    for _ in range(num_rounds):
        a, b = draw(random, num_a).tolist(), draw(random, num_b).tolist()
        ratio, difference = unpaired_ratio(a, b), unpaired_difference(a, b)
        medians += ratio.low <= 1 <= ratio.high
        means += difference.low <= 0 <= difference.high
    # 0.93 is two standard errors below 0.95; heavy tails cost means a little.
    assert medians / num_rounds > 0.93
    assert means / num_rounds > (0.93 if draw is _normal else 0.90)
