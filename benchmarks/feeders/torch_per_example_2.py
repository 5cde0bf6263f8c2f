"""A Dataset of single examples with two worker processes."""

from benchmarks.feed_data import Epoch, FeedData
from benchmarks.feeders import torch_per_example


def start(data: FeedData, batch_size: int) -> Epoch:
    """Workers are started anew in each epoch, as DataLoader does by default."""
    return torch_per_example.start(data, batch_size, num_workers=2)
