"""Plans: laws that hold for every order, subset, last batch and number of ranks."""

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from idxdata import Plan, PlanError
from idxdata.order.strata import Stratified
from idxdata.order.subsets import First, Fold, OfClasses
from idxdata.plan import indices_digest

MASK64 = 2**64 - 1


def epoch_indices(plan: Plan, epoch: int) -> NDArray[np.int64]:
    return np.concatenate([plan.indices(epoch, step) for step in range(plan.num_steps)])


def labels_of(n: int) -> NDArray[np.uint8]:
    return (np.arange(n) * 7 % 5 % 3).astype(np.uint8)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Possible plans of up to 80 examples, rank 0 of one."""
    n = draw(st.integers(5, 80))
    subset = draw(
        st.sampled_from(
            [
                None,
                First(n // 2 + 1),
                Fold(3, 1, seed=5, part="train"),
                Fold(3, 2, seed=5, part="held_out"),
                OfClasses(labels_of(n), [0, 2]),
            ]
        )
    )
    kinds = ["shuffled", "sequential", Stratified.by(labels_of(n))]
    size = n if subset is None else subset.size(n)
    last_batch = draw(st.sampled_from(["keep", "drop", "pad"]))
    return Plan(
        n,
        draw(st.integers(1, size if last_batch == "drop" else 90)),
        seed=draw(st.integers(0, MASK64)),
        order=draw(st.sampled_from(kinds)),
        last_batch=last_batch,
        subset=subset,
    )


@given(plan=plans(), epoch=st.integers(0, MASK64))
def test_an_epoch_is_every_row_of_the_subset_once(plan: Plan, epoch: int) -> None:
    rows = epoch_indices(plan, epoch)
    assert rows.dtype == np.int64
    wanted = np.arange(plan.epoch_size)
    if plan.subset is not None:
        wanted = plan.subset.rows(wanted, plan.num_examples)
    if plan.last_batch == "drop":
        assert len(rows) == plan.epoch_size // plan.batch_size * plan.batch_size
        assert len(set(rows.tolist())) == len(rows)
        assert set(rows.tolist()) <= set(wanted.tolist())
        return
    assert sorted(rows[: plan.epoch_size]) == sorted(wanted)
    extra = len(rows) - plan.epoch_size
    if plan.last_batch == "keep":
        assert extra == 0
    else:
        assert 0 <= extra < plan.batch_size
        assert np.array_equal(np.resize(rows[: plan.epoch_size], len(rows)), rows)


@given(
    plan=plans(),
    num_ranks=st.integers(1, 7),
    more=st.integers(0, 56),
)
def test_ranks_partition_each_global_batch(
    plan: Plan, num_ranks: int, more: int
) -> None:
    batch_size = num_ranks + more
    size, last_batch = plan.epoch_size, plan.last_batch

    def make(rank: int, ranks: int) -> Plan:
        return Plan(
            plan.num_examples,
            batch_size,
            seed=plan.seed,
            order=plan.order,
            last_batch=last_batch,
            subset=plan.subset,
            rank=rank,
            num_ranks=ranks,
        )

    rest = size % batch_size
    if (last_batch == "drop" and size < batch_size) or (
        last_batch == "keep" and 0 < rest < num_ranks
    ):
        with pytest.raises(PlanError):
            make(0, num_ranks)
        return
    whole = make(0, 1)
    ranks = [make(rank, num_ranks) for rank in range(num_ranks)]
    assert {part.num_steps for part in ranks} == {whole.num_steps}
    assert {part.digest(2) for part in ranks} == {whole.digest(2)}
    most = 0
    for step in range(whole.num_steps):
        parts = [part.indices(2, step) for part in ranks]
        together = np.concatenate(parts)
        assert np.array_equal(together, whole.indices(2, step))
        assert np.array_equal(together, ranks[-1].global_batch(2, step))
        sizes = {len(part) for part in parts}
        assert max(sizes) - min(sizes) <= (len(together) % num_ranks > 0)
        assert min(sizes) >= 1
        most = max(most, *sizes)
        masks = [part.mask(step) for part in ranks]
        if last_batch == "pad":
            valid = np.concatenate([mask for mask in masks if mask is not None])
            first = step * batch_size
            assert valid.tolist() == [
                p < size for p in range(first, first + batch_size)
            ]
        else:
            assert masks == [None] * num_ranks
    assert {part.max_batch_size for part in ranks} == {most}


@given(plan=plans())
def test_plans_are_values(plan: Plan) -> None:
    again = pickle.loads(pickle.dumps(plan))
    assert again == plan
    assert hash(again) == hash(plan)
    assert again.describe() == plan.describe()
    assert again.digest(3) == plan.digest(3)
    assert plan.with_rank(0, 1) == plan
    assert plan.digest(3) == indices_digest(
        plan.indices(3, step) for step in range(plan.num_steps)
    )


def test_descriptions_differ_where_orders_do() -> None:
    n = 20
    other = labels_of(n)[::-1].copy()
    changes: list[dict[str, Any]] = [
        {},
        {"seed": 1},
        {"batch_size": 5},
        {"num_examples": 21},
        {"last_batch": "drop"},
        {"order": "sequential"},
        {"order": Stratified.by(labels_of(n))},
        {"order": Stratified.by(other)},
        {"subset": First(7)},
        {"subset": First(8)},
        {"subset": Fold(4, 0, seed=0, part="train")},
        {"subset": Fold(4, 0, seed=1, part="train")},
        {"subset": Fold(4, 0, seed=0, part="held_out")},
        {"subset": OfClasses(labels_of(n), [1])},
        {"subset": OfClasses(other, [1])},
    ]
    made = [
        Plan(**{"num_examples": n, "batch_size": 4, "seed": 0, **change})
        for change in changes
    ]
    assert len(set(made)) == len(made)
    assert len({repr(plan.describe()) for plan in made}) == len(made)


def test_ranks_are_not_described() -> None:
    plan = Plan(10, 4, seed=0)
    assert plan.with_rank(1, 2).describe() == plan.describe()


def test_pinned_order() -> None:
    # Published numbers: a change here breaks every stored run.
    order = [0, 3, 2, 4, 5, 8, 9, 6, 7, 1]
    assert Plan(10, 10, seed=0).indices(0, 0).tolist() == order
    batch = [10739, 12262, 41500, 12126, 36627, 42910, 49389, 29527]
    assert Plan(60_000, 8, seed=7).indices(3, 11).tolist() == batch


@pytest.mark.parametrize("n", [2**31, 2**31 + 1, 2**32 - 1, 2**32])
def test_largest_plans(n: int) -> None:
    from tests.test_order_spec import PAGE

    plan = Plan(n, 3, seed=5, last_batch="pad")
    for step in (0, n // 6, plan.num_steps - 1):
        rows = plan.indices(1, step).tolist()
        places = [p % n for p in range(3 * step, 3 * step + 3)]
        assert rows == [PAGE["permute"](p, n, 5, 1) for p in places]


@pytest.mark.parametrize("batch_size", [1, 2047, 2048, 2049, 5000])
def test_a_part_of_an_order_is_that_part_of_it(batch_size: int) -> None:
    whole = Plan(5000, 5000, seed=1).indices(0, 0)
    plan = Plan(5000, batch_size, seed=1)
    for step in (0, 1, plan.num_steps - 1):
        if step < plan.num_steps:
            start = step * batch_size
            part = plan.indices(0, step)
            assert np.array_equal(part, whole[start : start + batch_size])


def test_sequential_keeps_file_order() -> None:
    plan = Plan(10, 4, seed=3, order="sequential")
    assert epoch_indices(plan, 5).tolist() == list(range(10))
    assert [len(plan.indices(0, step)) for step in range(3)] == [4, 4, 2]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((0, 1), {"seed": 0}),
        ((10, 0), {"seed": 0}),
        ((2**32 + 1, 1), {"seed": 0}),
        ((10, 2), {"seed": -1}),
        ((10, 2), {"seed": 2**64}),
        ((10, 2), {"seed": 0.5}),
        ((10, 4), {"seed": 0, "num_ranks": 0}),
        ((10, 4), {"seed": 0, "num_ranks": 5}),
        ((10, 4), {"seed": 0, "num_ranks": 2, "rank": 2}),
        ((10, 4), {"seed": 0, "num_ranks": 2, "rank": -1}),
        ((3, 4), {"seed": 0, "last_batch": "drop"}),
        ((9, 4), {"seed": 0, "num_ranks": 4}),
        ((9, 4), {"seed": 0, "last_batch": "wrap"}),
        ((9, 4), {"seed": 0, "order": "random"}),
        ((9, 4), {"seed": 0, "order": "stratified"}),
        ((9, 4), {"seed": 0, "order": None}),
        ((9, 4), {"seed": 0, "order": Stratified.by(labels_of(8))}),
        ((9, 4), {"seed": 0, "subset": First(10)}),
        ((9, 4), {"seed": 0, "subset": Fold(10, 0, seed=0, part="train")}),
        ((9, 4), {"seed": 0, "subset": OfClasses(labels_of(8), [0])}),
        ((9, 4), {"seed": 0, "subset": range(3)}),
        ((9, 4), {"seed": 0, "subset": First(3), "last_batch": "drop"}),
    ],
)
def test_impossible_plans_are_refused(
    arguments: tuple[int, int], options: dict[str, Any]
) -> None:
    with pytest.raises(PlanError) as caught:
        Plan(*arguments, **options)
    assert caught.value.expected is not None
    assert caught.value.found is not None


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64, np.uint64])
def test_numpy_integers_are_integers(kind: type[np.integer[Any]]) -> None:
    plan = Plan(kind(100), kind(30), seed=kind(7))  # type: ignore[arg-type]
    expected = Plan(100, 30, seed=7).indices(21, 2)
    assert np.array_equal(plan.indices(kind(21), kind(2)), expected)  # type: ignore[arg-type]
    assert plan == Plan(100, 30, seed=7)
    assert all(type(value) is int for value in (plan.num_examples, plan.seed))


@pytest.mark.parametrize(("epoch", "step"), [(0.0, 0), (0, 0.5), ("0", 0)])
def test_only_integers_are_steps(epoch: object, step: object) -> None:
    plan = Plan(10, 4, seed=0)
    plan.indices(0, 0)  # an equal key in a cache must not let 0.0 through
    with pytest.raises(PlanError):
        plan.indices(epoch, step)  # type: ignore[arg-type]


@pytest.mark.parametrize("last_batch", ["keep", "drop", "pad"])
@pytest.mark.parametrize(("epoch", "step"), [(0, 3), (0, -1), (-1, 0), (2**64, 0)])
def test_no_such_step(epoch: int, step: int, last_batch: Any) -> None:
    plan = Plan(10, 4, seed=0, last_batch=last_batch)
    with pytest.raises(PlanError):
        plan.indices(epoch, step)
    if epoch == 0:
        with pytest.raises(PlanError):
            plan.mask(step)


def test_digests_are_of_int64() -> None:
    with pytest.raises(TypeError):
        indices_digest([np.arange(3, dtype=np.int32)])


@pytest.mark.parametrize("name", ["order", "last_batch"])
def test_words_that_are_arrays(name: str) -> None:
    wrong: Any = {name: np.arange(3)}
    with pytest.raises(PlanError):
        Plan(10, 2, seed=0, **wrong)
