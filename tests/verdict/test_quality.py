"""Accuracy over seeds, McNemar's test, targets: by hand and against SciPy."""

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats

from benchmarks.verdict import judge
from benchmarks.verdict.comparing import relative_difference
from benchmarks.verdict.disagreement import Explained, mcnemar_p
from benchmarks.verdict.group import Group, make_group
from benchmarks.verdict.quality import TARGETS, mean_interval
from tests.verdict.synthetic_rows import Contest, Made, Values, metrics, parsed

LABELS = np.arange(1000) % 10
A, B = Made(), Made(2.0, loop="tf-function", luck=1)


def _rows(*made: Made, rounds: int = 8) -> list[Values]:
    return Contest(made, rounds=rounds, steps=30, epochs=3).rows()


def _group(rows: list[Values]) -> Group:
    return make_group(parsed(rows))


def _set_wrong(row: Values, wrong: list[int]) -> None:
    row["record"]["metrics"] |= {
        "accuracy": 1 - len(wrong) / 1000,
        "wrong": [[index, 0] for index in wrong],
    }


def test_mcnemar_is_the_exact_binomial_test() -> None:
    for a in range(12):
        for b in range(12):
            expected = scipy.stats.binomtest(a, a + b).pvalue if a + b else 1.0
            assert mcnemar_p(a, b) == pytest.approx(expected)
    assert mcnemar_p(700, 900) == pytest.approx(scipy.stats.binomtest(700, 1600).pvalue)


def test_the_mean_interval_is_students() -> None:
    values = [0.97, 0.98, 0.975, 0.971]
    mean = mean_interval(values)
    expected = scipy.stats.t.interval(
        0.95, 3, loc=np.mean(values), scale=scipy.stats.sem(values)
    )
    assert (mean.low, mean.high) == pytest.approx(expected)
    assert mean.deviation == pytest.approx(np.std(values, ddof=1))
    one = mean_interval([0.5])
    assert (one.low, one.high) == (-math.inf, math.inf)
    assert not one.leaves_out_zero


def test_who_is_wrong_alone() -> None:
    rows = _rows(A, B, rounds=2)
    for row, wrong in zip(rows, ([1, 2, 3], [3, 4], [1, 5], [5, 6, 7, 8]), strict=True):
        _set_wrong(row, wrong)
    found = _group(rows).comparisons[0].disagreement
    assert [(t.only_a_wrong, t.only_b_wrong) for t in found.tests] == [(2, 1), (1, 3)]
    assert dict(found.only_a) == {1: 2, 2: 1}
    assert dict(found.only_b) == {4: 1, 6: 1, 7: 1, 8: 1}
    assert dict(found.both) == {3: 1, 5: 1}
    assert found.difference.values == pytest.approx((0.001, -0.002))


def _with_differences(differences: list[float]) -> Group:
    rows = _rows(A, B, rounds=len(differences))
    for number, difference in enumerate(differences):
        rows[2 * number]["record"]["metrics"]["accuracy"] = 0.97
        rows[2 * number + 1]["record"]["metrics"]["accuracy"] = 0.97 + difference
    return _group(rows)


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([0.01], Explained.TOO_FEW),
        ([0.0], Explained.TOO_FEW),
        ([0.010, 0.011], Explained.TOO_FEW),
        ([0.001, -0.001], Explained.BY_SEEDS),
        ([0.0] * 8, Explained.BY_SEEDS),
        ([0.001, -0.001] * 4, Explained.BY_SEEDS),
        ([0.010, 0.011] * 4, Explained.NOT_BY_SEEDS),
        ([-0.010, -0.011] * 4, Explained.NOT_BY_SEEDS),
    ],
)
def test_what_seeds_explain(differences: list[float], expected: Explained) -> None:
    found = _with_differences(differences).comparisons[0].disagreement
    assert found.explained is expected


def test_equal_models_differ_by_no_more_than_seeds() -> None:
    _, accuracy = judge(parsed(_rows(A, B))).sentences
    assert "no further apart than seeds explain" in accuracy
    assert "same bytes in the same order from the same initial weights" in accuracy


