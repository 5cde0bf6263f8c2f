"""The child process of `benchmarks.scale_bench`: one subject at one size, as JSON.

A subject gives `per_example_s`, what an example costs once things run; `before_s`,
what has to be done before the first batch, if that is anything; `anonymous_nbytes`, the
most memory of its own that the process held meanwhile (not the page cache's, which the
system takes back).
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.memory import sampled_peak
from idxdata import Batches, Cache, Plan, Split, open_idx, read_idx, write_idx
from idxdata.order.strata import Stratified

BATCH_SIZE = 128
SAMPLE_S = 0.002
LEAST_S = 0.3
"""Steps are taken until a measurement takes this long, or the epoch is over."""

Record = dict[str, float]


@contextmanager
def peak_memory(record: Record) -> Iterator[None]:
    """Add `anonymous_nbytes` of the block, over what was there before it."""
    with sampled_peak(SAMPLE_S) as memory:
        yield
    record["anonymous_nbytes"] = float(memory.peak_nbytes - memory.before_nbytes)


def plan(order: dict[str, Any]) -> Record:
    """Batches out of a shuffled epoch, from its middle on."""
    return _planned(lambda: Plan(order["n"], BATCH_SIZE, seed=0))


def stratified(order: dict[str, Any]) -> Record:
    """The same of an order whose batches have the classes' shares; it has a table."""
    labels = _labels(order)
    return _planned(
        lambda: Plan(order["n"], BATCH_SIZE, seed=0, order=Stratified.by(labels))
    )


def ranks(order: dict[str, Any]) -> Record:
    """One rank of many, at 128 examples each; all ranks' parts of a step are checked."""
    num_ranks = order["ranks"]

    def make() -> Plan:
        size = BATCH_SIZE * num_ranks
        return Plan(order["n"], size, seed=0, rank=num_ranks // 2, num_ranks=num_ranks)

    record = _planned(make)
    whole = make()
    parts = [
        whole.with_rank(rank, num_ranks).indices(0, 3) for rank in range(num_ranks)
    ]
    assert np.array_equal(np.concatenate(parts), whole.global_batch(0, 3))
    return record


def order_digest(order: dict[str, Any]) -> Record:
    """`Plan.digest`, which a training run writes into its record, of one epoch."""
    Plan(1000, 10, seed=0).indices(0, 0)  # loads the kernel
    made = Plan(order["n"], BATCH_SIZE, seed=0)
    record: Record = {}
    with peak_memory(record):
        begin = time.perf_counter()
        made.digest(0)
        record["per_example_s"] = (time.perf_counter() - begin) / order["n"]
    return record


def cache(order: dict[str, Any]) -> Record:
    """A .gz decoded into a cache that lacks it."""
    folder = Path(order["folder"])
    place = Cache(folder / "cache")
    source = folder / f"images-{order['n']}.idx.gz"
    _warm_inflate(folder)
    place.prune(max_bytes=0)
    record: Record = {}
    with peak_memory(record):
        begin = time.perf_counter()
        array = place.open(source)
        record["before_s"] = time.perf_counter() - begin
    record["per_example_s"] = record["before_s"] / len(array)
    del array
    place.prune(max_bytes=0)
    return record


def data_digest(order: dict[str, Any]) -> Record:
    """`Split.digest` of a raw file mapped in place: what nobody has hashed before."""
    folder = Path(order["folder"])
    record: Record = {}
    with peak_memory(record):
        begin = time.perf_counter()
        images = open_idx(folder / f"images-{order['n']}.idx")
        assert Split(images, _labels(order)).digest
        record["before_s"] = time.perf_counter() - begin
    record["per_example_s"] = record["before_s"] / order["n"]
    return record


def feed(order: dict[str, Any]) -> Record:
    """Batches of a mapped split, shuffled, from the middle of an epoch on."""
    folder = Path(order["folder"])
    Batches(Split(np.zeros((1, 4, 4), np.uint8), np.zeros(1, np.uint8)), _one()).batch(
        0, 0
    )
    record: Record = {}
    with peak_memory(record):
        begin = time.perf_counter()
        images = open_idx(folder / f"images-{order['n']}.idx")
        split = Split(images, _labels(order))
        batches = Batches(split, Plan(order["n"], BATCH_SIZE, seed=0))
        middle = batches.num_steps // 2
        batches.batch(0, middle)
        record["before_s"] = time.perf_counter() - begin
        steps = (batch.labels for batch in batches.epoch(0, middle))
        record["per_example_s"] = _per_example_s(steps)
    return record


def _planned(make: Callable[[], Plan]) -> Record:
    Plan(1000, 10, seed=0).indices(0, 0)  # loads the kernel
    record: Record = {}
    with peak_memory(record):
        begin = time.perf_counter()
        made = make()
        middle = made.num_steps // 2
        made.indices(0, middle)
        record["before_s"] = time.perf_counter() - begin
        record["per_example_s"] = _per_example_s(made.steps(0, middle))
    return record


def _per_example_s(batches: Iterator[Any]) -> float:
    count, begin = 0, time.perf_counter()
    for batch in batches:
        count += len(batch)
        if time.perf_counter() - begin > LEAST_S:
            break
    return (time.perf_counter() - begin) / count


def _labels(order: dict[str, Any]) -> Any:
    return open_idx(Path(order["folder"]) / f"labels-{order['n']}.idx")


def _warm_inflate(folder: Path) -> None:
    """Load the kernel that large files are inflated by."""
    path = folder / "small.idx.gz"
    write_idx(path, np.zeros((2, 4, 4), np.uint8))
    read_idx(path, engine="numba")


def _one() -> Plan:
    return Plan(1, 1, seed=0)


SUBJECTS = {
    subject.__name__: subject
    for subject in (plan, stratified, ranks, order_digest, cache, data_digest, feed)
}


def main() -> None:
    order = json.loads(sys.argv[1])
    print(json.dumps({"record": SUBJECTS[order["subject"]](order)}))


if __name__ == "__main__":
    main()
