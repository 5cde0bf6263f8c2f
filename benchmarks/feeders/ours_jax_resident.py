"""idxdata: the split as bytes with JAX, which makes the batches itself; here a CPU.

64-bit numbers are on, for labels int64.
"""

import jax

from benchmarks.feed_data import Epoch, FeedData
from benchmarks.feeders._ours import batches
from idxdata.adapters import jax as adapter


def start(data: FeedData, batch_size: int) -> Epoch:
    """Needs the memory of all images once more."""
    jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]
    resident = adapter.resident(batches(data, batch_size))
    return resident.tensors
