"""Folds, class filters and class shares."""

import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import Plan, PlanError
from idxdata.order.strata import Stratified
from idxdata.order.subsets import First, Fold, OfClasses


@given(data=st.data(), n=st.integers(2, 200), seed=st.integers(0, 2**64 - 1))
def test_folds_partition_the_rows(data: st.DataObject, n: int, seed: int) -> None:
    num_folds = data.draw(st.integers(2, n))
    places = np.arange(n)
    held_out = []
    for index in range(num_folds):
        out = Fold(num_folds, index, seed=seed, part="held_out")
        train = Fold(num_folds, index, seed=seed, part="train")
        size = out.size(n)
        assert size in (n // num_folds, -(-n // num_folds))
        assert train.size(n) == n - size
        rows = out.rows(places[:size], n)
        others = train.rows(places[: n - size], n)
        assert sorted([*rows, *others]) == list(range(n))
        held_out += rows.tolist()
    assert sorted(held_out) == list(range(n))


def test_folds_of_another_seed_differ() -> None:
    folds = [Fold(2, 0, seed=seed, part="held_out") for seed in (1, 2)]
    a, b = (set(fold.rows(np.arange(500), 1000).tolist()) for fold in folds)
    assert 200 < len(a & b) < 300


def test_a_fold_is_not_the_order_of_an_epoch() -> None:
    fold = Fold(2, 0, seed=3, part="held_out")
    rows = fold.rows(np.arange(500), 1000)
    for epoch in range(6):
        order = Plan(1000, 500, seed=3).indices(epoch, 0)
        assert (rows == order).sum() < 10


def test_first_rows() -> None:
    plan = Plan(100, 7, seed=0, subset=First(10))
    assert plan.epoch_size == 10
    assert sorted([*plan.indices(0, 0), *plan.indices(0, 1)]) == list(range(10))


@given(
    labels=st.lists(st.integers(-3, 5), min_size=1, max_size=80),
    wanted=st.sets(st.integers(-3, 6), max_size=4),
)
def test_classes_in_file_order(labels: list[int], wanted: set[int]) -> None:
    rows = [i for i, label in enumerate(labels) if label in wanted]
    if not rows:
        with pytest.raises(PlanError):
            OfClasses(np.array(labels), sorted(wanted))
        return
    subset = OfClasses(np.array(labels), sorted(wanted))
    n = len(labels)
    assert subset.size(n) == len(rows)
    assert subset.rows(np.arange(len(rows)), n).tolist() == rows
    again = pickle.loads(pickle.dumps(subset))
    assert again == subset
    assert hash(again) == hash(subset)
    assert not again.table.flags.writeable


@pytest.mark.parametrize(
    "make",
    [
        lambda: First(0),
        lambda: First(2.5),  # type: ignore[arg-type]
        lambda: Fold(1, 0, seed=0, part="train"),
        lambda: Fold(3, 3, seed=0, part="train"),
        lambda: Fold(3, -1, seed=0, part="train"),
        lambda: Fold(3, 0, seed=-1, part="train"),
        lambda: Fold(3, 0, seed=0, part="test"),  # type: ignore[arg-type]
        lambda: OfClasses(np.zeros(3), [0]),
        lambda: OfClasses(np.zeros((3, 1), int), [0]),
        lambda: OfClasses(np.zeros(3, int), [1]),
        lambda: OfClasses(np.zeros(0, int), [1]),
        lambda: Stratified.by(np.zeros(3)),
        lambda: Stratified.by(np.zeros((3, 1), int)),
        lambda: Stratified.by(np.zeros(0, int)),
    ],
)
def test_impossible_subsets_are_refused(make: Any) -> None:
    with pytest.raises(PlanError) as caught:
        make()
    assert caught.value.expected is not None


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=150),
    batch_size=st.integers(1, 160),
    seed=st.integers(0, 2**64 - 1),
    epoch=st.integers(0, 9),
)
def test_stratified_batches_have_the_shares_of_classes(
    labels: list[int], batch_size: int, seed: int, epoch: int
) -> None:
    table = np.array(labels)
    n = len(labels)
    plan = Plan(n, batch_size, seed=seed, order=Stratified.by(table))
    sizes = np.bincount(table)
    for step in range(plan.num_steps):
        rows = plan.indices(epoch, step)
        counts = np.bincount(table[rows], minlength=len(sizes))
        # counts - sizes * m / n, in whole numbers
        away = np.abs(counts * n - sizes * len(rows))
        assert (away < (n if len(rows) == batch_size else 2 * n)).all()


