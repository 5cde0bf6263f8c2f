"""How many rounds: narrow enough, or out of time; never by who is ahead."""

import math

import numpy as np
import pytest

from benchmarks.contest.schedule import Rule, half_width
from benchmarks.stats import MIN_PAIRS, bootstrap_ratio, expanded_tail


def times(spread: float, count: int, factor: float = 1.0) -> dict[str, list[float]]:
    random = np.random.default_rng(count)
    return {
        "a": np.exp(random.normal(0, spread, count)).tolist(),
        "b": (factor * np.exp(random.normal(0, spread, count))).tolist(),
    }


def test_exactly_as_many_as_asked_for() -> None:
    rule = Rule(3)
    assert [rule.wants_more(50, n, {}) for n in (0, 2, 3)] == [True, True, False]
    assert rule.has_time(1e9, 1e9)
    assert not Rule(3, limit_s=10).has_time(8, 3)


def test_no_verdict_before_there_are_enough() -> None:
    rule = Rule(width=0.02)
    exact = {"a": [1.0] * 5, "b": [2.0] * 5}
    assert rule.wants_more(0, MIN_PAIRS - 1, exact)
    assert not rule.wants_more(0, MIN_PAIRS, times(1e-6, MIN_PAIRS))


def test_on_while_intervals_are_wide() -> None:
    rule = Rule(width=0.02)
    assert rule.wants_more(0, 8, times(0.2, 8))
    assert not rule.wants_more(0, 8, times(0.001, 8))


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.01, 3.0])
def test_stopping_does_not_look_at_who_is_ahead(factor: float) -> None:
    found = half_width(times(0.05, 9, factor))
    assert found == pytest.approx(half_width(times(0.05, 9)), rel=1e-9)


def test_a_rerun_finishes_what_was_begun_or_adds_as_many() -> None:
    rule = Rule(width=0.02)
    narrow = times(1e-6, 12)
    assert rule.wants_more(4, 1, narrow) and not rule.wants_more(4, 2, narrow)
    assert rule.wants_more(6, 5, narrow) and not rule.wants_more(6, 6, narrow)


def test_a_round_that_would_end_too_late_is_not_begun() -> None:
    rule = Rule(limit_s=100)
    assert rule.has_time(80, 20) and not rule.has_time(80, 21)


def test_the_widest_of_several_counts_and_one_alone_has_none() -> None:
    narrow, wide = times(0.01, 8), times(0.2, 8)
    both = {**narrow, "c": wide["b"]}
    assert half_width(both) >= half_width({"a": both["a"], "c": both["c"]})
    assert half_width({"a": narrow["a"]}) == half_width({}) == 0
    assert half_width({"a": [], "b": []}) == math.inf


def test_interval_of_the_bootstrap_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(3)
    for count, kind in ((6, "normal"), (8, "standard_t"), (15, "laplace")):
        hits = 0
        for _ in range(400):
            size = (3, count) if kind == "standard_t" else (0.0, 0.1, count)
            logs = getattr(random, kind)(*size)
            ratio = bootstrap_ratio([1.0] * count, np.exp(0.1 * logs).tolist())
            hits += ratio.low <= 1 <= ratio.high
        assert 0.935 < hits / 400 < 0.995, (count, kind)


def test_intervals_cover_the_truth_after_stopping_too() -> None:
    random = np.random.default_rng(4)
    rule, hits = Rule(width=0.03), 0
    for _ in range(300):
        values = np.exp(random.normal(0, 0.03, 20)).tolist()
        count = MIN_PAIRS
        while count < 20 and rule.wants_more(
            0, count, {"a": [1.0] * count, "b": values[:count]}
        ):
            count += 1
        ratio = bootstrap_ratio([1.0] * count, values[:count])
        hits += ratio.low <= 1 <= ratio.high
    assert 0.91 < hits / 300 < 0.985


def test_interval_is_scale_free_and_turns_round() -> None:
    a, b = times(0.1, 7).values()
    ratio = bootstrap_ratio(a, b)
    scaled = bootstrap_ratio(a, [3 * value for value in b])
    assert scaled.ratio == pytest.approx(3 * ratio.ratio)
    assert scaled.low == pytest.approx(3 * ratio.low)
    turned = bootstrap_ratio(b, a)
    assert turned.ratio == pytest.approx(ratio.inverse.ratio)
    assert turned.low == pytest.approx(ratio.inverse.low, rel=0.02)
    assert bootstrap_ratio(a, b) == ratio


@pytest.mark.parametrize("count", range(1, MIN_PAIRS))
def test_too_few_pairs_decide_nothing(count: int) -> None:
    ratio = bootstrap_ratio([1.0] * count, [100.0] * count)
    assert ratio.ratio == pytest.approx(100) and not ratio.is_decided
    assert not ratio.inverse.is_decided


def test_many_pairs_need_no_expansion() -> None:
    tails = [expanded_tail(count) for count in (6, 10, 20, 31, 1000)]
    assert tails == sorted(tails)
    assert tails[-1] == pytest.approx(0.025, abs=0.005)
