"""What our contenders have in common.

The kernels are loaded with this module, as a framework's are with the framework, so
that neither the time nor the memory of that counts as feeding's.
"""

from typing import Any

import numpy as np

from benchmarks.feed_data import FeedData
from idxdata import Batches, Plan, Split

MANY_EPOCHS = 1000
"""More than are measured, for what is made once for all epochs."""


def batches(data: FeedData, batch_size: int, **options: Any) -> Batches:
    """Of the mapped split, in an order of seed 0; `options` are those of `Batches`."""
    plan = Plan(len(data.split), batch_size, seed=0)
    return Batches(data.split, plan, **options)


_TWO = Split(np.zeros((2, 1, 1), np.uint8), np.zeros(2, np.uint8))
batches(FeedData(_TWO), 1).batch(0, 0)
