"""Batches as PyTorch tensors, without a copy."""

import operator
from collections.abc import Iterator

from idxdata.batches import Batch, Batches
from idxdata.errors import MissingFrameworkError

try:
    import torch
    from torch.utils.data import Dataset
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise MissingFrameworkError("torch", "torch") from error

Pair = tuple[torch.Tensor, torch.Tensor]


class BatchDataset(Dataset[Pair]):
    """Item i is batch i of all epochs in a row: epoch i // num_steps, then step."""

    def __init__(self, batches: Batches, epochs: int) -> None:
        self._batches = batches
        self._epochs = epochs

    def __len__(self) -> int:
        return self._epochs * self._batches.num_steps

    def __getitem__(self, index: int) -> Pair:
        index = operator.index(index)
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        return _tensors(self._batches.batch(*divmod(index, self._batches.num_steps)))


def dataset(batches: Batches, epochs: int) -> BatchDataset:
    """A map-style `torch.utils.data.Dataset` whose items are whole batches.

    Items are pairs of CPU tensors over our memory, no copy: images float32
    (m, ...), labels int64 (m,). For `DataLoader(..., batch_size=None)`, also with
    workers, which then copy through shared memory.
    """
    return BatchDataset(batches, epochs)


def tensors(batches: Batches, epoch: int) -> Iterator[Pair]:
    """One epoch's (images, labels), as `dataset` gives them, without a DataLoader."""
    return map(_tensors, batches.epoch(epoch))


def _tensors(batch: Batch) -> Pair:
    return torch.from_numpy(batch.images), torch.from_numpy(batch.labels)
