"""PyTorch: TensorDataset and DataLoader over the bytes, each batch converted."""

import torch
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.feed_data import Epoch, FeedData, Pairs


def start(data: FeedData, batch_size: int) -> Epoch:
    """Images stay where they are, in memory or mapped."""
    images, labels = torch.from_numpy(data.images), torch.from_numpy(data.labels)
    loader = DataLoader(TensorDataset(images, labels), batch_size, shuffle=True)

    def epoch(number: int) -> Pairs:
        for rows, numbers in loader:
            yield rows.float().div_(255), numbers.long()

    return epoch
