"""PyTorch as its tutorials do it: a Dataset of single examples.

torchvision (PIL, ToTensor) is not here; this is the plain equivalent of ToTensor,
which is less work.
"""

import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks.feed_data import Epoch, FeedData


class Examples(Dataset[tuple[torch.Tensor, int]]):
    """Image and label by row number."""

    def __init__(self, data: FeedData) -> None:
        self._images, self._labels = data.images, data.labels

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = torch.from_numpy(self._images[index]).float().div(255)
        return image, int(self._labels[index])


def start(data: FeedData, batch_size: int, *, num_workers: int = 0) -> Epoch:
    """Workers are started anew in each epoch, as DataLoader does by default."""
    loader = DataLoader(
        Examples(data), batch_size, shuffle=True, num_workers=num_workers
    )
    return lambda number: loader
