"""The walk that every adapter's `dataset` takes, and what it delivers of a batch."""

import operator
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from idxdata.batches import Batch, Batches

Arrays = tuple[NDArray[Any], ...]
T = TypeVar("T")


def arrays(batch: Batch) -> Arrays:
    """Images and labels, no copies; with plans that pad also the mask, bool (m,)."""
    if batch.mask is None:
        return batch.images, batch.labels
    return batch.images, batch.labels, batch.mask


def each(
    convert: Callable[[Batch], T], batches: Iterable[Batch]
) -> Generator[T, None, None]:
    """`map`, as a generator: of iterators Keras takes only those.

    By `yield from`, which keeps no reference to what it hands out.
    """
    yield from map(convert, batches)


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """Batches from (epoch, step) to the end of epoch `epochs` - 1.

    Where it starts is fixed: to iterate again is to start there again. Can be pickled.
    """

    batches: Batches
    epochs: int
    epoch: int
    step: int

    @classmethod
    def onwards(cls, batches: Batches, epochs: int) -> "Walk":
        """From the batches' position on. Raises `TypeError` for half an epoch."""
        return cls(batches, operator.index(epochs), *batches.position)

    def __len__(self) -> int:
        whole = (self.epochs - self.epoch) * self.batches.num_steps
        return max(0, whole - self.step)

    def start_step(self, epoch: int) -> int:
        """The first step of that epoch."""
        return self.step if epoch == self.epoch else 0

    def __iter__(self) -> Iterator[Batch]:
        """In order; moves the batches' position and their clocks."""
        for epoch in range(self.epoch, self.epochs):
            yield from self.batches.epoch(epoch, self.start_step(epoch))

    def at(self, number: int) -> Batch:
        """The batch of that number, from 0 on; moves nothing."""
        step = self.epoch * self.batches.num_steps + self.step + number
        return self.batches.batch(*divmod(step, self.batches.num_steps))

    def part(self, worker: int, num_workers: int) -> Iterator[Batch]:
        """Batches worker, worker + num_workers, ...; moves nothing."""
        return map(self.at, range(worker, len(self), num_workers))


class Elements(Generic[T]):
    """A walk's batches as `convert` makes them; can be iterated again, has a length."""

    def __init__(self, walk: Walk, convert: Callable[[Batch], T]) -> None:
        self._walk = walk
        self._convert = convert

    def __len__(self) -> int:
        return len(self._walk)

    def __iter__(self) -> Iterator[T]:
        return each(self._convert, self._walk)


def epoch_order(batches: Batches, epoch: int, start_step: int = 0) -> NDArray[np.int64]:
    """Row numbers of this rank's batches of one epoch, from `start_step` on, joined.

    Every batch but the last has the same size. Raises `PlanError` if there is no such
    epoch or step; `start_step` may be `num_steps`.
    """
    parts = batches.plan.steps(epoch, start_step)
    return np.concatenate([np.empty(0, np.int64), *parts])
