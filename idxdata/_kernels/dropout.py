"""Dropout masks from numbers by position (`random.py`)."""

from typing import Any

import numpy as np
from numba import config

from idxdata._kernels.jit import kernel
from idxdata._kernels.random import DROPOUT, example_key, high24, word

# Its names are not there for the type checker.
_config: Any = config
# Interpreted, uint64 scalars warn where they wrap.
WARNS: bool = bool(_config.DISABLE_JIT)


@kernel
def fill_mask(out: np.ndarray, names: np.ndarray, threshold: int, kept: float) -> None:
    """out[i] = 0 where the upper 24 bits of word first + i are below threshold, else kept.

    `out`: float32 or float64 (n,), contiguous. `names`: uint64 (4,), seed, step, layer
    and first. One array, since scalars would be looked at one by one at every call, and
    Python's integers would be int64 or uint64 by their value. No validation.
    """
    key = np.uint64(example_key(names[0], names[1], DROPOUT, names[2]))
    first = names[3]
    for i in range(len(out)):
        drawn = high24(word(key, first + np.uint64(i)))
        out[i] = 0.0 if drawn < threshold else kept
