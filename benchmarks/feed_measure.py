"""The child process: one contender at some batch sizes; prints a JSON line.

The data is read and the contender imported once; each batch size has a fork.
"""

import importlib
import itertools
import json
import mmap
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.feed_data import Epoch, FeedData, open_data
from benchmarks.feed_inspection import INSPECTIONS
from benchmarks.feed_prefetch import measure_prefetch
from benchmarks.forks import in_fork
from benchmarks.memory import PeakMeter

Start = Callable[[FeedData, int], Epoch]

MAX_EPOCHS = 9
SLOW_S = 1.5
"""An epoch that takes longer is measured once only."""


def measure(
    order: dict[str, Any], data: FeedData, start: Start, batch_size: int
) -> dict[str, Any]:
    """The record of one batch size; `order` is made by `benchmarks.feed_runner`.

    Times in seconds. `start_s` gets ready. `batch_s` is an epoch's time over its
    batches and `first_batch_s` the wait for the first, medians of epochs; of the large
    set the first is not in `batch_s`, since it has the whole epoch's preparation in it
    and the epoch is cut short. `peak_nbytes` is of all this, over what the process
    held with the data in memory.
    """
    if not data.is_large:
        # A fork has none of a mapped file's pages yet: they are no cost of feeding.
        data.split.images.reshape(-1)[:: mmap.PAGESIZE].max()
    meter = PeakMeter()
    begin = time.perf_counter()
    epoch = start(data, batch_size)
    start_s = time.perf_counter() - begin
    times = _times(epoch, order)
    peak_nbytes = meter.peak_nbytes()
    look = INSPECTIONS[order["group"]]
    delivery = look(epoch(MAX_EPOCHS + 1), data.split)
    return {
        "start_s": start_s,
        **times,
        "peak_nbytes": peak_nbytes,
        "delivery": asdict(delivery),
    }


def _times(epoch: Epoch, order: dict[str, Any]) -> dict[str, Any]:
    """Epochs until the budget is spent, the first of them a warm-up if asked for."""
    measured: list[dict[str, float]] = []
    number = 0
    if order["warm_up"]:
        number += 1
        _one_epoch(epoch, 0, order["max_batches"])
    spent_s = 0.0
    cpu_begin, begin = time.process_time(), time.perf_counter()
    while len(measured) < MAX_EPOCHS:
        times = _one_epoch(epoch, number, order["max_batches"])
        measured.append(times)
        number += 1
        spent_s += times["total_s"]
        if not order["warm_up"] or times["total_s"] > SLOW_S:
            break
        if len(measured) >= 3 and spent_s > order["budget_s"]:
            break
    wall_s = time.perf_counter() - begin
    per_batch = [_batch_s(times, is_cut=order["skip_first"]) for times in measured]
    return {
        "batch_s": statistics.median(per_batch),
        "first_batch_s": statistics.median(t["first_s"] for t in measured),
        "cpu_share": (time.process_time() - cpu_begin) / wall_s,
        "epochs_batch_s": per_batch,
    }


def _batch_s(times: dict[str, float], *, is_cut: bool) -> float:
    if is_cut:
        return (times["total_s"] - times["first_s"]) / max(1, times["batches"] - 1)
    return times["total_s"] / times["batches"]


def _one_epoch(epoch: Epoch, number: int, max_batches: int | None) -> dict[str, float]:
    """Take all batches, or the first so many, as a loop does: one at a time."""
    clock = time.perf_counter
    begin = clock()
    pairs = iter(epoch(number))
    last = next(pairs)
    first_s = clock() - begin
    batches = 1
    rest = None if max_batches is None else max_batches - 1
    for last in itertools.islice(pairs, rest):
        batches += 1
    np.asarray(last[0])  # what is computed in the background must be there
    return {"first_s": first_s, "total_s": clock() - begin, "batches": batches}


def measure_sizes(order: dict[str, Any]) -> dict[str, Any]:
    """A record, or {"error": text}, for each of the order's batch sizes, by its text."""
    data = open_data(order["source"], Path(order["folder"]), order["count"])
    if not data.is_large:
        len(data.images), len(data.labels)  # in memory before anything is measured
    work = partial(measure_prefetch, order, data)
    if order["group"] != "prefetch":
        begin = time.perf_counter()
        start = importlib.import_module(order["module"]).start
        import_s = time.perf_counter() - begin
        work = partial(measure, order, data, start)
    records = {}
    for size in order["batch_sizes"]:
        record = in_fork(partial(work, size))
        if order["group"] != "prefetch" and "error" not in record:
            record["import_s"] = import_s
        records[str(size)] = record
    return records


if __name__ == "__main__":
    print(json.dumps({"record": measure_sizes(json.loads(sys.argv[1]))}))
