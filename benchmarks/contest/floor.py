"""What a step cannot do without: the time of its matrix products alone, in NumPy's BLAS.

A dense layer is one product forwards and two backwards, for its weights and for what is
below it (the first layer has nothing below). A convolution is counted as the product of
its unrolled patches, which are not unrolled here: that, like all other work, is not in.
Frameworks may multiply in other ways, so that a convolution can beat this figure.
"""

import math
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from trainers.layers import Conv, Dense
from trainers.loops.job import Dtype
from trainers.recipes import Recipe

Product = tuple[int, int, int]
"""Rows, inner size, columns."""


def step_products(recipe: Recipe, batch_size: int) -> list[Product]:
    """All matrix products of one train step."""
    shapes = recipe.shapes()
    products: list[Product] = []
    is_first = True
    for layer, before, after in zip(
        recipe.layers, shapes[:-1], shapes[1:], strict=True
    ):
        if isinstance(layer, Dense):
            rows, inner, columns = batch_size, math.prod(before), after[0]
        elif isinstance(layer, Conv):
            rows = batch_size * after[0] * after[1]
            inner, columns = layer.kernel_size**2 * before[2], after[2]
        else:
            continue
        products += [(rows, inner, columns), (inner, rows, columns)]
        if not is_first:
            products.append((rows, columns, inner))
        is_first = False
    return products


def matmul_step_s(
    recipe: Recipe,
    batch_size: int,
    precision: Dtype = "float32",
    *,
    budget_s: float = 0.3,
) -> float:
    """Seconds of `step_products` in that precision, one after the other; a median.

    Random numbers into ready arrays, with as many threads as BLAS has here.
    """
    random = np.random.default_rng(0)
    products = step_products(recipe, batch_size)
    work = [_product(random, sizes, precision) for sizes in products]
    return median(_timed(work, budget_s))


def _product(
    random: np.random.Generator, sizes: Product, precision: Dtype
) -> Callable[[], object]:
    rows, inner, columns = sizes
    dtype: Any = np.dtype(precision)
    a = random.standard_normal((rows, inner), dtype)
    b = random.standard_normal((inner, columns), dtype)
    out = np.empty((rows, columns), dtype)
    return lambda: np.matmul(a, b, out=out)


def _timed(work: list[Callable[[], object]], budget_s: float) -> list[float]:
    times: list[float] = []
    end = time.perf_counter() + budget_s
    while len(times) < 3 or time.perf_counter() < end:
        begin = time.perf_counter()
        for multiply in work:
            multiply()
        times.append(time.perf_counter() - begin)
    # The first ones bring memory and threads to life.
    return times[1:]
