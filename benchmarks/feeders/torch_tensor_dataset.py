"""PyTorch: TensorDataset and DataLoader, everything converted to float32 before."""

import torch
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.feed_data import Epoch, FeedData


def start(data: FeedData, batch_size: int) -> Epoch:
    """Needs the memory of all images as float32."""
    images = torch.from_numpy(data.images).float().div_(255)
    labels = torch.from_numpy(data.labels).long()
    loader = DataLoader(TensorDataset(images, labels), batch_size, shuffle=True)
    return lambda number: loader