def test_of_many_contenders_every_pair_counts() -> None:
    made = [A, B, Made(3.0, loop="jax-jit", luck=2)]
    _, accuracy = judge(parsed(_rows(*made))).sentences
    assert "no two test accuracies differ by more than seeds explain" in accuracy
    made.append(Made(3.0, loop="tf-xla", accuracy=0.95))
    _, accuracy = judge(parsed(_rows(*made))).sentences
    assert "of 6 pairs 3 differ in test accuracy by more than seeds explain" in accuracy
    assert "tf-xla less torch-eager (" in accuracy


def test_a_round_that_one_did_not_end_is_not_compared() -> None:
    rows = _rows(A, B, rounds=2)
    del rows[-1]
    rows[-1]["record"]["metrics"]["accuracy"] = 0.1
    _, accuracy = judge(parsed(rows)).sentences
    first = 100 * rows[0]["record"]["metrics"]["accuracy"]
    assert f"test accuracy is {first:.2f} % with torch-eager" in accuracy


def test_better_models_differ_by_more() -> None:
    worse = Made(2.0, loop="tf-function", accuracy=0.95)
    _, accuracy = judge(parsed(_rows(A, worse))).sentences
    assert ", further apart than seeds explain" in accuracy


def _set_course(row: Values, *accuracies: float) -> None:
    for epoch, value in zip(row["record"]["epochs"], accuracies, strict=True):
        epoch |= {"test_accuracy": value, "total_s": 2.0}


def test_the_target_is_what_all_reached() -> None:
    rows = _rows(A, B, rounds=2)
    for row, course in zip(
        rows,
        ([0.8, 0.96, 0.97], [0.951, 0.94, 0.93], [0.95, 0.99, 0.99], [0.1, 0.2, 0.96]),
        strict=True,
    ):
        _set_course(row, *course)
    group = _group(rows)
    assert group.target == 0.95
    a, b = (one.quality for one in group.contenders)
    assert a.target_s is not None and b.target_s is not None
    assert (a.target_s.low, a.target_s.high) == (2.0, 4.0)
    assert (b.target_s.low, b.target_s.high) == (2.0, 6.0)
    assert a.target_epochs is not None and a.target_epochs.median == 1.5


def test_no_target_below_the_least() -> None:
    rows = _rows(A, rounds=1)
    _set_course(rows[0], 0.1, 0.2, 0.3)
    group = _group(rows)
    assert group.target is None
    assert group.contenders[0].quality.target_s is None
    assert min(TARGETS) == 0.5


def test_classes_and_confusion_are_over_runs() -> None:
    rows = _rows(A, rounds=3)
    quality = _group(rows).contenders[0].quality
    matrices: list[Any] = [row["record"]["metrics"]["confusion"] for row in rows]
    assert np.array_equal(quality.confusion, np.sum(matrices, axis=0))
    expected = np.mean([row["record"]["metrics"]["f1"] for row in rows], axis=0)
    assert [one.f1 for one in quality.classes] == pytest.approx(expected.tolist())


def test_losses_are_compared_relatively() -> None:
    rows = _rows(A, B, rounds=1)
    same = np.linspace(2, 1, 90)
    for row in rows:
        row["record"]["losses"] = same.tolist()
    rows[1]["record"]["losses"][0] *= 1 + 1e-6
    rows[1]["record"]["losses"][19] *= 1 + 1e-3
    rows[1]["record"]["losses"][20] *= 5
    losses = _group(rows).comparisons[0].losses
    assert losses.first == pytest.approx(1e-6, rel=1e-3)
    assert losses.early == pytest.approx(1e-3, rel=2e-3)
    assert relative_difference(0, 0) == 0


def test_the_generator_counts_right() -> None:
    made = metrics(LABELS, 0.9, [0])
    assert made["accuracy"] == pytest.approx(0.9)
    assert len(made["wrong"]) == 100
    assert sum(map(sum, made["confusion"])) == 1000
