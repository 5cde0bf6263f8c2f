"""idxdata: a DataLoader that shuffles by itself and asks for whole batches."""

from torch.utils.data import DataLoader

from benchmarks.feed_data import Epoch, FeedData
from benchmarks.feeders import _ours  # noqa: F401  (loads the kernels)
from idxdata.adapters import torch as adapter


def start(data: FeedData, batch_size: int) -> Epoch:
    """PyTorch's order, not ours."""
    loader = DataLoader(
        adapter.examples(data.split),
        batch_size,
        shuffle=True,
        collate_fn=adapter.collate,
    )
    return lambda number: loader
