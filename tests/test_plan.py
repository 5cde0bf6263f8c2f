"""The order of batches: laws, pinned values, and statistics with known-bad controls."""

import math
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from idxdata import Plan, PlanError
from idxdata._kernels.permute import permute
from idxdata.plan import ROUNDS, round_constants

MASK64 = 2**64 - 1


def oracle_key_words(seed: int, epoch: int, rounds: int) -> list[int]:
    """The key schedule of plan.py's text, written down a second time."""

    def mix(z: int) -> int:
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
        return z ^ (z >> 31)

    golden = 0x9E3779B97F4A7C15
    key = mix((mix((seed + golden) & MASK64) + epoch + golden) & MASK64)
    return [mix((key + (r + 1) * golden) & MASK64) for r in range(rounds)]


def oracle_order(seed: int, epoch: int, n: int, rounds: int = ROUNDS) -> list[int]:
    """The permutation in plain Python integers."""
    words = oracle_key_words(seed, epoch, rounds)
    bits = (n - 1).bit_length()
    order = []
    for position in range(n):
        v = position
        while True:
            for word in words:
                v = (v * (word % 2**32 | 1) + (word >> 32)) % 2**bits
                v ^= v >> (bits + 1) // 2
            if v < n:
                break
        order.append(v)
    return order


def whole_order(n: int, seed: int, epoch: int, rounds: int) -> NDArray[np.int64]:
    """The kernel's permutation with any number of rounds."""
    out = np.empty(n, np.int64)
    bits = np.uint64((n - 1).bit_length())
    permute(
        np.uint64(0), np.uint64(n), bits, *round_constants(seed, epoch, rounds), out
    )
    return out


def epoch_indices(plan: Plan, epoch: int) -> NDArray[np.int64]:
    return np.concatenate([plan.indices(epoch, step) for step in range(plan.num_steps)])


@given(
    n=st.integers(1, 300),
    seed=st.integers(0, MASK64),
    epoch=st.integers(0, MASK64),
    batch_size=st.integers(1, 310),
)
def test_order_is_the_specified_permutation(
    n: int, seed: int, epoch: int, batch_size: int
) -> None:
    order = epoch_indices(Plan(n, batch_size, seed=seed), epoch)
    assert order.dtype == np.int64
    assert order.tolist() == oracle_order(seed, epoch, n)
    assert sorted(order) == list(range(n))


def test_pinned_order() -> None:
    # Published numbers: a change here breaks every stored run.
    order = [0, 3, 2, 4, 5, 8, 9, 6, 7, 1]
    assert Plan(10, 10, seed=0).indices(0, 0).tolist() == order
    batch = [10739, 12262, 41500, 12126, 36627, 42910, 49389, 29527]
    assert Plan(60_000, 8, seed=7).indices(3, 11).tolist() == batch


@pytest.mark.parametrize("start", [2**32 - 5, 2**31, 0])
def test_largest_plan(start: int) -> None:
    plan = Plan(2**32, 1, seed=5)
    words = oracle_key_words(5, 1, ROUNDS)
    v = start
    for word in words:
        v = (v * (word % 2**32 | 1) + (word >> 32)) % 2**32
        v ^= v >> 16
    assert plan.indices(1, start).tolist() == [v]


def test_neighbouring_seeds_share_no_epochs() -> None:
    # seed + epoch as a key would make these equal.
    a = epoch_indices(Plan(1000, 100, seed=7), 1)
    b = epoch_indices(Plan(1000, 100, seed=8), 0)
    assert (a == b).sum() < 20


@given(
    n=st.integers(1, 200),
    per_rank=st.integers(1, 9),
    num_ranks=st.integers(1, 7),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
)
def test_ranks_partition_each_global_batch(
    n: int, per_rank: int, num_ranks: int, shuffle: bool, drop_last: bool
) -> None:
    batch_size = per_rank * num_ranks

    def plan(rank: int, ranks: int) -> Plan:
        return Plan(
            n,
            batch_size,
            seed=1,
            shuffle=shuffle,
            drop_last=drop_last,
            rank=rank,
            num_ranks=ranks,
        )

    rest = n % batch_size
    if (drop_last and n < batch_size) or (not drop_last and 0 < rest < num_ranks):
        with pytest.raises(PlanError):
            plan(0, num_ranks)
        return
    whole = plan(0, 1)
    ranks = [plan(rank, num_ranks) for rank in range(num_ranks)]
    assert {part.num_steps for part in ranks} == {whole.num_steps}
    for step in range(whole.num_steps):
        parts = [part.indices(2, step) for part in ranks]
        assert np.array_equal(np.concatenate(parts), whole.indices(2, step))
        sizes = {len(part) for part in parts}
        assert max(sizes) - min(sizes) <= 1
        assert min(sizes) >= 1
        assert max(sizes) <= ranks[0].max_batch_size
    if drop_last:
        assert len(whole.indices(0, whole.num_steps - 1)) == batch_size


