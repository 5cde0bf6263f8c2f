"""A second permutation, in NumPy, and what a good one looks like, as z values.

A statistic takes orders (epochs, n), each row a permutation of 0 .. n-1, and gives
how many standard deviations it lies from what independent, equally likely
permutations give.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Orders = NDArray[np.int64]
Shuffler = Callable[[int, NDArray[np.uint64], NDArray[np.uint64]], Orders]
"""shuffler(n, seeds, epochs) -> (len(seeds), n)"""

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def permutations(n: int, keys: NDArray[np.uint64], rounds: int) -> Orders:
    """docs/order.md with any number of rounds, one row a key, in array arithmetic."""
    bits = (n - 1).bit_length()
    mask, shift = np.uint64(2**bits - 1), np.uint64((bits + 1) // 2)
    numbers = np.arange(1, rounds + 1, dtype=np.uint64) * GOLDEN
    words = mix(keys[:, None] + numbers)
    multipliers = words & np.uint64(0xFFFFFFFF) | np.uint64(1)
    addends = words >> np.uint64(32)
    values = np.tile(np.arange(n, dtype=np.uint64), len(keys))
    row = np.repeat(np.arange(len(keys)), n)
    todo = np.arange(values.size)
    while todo.size:
        value, of = values[todo], row[todo]
        for r in range(rounds):
            value = (value * multipliers[of, r] + addends[of, r]) & mask
            value ^= value >> shift
        values[todo] = value
        todo = todo[value >= n]
    return values.reshape(len(keys), n).astype(np.int64)


def keyed(rounds: int) -> Shuffler:
    """Our order with that many rounds."""

    def shuffle(
        n: int, seeds: NDArray[np.uint64], epochs: NDArray[np.uint64]
    ) -> Orders:
        return permutations(n, mix(mix(seeds + GOLDEN) + epochs + GOLDEN), rounds)

    return shuffle


def added(n: int, seeds: NDArray[np.uint64], epochs: NDArray[np.uint64]) -> Orders:
    """Known bad: seed and epoch added."""
    return permutations(n, mix(seeds + epochs + GOLDEN), 16)


def control(n: int, seeds: NDArray[np.uint64], epochs: NDArray[np.uint64]) -> Orders:
    """NumPy's generator."""
    return np.array(
        [
            np.random.default_rng([int(seed), int(epoch)]).permutation(n)
            for seed, epoch in zip(seeds, epochs, strict=True)
        ]
    )


def chi_square_z(chi_square: float, degrees: float) -> float:
    """The cube-root approximation (Wilson, Hilferty 1931): good for few degrees too."""
    cube = (chi_square / degrees) ** (1 / 3)
    return (cube - (1 - 2 / (9 * degrees))) / math.sqrt(2 / (9 * degrees))


def fixed_points(orders: Orders) -> float:
    epochs, n = orders.shape
    count = (orders == np.arange(n)).sum()
    return float((count - epochs) / math.sqrt(epochs))


def cycles(orders: Orders) -> float:
    epochs, n = orders.shape
    least, jump = np.tile(np.arange(n), (epochs, 1)), orders
    for _ in range((n - 1).bit_length()):
        least = np.minimum(least, np.take_along_axis(least, jump, 1))
        jump = np.take_along_axis(jump, jump, 1)
    inverse = 1 / np.arange(1, n + 1)
    deviation = math.sqrt(epochs * float((inverse - inverse**2).sum()))
    count = (least == np.arange(n)).sum()
    return float((count - epochs * inverse.sum()) / deviation)


def inversions(orders: Orders) -> float:
    epochs, n = orders.shape
    count = sum(int((orders[:, :i] > orders[:, i : i + 1]).sum()) for i in range(1, n))
    deviation = math.sqrt(epochs * n * (n - 1) * (2 * n + 5) / 72)
    return (count - epochs * n * (n - 1) / 4) / deviation


def correlation(a: Orders, b: Orders) -> float:
    """Whether rows of `a` and `b` are alike, be it some forwards and some backwards.

    The square of a correlation of two permutations has the mean 1 / (n - 1).
    """
    n = a.shape[1]
    middle, variance = (n - 1) / 2, (n * n - 1) / 12
    each = ((a - middle) * (b - middle)).mean(axis=1) / variance
    return chi_square_z(float((each**2).sum() * (n - 1)), len(a))


