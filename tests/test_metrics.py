"""Metrics against counts by hand, against their definitions, and what is refused."""

import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from trainers.errors import MetricsError
from trainers.metrics import (
    MAX_MISTAKES,
    NUM_BINS,
    Metrics,
    compute_metrics,
    probabilities,
)

NUM_CLASSES = 5
CASES = st.integers(0, 2**32 - 1).flatmap(
    lambda seed: st.tuples(st.just(seed), st.integers(1, 60))
)


def one_hot(predicted: list[int], num_classes: int) -> NDArray[np.float32]:
    return np.eye(num_classes, dtype=np.float32)[predicted]


def some_case(seed: int, count: int) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Labels, and probabilities that are right in about two of three examples."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, NUM_CLASSES, count, dtype=np.uint8)
    logits = 2 * random.normal(size=(count, NUM_CLASSES))
    logits[np.arange(count), labels] += 2
    return labels, probabilities(logits)


def test_counts_by_hand() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2], np.uint8)
    metrics = compute_metrics(labels, one_hot([0, 0, 1, 1, 0, 0], 4))
    assert metrics.accuracy == 0.5
    assert metrics.confusion == [[2, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert metrics.precision == [0.5, 0.5, 0, 0]
    assert metrics.recall == pytest.approx([2 / 3, 0.5, 0, 0])
    assert metrics.f1 == pytest.approx([4 / 7, 0.5, 0, 0])
    # Class 3 has no examples and no part in the means.
    assert metrics.macro_precision == pytest.approx(1 / 3)
    assert metrics.macro_recall == pytest.approx((2 / 3 + 0.5) / 3)
    assert metrics.macro_f1 == pytest.approx((4 / 7 + 0.5) / 3)


def test_losses_by_hand() -> None:
    values = np.array([[0.75, 0.25], [0.5, 0.5], [0.25, 0.75]], np.float32)
    metrics = compute_metrics(np.array([0, 0, 0]), values)
    assert metrics.log_loss == pytest.approx(-math.log(0.75 * 0.5 * 0.25) / 3)
    assert metrics.brier == pytest.approx((2 * 0.0625 + 2 * 0.25 + 2 * 0.5625) / 3)
    # Of two equal ones the first is predicted. Confidences 0.75, 0.5, 0.75.
    assert metrics.accuracy == pytest.approx(2 / 3)
    found = {b.count: (b.confidence, b.accuracy) for b in metrics.calibration_bins}
    assert found == {0: (0, 0), 1: (0.5, 1), 2: (0.75, 0.5)}
    assert metrics.calibration_error == pytest.approx((1 * 0.5 + 2 * 0.25) / 3)
    (mistake,) = metrics.mistakes
    assert asdict(mistake) == {
        "index": 2,
        "true": 0,
        "predicted": 1,
        "probability": 0.75,
    }


@settings(max_examples=40)
@given(CASES)
def test_by_definition(case: tuple[int, int]) -> None:
    labels, values = some_case(*case)
    metrics = compute_metrics(labels, values)
    predicted = values.argmax(axis=1)
    assert metrics.accuracy == pytest.approx(np.mean(labels == predicted))
    for k in range(NUM_CLASSES):
        hits = int(((labels == k) & (predicted == k)).sum())
        guessed, true = int((predicted == k).sum()), int((labels == k).sum())
        assert metrics.precision[k] == pytest.approx(hits / guessed if guessed else 0)
        assert metrics.recall[k] == pytest.approx(hits / true if true else 0)
        assert metrics.confusion[k][k] == hits
        assert sum(metrics.confusion[k]) == true
    wide = values.astype(np.float64)
    at_label = wide[np.arange(len(labels)), labels]
    assert metrics.log_loss == pytest.approx(-np.log(at_label).mean(), rel=1e-5)
    assert metrics.brier == pytest.approx(
        ((wide - np.eye(NUM_CLASSES)[labels]) ** 2).sum(axis=1).mean()
    )


@settings(max_examples=40)
@given(CASES)
def test_calibration_by_definition(case: tuple[int, int]) -> None:
    """Guo et al., equation 3, one bin after the other."""
    labels, values = some_case(*case)
    metrics = compute_metrics(labels, values)
    sure = values.max(axis=1).astype(np.float64)
    is_right = values.argmax(axis=1) == labels
    error = 0.0
    for number, found in enumerate(metrics.calibration_bins):
        low, high = number / NUM_BINS, (number + 1) / NUM_BINS
        inside = (sure > low) & (sure <= high)
        assert (found.low, found.high) == (low, high)
        assert found.count == inside.sum()
        if inside.any():
            assert found.confidence == pytest.approx(sure[inside].mean())
            assert found.accuracy == pytest.approx(is_right[inside].mean())
            gap = abs(sure[inside].mean() - is_right[inside].mean())
            error += inside.sum() / len(labels) * gap
    assert sum(item.count for item in metrics.calibration_bins) == len(labels)
    assert metrics.calibration_error == pytest.approx(error)


def test_what_is_sure_and_right_is_calibrated() -> None:
    labels = np.array([0, 1, 2])
    metrics = compute_metrics(labels, one_hot([0, 1, 2], 3))
    assert metrics.calibration_error == 0
    assert metrics.calibration_bins[-1].count == 3
    assert metrics.mistakes == []
    assert metrics.log_loss == pytest.approx(0, abs=1e-6)
    # Sure and wrong: as bad as can be, and finite.
    wrong = compute_metrics(labels, one_hot([1, 2, 0], 3))
    assert wrong.calibration_error == 1
    assert wrong.brier == 2
    assert 15 < wrong.log_loss < 17


@settings(max_examples=40)
@given(CASES)
def test_mistakes_are_the_surest(case: tuple[int, int]) -> None:
    labels, values = some_case(*case)
    mistakes = compute_metrics(labels, values).mistakes
    predicted, sure = values.argmax(axis=1), values.max(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    assert len(mistakes) == min(len(wrong), MAX_MISTAKES)
    assert len({item.index for item in mistakes}) == len(mistakes)
    for item in mistakes:
        assert item.true == labels[item.index] != item.predicted
        assert item.predicted == predicted[item.index]
        assert item.probability == sure[item.index]
    told = [item.probability for item in mistakes]
    assert told == sorted(told, reverse=True)
    assert told == sorted(sure[wrong].tolist(), reverse=True)[: len(told)]


@settings(max_examples=40)
@given(CASES)
def test_metrics_are_json(case: tuple[int, int]) -> None:
    metrics = compute_metrics(*some_case(*case))
    values = json.loads(json.dumps(asdict(metrics), allow_nan=False))
    assert values == asdict(metrics)
    assert set(values) == set(Metrics.__dataclass_fields__)


def test_one_class() -> None:
    metrics = compute_metrics(np.zeros(3, int), np.ones((3, 1), np.float32))
    assert (metrics.accuracy, metrics.log_loss, metrics.macro_f1) == (1, 0, 1)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_softmax(dtype: type) -> None:
    logits = np.array([[0, 0, 0, 0], [0, 1, 2, 3], [60, -60, 0, 1]], dtype)
    values = probabilities(logits)
    assert values.dtype == np.float32
    expected = [[math.exp(x) for x in row] for row in logits.tolist()]
    for row, exponentials in zip(values.tolist(), expected, strict=True):
        assert row == pytest.approx([e / sum(exponentials) for e in exponentials])
    assert logits[1, 1] == 1  # not changed


@settings(max_examples=40)
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_softmax_of_any_finite_logits(row: list[float]) -> None:
    values = probabilities(np.array([row]))
    assert np.isfinite(values).all()
    assert values.sum(dtype=np.float64) == pytest.approx(1, abs=1e-6 * len(row))
    shifted = probabilities(np.array([row]) + 1.5)
    np.testing.assert_allclose(values, shifted, rtol=1e-4, atol=1e-7)
    compute_metrics(np.array([0]), values)


def test_softmax_of_the_largest_logits() -> None:
    largest = np.finfo(np.float64).max
    assert probabilities(np.array([[largest, -largest]])).tolist() == [[1, 0]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite(bad: float) -> None:
    logits = np.zeros((4, 3), np.float32)
    logits[2, 1] = bad
    with pytest.raises(MetricsError, match="1 of 4 examples.*for example 2"):
        probabilities(logits)


@pytest.mark.parametrize(
    "logits",
    [np.zeros(3), np.zeros((2, 0)), np.zeros((2, 3), int), np.zeros((1, 2, 3))],
)
def test_what_are_no_logits(logits: NDArray[Any]) -> None:
    with pytest.raises(MetricsError, match="these are no logits"):
        probabilities(logits)


HALVES = np.full((2, 2), 0.5, np.float32)


@pytest.mark.parametrize(
    ("labels", "values", "words"),
    [
        (np.array([0, 2]), HALVES, "label out of range.*0 to 1.*2 for example 1"),
        (np.array([-1, 0]), HALVES, "label out of range.*-1 for example 0"),
        (np.array([0]), HALVES, r"labels do not go.*\(2,\)"),
        (np.array([0.0, 1.0]), HALVES, "labels do not go.*float64"),
        (np.array([[0], [1]]), HALVES, "labels do not go"),
        (np.zeros(0, int), HALVES[:0], "labels do not go"),
        (np.array([0, 1]), HALVES.astype(np.float64), "not float32.*float64"),
        (np.array([0, 1]), HALVES * np.nan, "not finite.*for example 0"),
        (np.array([0, 1]), HALVES * 2, "not one of probabilities"),
        (np.array([0, 1]), HALVES[0], "these are no probabilities"),
    ],
)
def test_what_cannot_be_judged(
    labels: NDArray[Any], values: NDArray[np.float32], words: str
) -> None:
    with pytest.raises(MetricsError, match=words):
        compute_metrics(labels, values)


def test_negative_probabilities() -> None:
    values = np.array([[1.5, -0.5]], np.float32)
    with pytest.raises(MetricsError, match="not one of probabilities"):
        compute_metrics(np.array([0]), values)
