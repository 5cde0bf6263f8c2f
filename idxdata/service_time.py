"""How long a consumer waits for its batches, and what share of its time that is."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

clock = time.perf_counter


@dataclass(frozen=True, slots=True)
class EpochTime:
    """One pass through an epoch, or through as much of it as was asked for. Seconds.

    `service_s`: spent inside the service, while the consumer waited (with prefetch: the
    wait for the thread). `total_s`: from the first request to the last return or,
    where the pass ended, to its end. Both clocks together cost about 0.2 us a batch.
    """

    epoch: int
    num_batches: int
    service_s: float
    total_s: float

    @property
    def share(self) -> float:
        """Of the pass that was spent in the service, 0 to 1."""
        return self.service_s / self.total_s if self.total_s else 0.0


class Meter:
    """Counts one pass, from the first request on."""

    __slots__ = ("_begin", "_end", "_epoch", "_num_batches", "_service_s")

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch
        self._num_batches = 0
        self._service_s = 0.0
        self._begin = self._end = clock()

    def each(self, items: Iterator[T]) -> Iterator[T]:
        """`items`, with the clock read before and after each is made."""
        while True:
            started = self._end = clock()
            item = next(items, None)
            if item is None:
                return
            self._end = clock()
            self._service_s += self._end - started
            self._num_batches += 1
            yield item
            # Not held while the next is made, which can then have its memory.
            del item

    def read(self) -> EpochTime:
        """So far."""
        total_s = self._end - self._begin
        return EpochTime(self._epoch, self._num_batches, self._service_s, total_s)