def test_stratified_orders_are_not_alike() -> None:
    labels = np.arange(1000) % 10
    plan = Plan(1000, 50, seed=4, order=Stratified.by(labels))
    orders = np.array(
        [
            np.concatenate([plan.indices(epoch, step) for step in range(20)])
            for epoch in range(20)
        ]
    )
    for a, b in pairwise(orders):
        assert (a == b).sum() < 10
    # Each place of a batch gets each class: 400 draws of 10 classes a place.
    classes = labels[orders].reshape(-1, 50)
    counts = np.array([np.bincount(place, minlength=10) for place in classes.T])
    assert counts.min() > 15
    assert counts.max() < 75
    # Each row comes in each batch: 20 epochs, so not often twice in the same.
    batches = np.argsort(orders, axis=1) // 50
    most = max(np.bincount(row, minlength=20).max() for row in batches.T)
    assert most < 8


def test_stratified_pairs_of_a_batch_are_not_bound() -> None:
    # Classes of one size, permuted by one key, would keep their rows together.
    labels = np.arange(400) // 200
    plan = Plan(400, 20, seed=4, order=Stratified.by(labels))
    batch = np.empty((40, 400), np.int64)
    for epoch in range(40):
        for step in range(20):
            batch[epoch, plan.indices(epoch, step)] = step
    together = (batch[:, :200] == batch[:, 200:]).mean(axis=1)
    assert abs(together.mean() - 1 / 20) < 0.01


def test_rows_of_a_table_cannot_be_changed() -> None:
    order = pickle.loads(pickle.dumps(Stratified.by(np.array([1, 0, 1]))))
    assert order == Stratified.by(np.array([5, 3, 5], np.uint8))
    with pytest.raises(ValueError):
        order.rows[0] = 1


def test_classes_are_compared_as_integers() -> None:
    labels = np.array([2**63 + 5, 2**63 + 6, 7], np.uint64)
    assert OfClasses(labels, [2**63 + 5, 1, -1]).table.tolist() == [0]
    assert OfClasses(labels, {7, 8}).table.tolist() == [2]
    assert OfClasses(np.array([-1, 255], np.int16), [-1, 2**70]).table.tolist() == [0]


@pytest.mark.parametrize("wanted", [3, [[1], [1, 2]], [1.5], None, ["1"]])
def test_classes_that_are_no_integers(wanted: Any) -> None:
    with pytest.raises(PlanError):
        OfClasses(np.arange(5), wanted)


@pytest.mark.parametrize("labels", [[1, 2], np.ones(3), np.ones((2, 2), int), None])
def test_labels_that_are_none(labels: Any) -> None:
    with pytest.raises(PlanError):
        OfClasses(labels, [1])
    with pytest.raises(PlanError):
        Stratified.by(labels)


@pytest.mark.parametrize(
    ("rows", "starts"),
    [
        (np.arange(10, dtype=np.uint32), [0, 5]),
        (np.arange(4, dtype=np.uint32), [0, 5]),
        (np.full(5, 10**9, np.uint32), [0, 5]),
        (np.zeros(5, np.uint32), [0, 5]),
        (np.arange(5, dtype=np.uint32), [0, 3, 3, 5]),
        (np.arange(5, dtype=np.uint32), [1, 5]),
        (np.arange(5), [0, 5]),
        (np.empty(0, np.uint32), [0, 0]),
    ],
)
def test_tables_that_are_none(rows: Any, starts: list[int]) -> None:
    with pytest.raises(PlanError):
        Stratified(10, rows, np.array(starts))
