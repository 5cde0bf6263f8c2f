"""Initial weights: seed -> named float32 arrays, the same bits on every machine.

Glorot and Bengio's uniform initialisation (AISTATS 2010, equation 16), biases 0.
The random numbers are splitmix64's (Steele, Lea, Flood 2014) by counter, not a
library's, whose stream may change from one version to the next.
"""

import hashlib
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.recipes import Recipe

Weights = dict[str, NDArray[Any]]
"""Arrays by name, in the order, names and shapes of `Recipe.weight_shapes`."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def initial_weights(recipe: Recipe, seed: int) -> Weights:
    """Weights by name in the neutral layout of `Recipe.weight_shapes`.

    float32. Kernels are uniform in +-sqrt(6 / (fan_in + fan_out)), gamma and
    moving_variance of batch normalisation 1, all others 0. `seed` is 0 to 2^64 - 1.
    """
    weights = {}
    for index, (name, shape) in enumerate(recipe.weight_shapes().items()):
        if not name.endswith("kernel"):
            is_one = name.endswith(("gamma", "moving_variance"))
            weights[name] = np.full(shape, is_one, np.float32)
            continue
        receptive_field = math.prod(shape[:-2])
        limit = math.sqrt(6 / (receptive_field * (shape[-2] + shape[-1])))
        uniform = _uniform(seed, index, math.prod(shape)).reshape(shape)
        weights[name] = (limit * (2 * uniform - 1)).astype(np.float32)
    return weights


def weights_digest(weights: Weights) -> str:
    """SHA-256 (hex) over names, shapes and little-endian float32 bytes, in order."""
    digest = hashlib.sha256()
    for name, array in weights.items():
        digest.update(f"{name} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array, "<f4").data)
    return digest.hexdigest()


def _uniform(seed: int, stream: int, count: int) -> NDArray[np.float64]:
    """`count` numbers in [0, 1), multiples of 2^-53, a function of the arguments."""
    key = _mix64(_mix64(np.array([seed], np.uint64) + _GOLDEN) + np.uint64(stream))
    counters = np.arange(1, count + 1, dtype=np.uint64)
    words = _mix64(key + counters * _GOLDEN) >> np.uint64(11)
    return words.astype(np.float64) * 2.0**-53


def _mix64(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
