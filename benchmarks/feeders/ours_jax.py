"""idxdata: JAX arrays over our memory; 64-bit numbers are on, for labels int64."""

import jax

from benchmarks.feed_data import Epoch, FeedData
from benchmarks.feeders._ours import batches
from idxdata.adapters import jax as adapter


def start(data: FeedData, batch_size: int) -> Epoch:
    """As users call it."""
    jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]
    ours = batches(data, batch_size)
    return lambda number: adapter.tensors(ours, number)
