"""The shuffle is as random as NumPy's; known-bad shuffles are caught by the same tests.

Keys are fixed, so nothing here can fail by chance.
"""

import numpy as np
import pytest

from idxdata import Plan
from idxdata.order.permutation import ROUNDS
from tests.order_statistics import (
    Shuffler,
    added,
    battery,
    control,
    every_order,
    keyed,
)

LIMIT = 4.0
"""z values; some 90 of them, of which by chance one in 16,000 would be beyond."""

SIZES = [
    (10, 20_000),
    (60, 8_000),
    (128, 4_000),
    (1000, 1500),
    (4096, 700),
    (60_000, 10),
]
"""(examples, epochs)"""

GOOD = pytest.mark.parametrize(
    "shuffle", [keyed(ROUNDS), control], ids=["ours", "numpy"]
)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 64, 65, 1000])
def test_what_is_tested_here_is_the_order_of_plans(n: int) -> None:
    seeds = np.array([0, 7, 2**64 - 1], np.uint64)
    epochs = np.array([3, 0, 2**64 - 1], np.uint64)
    for seed, epoch, order in zip(
        seeds, epochs, keyed(ROUNDS)(n, seeds, epochs), strict=True
    ):
        plan = Plan(n, n, seed=int(seed))
        assert np.array_equal(plan.indices(int(epoch), 0), order)


@GOOD
@pytest.mark.parametrize(("n", "epochs"), SIZES)
def test_good_shuffles_pass(shuffle: Shuffler, n: int, epochs: int) -> None:
    beyond = {k: z for k, z in battery(shuffle, n, epochs).items() if abs(z) > LIMIT}
    assert not beyond


@pytest.mark.parametrize(
    ("n", "epochs", "statistic"),
    [
        (10, 20_000, "cycles"),
        (60, 8_000, "low bits"),
        (128, 4_000, "lag 16"),
        (1000, 1500, "lag 16"),
        (4096, 700, "low bits"),
    ],
)
def test_four_rounds_fail(n: int, epochs: int, statistic: str) -> None:
    assert abs(battery(keyed(4), n, epochs)[statistic]) > 1.5 * LIMIT


@pytest.mark.parametrize(("n", "epochs"), SIZES)
def test_seed_and_epoch_added_fail(n: int, epochs: int) -> None:
    z = battery(added, n, epochs)
    assert z["next seed, epoch before"] > 10 * LIMIT


def unmixed(n: int, seeds: np.ndarray, epochs: np.ndarray) -> np.ndarray:
    """Known bad: each example moves by a few hundred places only."""
    rng = np.random.default_rng(0)
    return np.argsort(np.arange(n) + rng.uniform(0, n / 2, (len(seeds), n)), axis=1)


def repeated(n: int, seeds: np.ndarray, epochs: np.ndarray) -> np.ndarray:
    """Known bad: batches stay together, only their order changes."""
    size = n // 20
    rng = np.random.default_rng(0)
    batches = rng.permutation(n).reshape(20, size)
    return np.array([batches[rng.permutation(20)].ravel() for _ in seeds])


def test_each_statistic_can_fail() -> None:
    near = battery(unmixed, 1000, 20)
    for name in ("cycles", "inversions", "steps to neighbours", "classes in batches"):
        assert abs(near[name]) > LIMIT, name
    for name in ("epoch to epoch", "seed to seed", "lag 1", "pairs meeting again"):
        assert abs(near[name]) > LIMIT, name
    again = battery(repeated, 1000, 20)
    for name in ("pairs meeting again", "same place next epoch"):
        assert abs(again[name]) > LIMIT, name


def draws(shuffle: Shuffler, n: int) -> float:
    epochs = np.arange(30_000, dtype=np.uint64)
    return every_order(shuffle(n, np.full(30_000, 7, np.uint64), epochs))


@GOOD
@pytest.mark.parametrize("n", [3, 4, 5, 6, 7])
def test_all_orders_of_few_examples_are_equally_likely(
    shuffle: Shuffler, n: int
) -> None:
    assert abs(draws(shuffle, n)) < LIMIT


@pytest.mark.parametrize(
    ("n", "rounds"), [(3, 4), (4, 4), (5, 4), (6, 4), (7, 4), (7, 8)]
)
def test_all_orders_by_fewer_rounds_are_not(n: int, rounds: int) -> None:
    assert draws(keyed(rounds), n) > LIMIT + 1
