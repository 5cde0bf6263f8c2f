"""idxdata over a map of which the system was told that rows are read at random."""

import mmap
from typing import Any

from benchmarks.feed_data import Epoch, FeedData
from benchmarks.feeders import ours_numpy
from idxdata.sharding import Images


def start(data: FeedData, batch_size: int) -> Epoch:
    """MADV_RANDOM: a missing page is read without its neighbours."""
    _map_of(data.split.images).madvise(mmap.MADV_RANDOM)
    return ours_numpy.start(data, batch_size)


def _map_of(array: Images) -> mmap.mmap:
    base: Any = array
    while not isinstance(base, mmap.mmap):
        base = base.obj if isinstance(base, memoryview) else base.base
        if base is None:
            raise TypeError("the array is no map")
    return base
