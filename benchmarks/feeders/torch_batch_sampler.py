"""PyTorch: TensorDataset asked for whole batches, the quick way that few know."""

import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from benchmarks.feed_data import Epoch, FeedData, Pairs


def start(data: FeedData, batch_size: int) -> Epoch:
    """The sampler hands lists of row numbers to one indexing call."""
    dataset = TensorDataset(
        torch.from_numpy(data.images), torch.from_numpy(data.labels).long()
    )
    sampler = BatchSampler(RandomSampler(dataset), batch_size, drop_last=False)
    loader: DataLoader[tuple[torch.Tensor, ...]] = DataLoader(
        dataset, batch_size=None, sampler=sampler
    )

    def epoch(number: int) -> Pairs:
        for images, labels in loader:
            yield images.float().div_(255), labels

    return epoch
