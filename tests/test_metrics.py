"""Metrics against counts by hand and against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.metrics import compute_metrics


def test_by_hand() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2], np.uint8)
    predicted = np.array([0, 0, 1, 1, 0, 0])
    metrics = compute_metrics(labels, predicted, 4)
    assert metrics.accuracy == 0.5
    assert metrics.confusion == [[2, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert metrics.precision == [0.5, 0.5, 0, 0]
    assert metrics.recall == pytest.approx([2 / 3, 0.5, 0, 0])
    assert metrics.f1 == pytest.approx([4 / 7, 0.5, 0, 0])
    # Class 3 has no examples and no part in the means.
    assert metrics.macro_precision == pytest.approx(1 / 3)
    assert metrics.macro_recall == pytest.approx((2 / 3 + 0.5) / 3)
    assert metrics.macro_f1 == pytest.approx((4 / 7 + 0.5) / 3)


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60)
)
def test_by_definition(pairs: list[tuple[int, int]]) -> None:
    labels = np.array([true for true, _ in pairs], np.uint8)
    predicted = np.array([guess for _, guess in pairs])
    metrics = compute_metrics(labels, predicted, 5)
    assert metrics.accuracy == np.mean(labels == predicted)
    for k in range(5):
        hits = sum(pair == (k, k) for pair in pairs)
        guessed = sum(guess == k for _, guess in pairs)
        true = sum(label == k for label, _ in pairs)
        assert metrics.precision[k] == pytest.approx(hits / guessed if guessed else 0)
        assert metrics.recall[k] == pytest.approx(hits / true if true else 0)
    assert np.sum(metrics.confusion) == len(pairs)
