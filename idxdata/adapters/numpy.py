"""Batches as NumPy arrays; the reference that the other adapters are held to."""

from collections.abc import Iterator

from idxdata.adapters._walking import Arrays, Elements, Walk, arrays, each
from idxdata.batches import Batches
from idxdata.formats import BatchFormat
from idxdata.gathering import gather_all
from idxdata.split import Split


def tensors(batches: Batches, epoch: int, start_step: int = 0) -> Iterator[Arrays]:
    """One epoch's (images, labels) or, with plans that pad, (images, labels, mask).

    No copies: 64-byte aligned, writable, and never overwritten while they are held.
    Moves the batches' position. Raises as `Batches.epoch` does.
    """
    return each(arrays, batches.epoch(epoch, start_step))


def dataset(batches: Batches, epochs: int) -> Elements[Arrays]:
    """An iterable, with a length, of what `tensors` gives.

    From the batches' position to the end of epoch `epochs` - 1; to iterate again is to
    start there again. Each batch handed out moves the position. Keras takes it by
    `fit(iter(dataset), steps_per_epoch=batches.num_steps)`, and takes two ahead.
    """
    return Elements(Walk.onwards(batches, epochs), arrays)


def whole(split: Split, format: BatchFormat) -> Arrays:
    """(images, labels) of all examples in file order, as fresh arrays.

    64-byte aligned, C-contiguous. Raises what `Gatherer` does.
    """
    return gather_all(split, format)


class Resident:
    """A split where it is: NumPy has no other device than the host."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def tensors(self, epoch: int, start_step: int = 0) -> Iterator[Arrays]:
        """What the adapter's `tensors` gives."""
        return tensors(self._batches, epoch, start_step)


def resident(batches: Batches, device: str = "cpu") -> Resident:
    """The split on the host, nothing copied. Raises `ValueError` for other devices."""
    if device != "cpu":
        raise ValueError(f"NumPy arrays are on cpu, not on {device!r}")
    return Resident(batches)
