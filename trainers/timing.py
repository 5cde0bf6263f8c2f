"""One epoch, with its time split into data, compute and loop. For every framework."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

TICK_S = 0.5

Tick = Callable[[list[float], list[int]], None]
"""Called between two steps, with the losses and batch sizes of the epoch so far."""


@dataclass(frozen=True, slots=True)
class TimedEpoch:
    """Seconds; `total_s` is from before the first batch to after the last loss.

    `data_s` waits for batches; None where the framework fetches them by itself and
    waiting cannot be told from computing.
    """

    total_s: float
    data_s: float | None
    compute_s: float
    losses: list[float]
    batch_sizes: list[int]


def timed_epoch(
    step: Callable[[Any, Any], Any],
    to_floats: Callable[[list[Any]], list[float]],
    pairs: Iterable[tuple[Any, Any]],
    tick: Tick | None = None,
) -> TimedEpoch:
    """Call step(images, labels) for each pair; `to_floats` reads the losses at the end.

    Losses stay tensors until the epoch is over, so that no step waits for its number.
    Reading clock and batch size costs some tenths of a microsecond a step. `tick` is
    called every `TICK_S` seconds and after the last step; its time is not part of the
    epoch's.
    """
    clock = time.perf_counter
    data_s = compute_s = ticking_s = 0.0
    losses: list[Any] = []
    batch_sizes: list[int] = []
    values: list[float] = []
    iterator = iter(pairs)
    begin = before = clock()
    next_tick = begin + TICK_S if tick is not None else float("inf")
    while True:
        pair = next(iterator, None)
        ready = clock()
        data_s += ready - before
        if pair is None:
            break
        losses.append(step(*pair))
        before = clock()
        compute_s += before - ready
        batch_sizes.append(int(pair[1].shape[0]))
        # Before the next is asked for: its memory can be used again for that.
        del pair
        if before >= next_tick and tick is not None:
            values += to_floats(losses)
            losses.clear()
            ticked = clock()
            tick(values, batch_sizes)
            before = clock()
            ticking_s += before - ticked
            next_tick = before + TICK_S
    if losses:
        values += to_floats(losses)
    total_s = clock() - begin - ticking_s
    if tick is not None:
        tick(values, batch_sizes)
    return TimedEpoch(total_s, data_s, compute_s, values, batch_sizes)
