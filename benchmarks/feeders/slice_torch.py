"""The same in PyTorch, without a DataLoader."""

import torch

from benchmarks.feed_data import Epoch, FeedData, Pairs


def start(data: FeedData, batch_size: int) -> Epoch:
    """Batches have memory of their own."""
    images = torch.from_numpy(data.images)
    labels = torch.from_numpy(data.labels).long()

    def epoch(number: int) -> Pairs:
        order = torch.randperm(len(labels))
        for first in range(0, len(order), batch_size):
            rows = order[first : first + batch_size]
            yield images[rows].float().div_(255), labels[rows]

    return epoch