def test_sequential_keeps_file_order() -> None:
    plan = Plan(10, 4, seed=3, shuffle=False)
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
        ((10, 4), {"seed": 0, "num_ranks": 3}),
        ((10, 4), {"seed": 0, "num_ranks": 2, "rank": 2}),
        ((10, 4), {"seed": 0, "num_ranks": 2, "rank": -1}),
        ((3, 4), {"seed": 0, "drop_last": True}),
        ((9, 4), {"seed": 0, "num_ranks": 4}),
    ],
)
def test_impossible_plans_are_refused(
    arguments: tuple[int, int], options: dict[str, int]
) -> None:
    with pytest.raises(PlanError) as caught:
        Plan(*arguments, **options)  # type: ignore[arg-type]
    assert caught.value.expected is not None
    assert caught.value.found is not None


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64, np.uint64])
def test_numpy_integers_are_integers(kind: type[np.integer]) -> None:
    plan = Plan(kind(100), kind(30), seed=kind(7))
    expected = Plan(100, 30, seed=7).indices(21, 2)
    assert np.array_equal(plan.indices(kind(21), kind(2)), expected)
    assert plan == Plan(100, 30, seed=7)


@pytest.mark.parametrize(("epoch", "step"), [(0.0, 0), (0, 0.5), ("0", 0)])
def test_only_integers_are_steps(epoch: object, step: object) -> None:
    plan = Plan(10, 4, seed=0)
    plan.indices(0, 0)  # an equal key in a cache must not let 0.0 through
    with pytest.raises(PlanError):
        plan.indices(epoch, step)  # type: ignore[arg-type]


@pytest.mark.parametrize(("epoch", "step"), [(0, 3), (0, -1), (-1, 0), (2**64, 0)])
def test_no_such_step(epoch: int, step: int) -> None:
    with pytest.raises(PlanError):
        Plan(10, 4, seed=0).indices(epoch, step)


def chi_square_z(n: int, rounds: int, draws: int) -> float:
    """How far the counts of all n! orders are from equal, in standard deviations."""
    number = {order: i for i, order in enumerate(permutations(range(n)))}
    counts = np.zeros(math.factorial(n))
    for epoch in range(draws):
        counts[number[tuple(whole_order(n, 7, epoch, rounds).tolist())]] += 1
    mean = draws / len(counts)
    degrees = len(counts) - 1
    chi_square = ((counts - mean) ** 2 / mean).sum()
    return float((chi_square - degrees) / math.sqrt(2 * degrees))


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 7])
def test_small_orders_are_equally_likely(n: int) -> None:
    # The draws are fixed by their keys, so this cannot fail by chance.
    assert abs(chi_square_z(n, ROUNDS, 30_000)) < 3


@pytest.mark.parametrize(("n", "rounds"), [(4, 4), (6, 6), (7, 8)])
def test_small_orders_of_fewer_rounds_are_not(n: int, rounds: int) -> None:
    assert chi_square_z(n, rounds, 30_000) > 5


def class_count_variance(n: int, rounds: int) -> float:
    """Variance of class counts in batches of class-sorted data, 1 where it is ideal."""
    labels = np.arange(n) * 10 // n
    batch = 125
    counts = []
    for epoch in range(8):
        shuffled = labels[whole_order(n, 3, epoch, rounds)]
        for row in shuffled[: n // batch * batch].reshape(-1, batch):
            counts.append(np.bincount(row, minlength=10))
    ideal = batch * 0.1 * 0.9 * (n - batch) / (n - 1)
    return float(np.var(counts) / ideal)


def test_batches_mix_classes_of_sorted_data() -> None:
    assert class_count_variance(60_000, ROUNDS) == pytest.approx(1, abs=0.05)


def test_batches_of_two_rounds_do_not() -> None:
    assert class_count_variance(60_000, 2) < 0.9


def test_epochs_are_not_alike() -> None:
    n = 20_000
    orders = [whole_order(n, 1, epoch, ROUNDS) for epoch in range(12)]
    bound = 4 / math.sqrt(n)
    for before, after in pairwise(orders):
        assert abs(np.corrcoef(before, after)[0, 1]) < bound
        assert abs(np.corrcoef(after[1:], after[:-1])[0, 1]) < bound
