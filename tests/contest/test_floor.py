"""The matrix products of a step, against counts by hand."""

import pytest

from benchmarks.contest.floor import matmul_step_s, step_products
from trainers.recipes import RECIPES


def test_products_of_an_mlp() -> None:
    # 784-100-100-100-10: the first layer has no gradient of its input.
    assert step_products(RECIPES["mlp-3x100"], 8) == [
        (8, 784, 100), (784, 8, 100),
        (8, 100, 100), (100, 8, 100), (8, 100, 100),
        (8, 100, 100), (100, 8, 100), (8, 100, 100),
        (8, 100, 10), (100, 8, 10), (8, 10, 100),
    ]  # fmt: skip


def test_products_of_a_cnn() -> None:
    shapes = RECIPES["cnn-5x5"].shapes()
    products = step_products(RECIPES["cnn-5x5"], 2)
    height, width, filters = shapes[1]
    assert products[:2] == [
        (2 * height * width, 25, filters), (25, 2 * height * width, filters),
    ]  # fmt: skip
    assert len(products) == 3 * 4 - 1


def test_twice_the_batch_is_twice_the_work() -> None:
    def work(size: int) -> int:
        return sum(a * b * c for a, b, c in step_products(RECIPES["mlp-512"], size))

    assert work(64) == 2 * work(32)


def test_it_takes_time() -> None:
    assert 0 < matmul_step_s(RECIPES["mlp-3x100"], 8, budget_s=0.0)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_products(name: str) -> None:
    assert all(min(product) > 0 for product in step_products(RECIPES[name], 4))