def neighbours(orders: Orders, lag: int) -> float:
    return correlation(orders, np.roll(orders, lag, axis=1))


def steps_to_neighbours(orders: Orders) -> float:
    """The differences from one entry to the next, in 16 bins."""
    n = orders.shape[1]
    steps = np.diff(orders, axis=1) % n - 1
    bins = min(n - 1, 16)
    counts = np.bincount((steps * bins // (n - 1)).ravel(), minlength=bins)
    sizes = np.bincount(np.arange(n - 1) * bins // (n - 1), minlength=bins)
    expected = sizes / (n - 1) * steps.size
    return chi_square_z(float(((counts - expected) ** 2 / expected).sum()), bins - 1)


def table(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """Whether groups `a` of values and groups `b` of places go together.

    a and b: (epochs, n) group numbers. Sums the chi-squares of all epochs' tables:
    for permutations the mean is degrees * n / (n - 1).
    """
    epochs, n = a.shape
    rows, columns = int(a.max()) + 1, int(b.max()) + 1
    shift = np.arange(epochs)[:, None] * rows * columns
    cells = (a * columns + b + shift).ravel()
    counts = np.bincount(cells, minlength=epochs * rows * columns)
    counts = counts.reshape(epochs, rows, columns)
    expected = np.bincount(a[0])[:, None] * np.bincount(b[0]) / n
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    degrees = epochs * (rows - 1) * (columns - 1)
    return chi_square_z(chi_square * (n - 1) / n, degrees)


def batch_of(orders: Orders, batch_size: int) -> Orders:
    """The batch in which each example comes, (epochs, n)."""
    places = np.argsort(orders, axis=1)
    return places // batch_size


def class_counts(orders: Orders, batch_size: int) -> float:
    """Ten classes in sorted data, and batches."""
    epochs, n = orders.shape
    classes = np.tile(np.arange(n) * 10 // n, (epochs, 1))
    return table(batch_of(orders, batch_size), classes)


def low_bits(orders: Orders) -> float:
    return table(orders % 4, np.tile(np.arange(orders.shape[1]) % 4, (len(orders), 1)))


def pairs_meeting_again(orders: Orders, batch_size: int) -> float:
    """Whether those of one batch are together again in the next row's order."""
    batches = batch_of(orders, batch_size)
    return table(batches[:-1], batches[1:])


def same_place(a: Orders, b: Orders) -> float:
    """Examples at the same place in both: one a pair of orders is expected."""
    return float(((a == b).sum() - len(a)) / math.sqrt(len(a)))


def every_order(orders: Orders) -> float:
    """Whether all n! orders come equally often."""
    epochs, n = orders.shape
    _, counts = np.unique(orders @ n ** np.arange(n), return_counts=True)
    mean = epochs / math.factorial(n)
    missing = math.factorial(n) - len(counts)
    chi_square = ((counts - mean) ** 2 / mean).sum() + missing * mean
    return chi_square_z(float(chi_square), math.factorial(n) - 1)


def battery(shuffle: Shuffler, n: int, num_epochs: int) -> dict[str, float]:
    """All statistics of one seed's epochs, and of seeds and epochs side by side."""
    epochs = np.arange(num_epochs, dtype=np.uint64)
    seed = np.full(num_epochs, 7, np.uint64)
    orders = shuffle(n, seed, epochs)
    next_seed = shuffle(n, seed + np.uint64(1), epochs)
    batch_size = max(2, n // 20)
    z = {
        "fixed points": fixed_points(orders),
        "cycles": cycles(orders),
        "steps to neighbours": steps_to_neighbours(orders),
        "low bits": low_bits(orders),
        "classes in batches": class_counts(orders, batch_size),
        "pairs meeting again": pairs_meeting_again(orders, batch_size),
        "epoch to epoch": correlation(orders[:-1], orders[1:]),
        "seed to seed": correlation(orders, next_seed),
        "same place next epoch": same_place(orders[:-1], orders[1:]),
        "same place, next seed": same_place(orders, next_seed),
        "next seed, epoch before": same_place(orders[1:], next_seed[:-1]),
    }
    if n <= 1000:
        z["inversions"] = inversions(orders)
    lag = 1  # below 50 the square of a correlation is not near enough to chi-square
    while n >= 50 and lag < n // 2:
        z[f"lag {lag}"] = neighbours(orders, lag)
        lag *= 2 if lag < 4 else 4
    return z
