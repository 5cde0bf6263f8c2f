"""Does a thread that makes the next batch pay? On and off in one process, in turn.

The consumer multiplies matrices, outside the interpreter's lock, for about as long as
a batch takes to make: there a thread can win the most, half of the time.
"""

import statistics
import time
from typing import Any

import numpy as np

from benchmarks.feed_data import FeedData
from idxdata import Augmentation, Batches, Plan

AUGMENTED = Augmentation(shift=2, rotate=15, scale=0.1, elastic=(34, 4))
PASSES = 5
_WIDTH = 96
_PROBE_ROWS = 256
_SHORT_S = 0.2


def measure_prefetch(
    order: dict[str, Any], data: FeedData, batch_size: int
) -> dict[str, Any]:
    """Seconds a batch, medians of passes over an epoch or its first batches.

    `alone_s` makes batches and does nothing with them, `work_s` is the consumer alone;
    `off_s` and `on_s` are both, without and with the thread.
    """
    plan = Plan(len(data.split), batch_size, seed=0)
    augmentation = AUGMENTED if order["contender"] == "augmented" else None
    loaders = {
        name: Batches(data.split, plan, augmentation=augmentation, prefetch=is_on)
        for name, is_on in (("off_s", False), ("on_s", True))
    }
    idle = Work(0)
    for batches in loaders.values():
        _pass(batches, 0, idle, steps=8)
    one_s = _pass(loaders["off_s"], 0, idle, steps=16)
    steps = min(plan.num_steps, max(16, round(_SHORT_S / one_s)))
    alone_s = [_pass(loaders["off_s"], 0, idle, steps) for _ in range(3)]
    work = Work(statistics.median(alone_s))
    found: dict[str, list[float]] = {"off_s": [], "on_s": []}
    for number in range(PASSES):
        for name, batches in loaders.items():
            found[name].append(_pass(batches, number, work, steps))
    return {
        "alone_s": statistics.median(alone_s),
        "work_s": work.seconds,
        **{name: statistics.median(values) for name, values in found.items()},
        "steps": steps,
    }


class Work:
    """One multiplication of matrices of about `target_s` seconds.

    `seconds`: what it takes. With 0 nothing is done. Its memory is its own and small,
    so that it does not evict the batch's.
    """

    def __init__(self, target_s: float) -> None:
        self._weights = np.ones((_WIDTH, _WIDTH), np.float32)
        self._resize(_PROBE_ROWS)
        self._resize(round(_PROBE_ROWS * target_s / self._measured()))
        self.seconds = self._measured()

    def _resize(self, num_rows: int) -> None:
        self._rows = np.ones((num_rows, _WIDTH), np.float32)
        self._out = np.empty_like(self._rows)

    def __call__(self) -> None:
        if len(self._rows):
            np.matmul(self._rows, self._weights, out=self._out)

    def _measured(self) -> float:
        times = []
        for _ in range(20):
            begin = time.perf_counter()
            self()
            times.append(time.perf_counter() - begin)
        return statistics.median(times)


def _pass(batches: Batches, epoch: int, work: Work, steps: int) -> float:
    begin = time.perf_counter()
    for number, _batch in enumerate(batches.epoch(epoch), 1):
        work()
        if number == steps:
            break
    return (time.perf_counter() - begin) / steps
