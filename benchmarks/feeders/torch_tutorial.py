"""PyTorch as its quickstart does it: `datasets.MNIST(transform=ToTensor())`, DataLoader.

torchvision itself is not needed: these are the steps that its `MNIST.__getitem__` and
`ToTensor` take for each example, by way of a Pillow image.
"""

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from benchmarks.feed_data import Epoch, FeedData


class Examples(Dataset[tuple[torch.Tensor, int]]):
    """Image float32 (1, height, width) in [0, 1], and label, by row number."""

    def __init__(self, data: FeedData) -> None:
        self._images = torch.from_numpy(np.array(data.images))
        self._labels = torch.from_numpy(data.labels.astype(np.int64))

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = Image.fromarray(self._images[index].numpy())
        label = int(self._labels[index])
        pixels = torch.from_numpy(np.array(image, np.uint8, copy=True))
        pixels = pixels.view(image.size[1], image.size[0], 1)
        pixels = pixels.permute((2, 0, 1)).contiguous()
        return pixels.to(dtype=torch.float32).div(255), label


def start(data: FeedData, batch_size: int) -> Epoch:
    """In this process, as DataLoader does by default."""
    loader = DataLoader(Examples(data), batch_size, shuffle=True)
    return lambda number: loader
