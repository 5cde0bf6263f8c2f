"""Datasets of Ray Data: `read_idx` against Ray's own readers of the same array.

`python -m benchmarks.ray_bench`. One Ray on this host, on loopback, two CPUs. Each
contender makes a dataset of uint8 images and goes through it once, in batches; rounds are
interleaved. How many blocks there are is Ray's choice unless it is said. `from_numpy`
starts from an array in memory, the others from files in the page cache; `read_idx, gz`
finds its file decoded in the cache but for the first, unmeasured time.
"""

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.child import Row
from benchmarks.data_results import Key, Results, make_row, parse_row
from benchmarks.report.cells import ratio_text, span
from benchmarks.report.console import print_table
from benchmarks.run_loop import Run, environment, new_console, new_rows_path, run_all
from idxdata import Cache, write_idx
from trainers.arguments import positive

GROUP = "epoch"
OURS = "read_idx"
BATCH_SIZE = 1024
STORE_NBYTES = 1 << 30

# Ray reads the first when it is imported: without, it listens on all addresses.
SETTINGS = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}

Make = Callable[[], Any]
"""A dataset to go through once."""


def start_ray() -> Any:
    """`ray.data`, with Ray running and quiet."""
    os.environ.update(SETTINGS)
    import ray
    import ray.data

    ray.init(
        num_cpus=2,
        object_store_memory=STORE_NBYTES,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        _node_ip_address="127.0.0.1",
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray.data


def contenders(data: Any, folder: Path, array: NDArray[np.uint8]) -> dict[str, Make]:
    """Files of the array, and how each is read."""
    from idxdata.adapters import ray as adapter

    raw, packed = folder / "images.idx", folder / "images.idx.gz"
    write_idx(raw, array)
    write_idx(packed, array)
    np.save(folder / "images.npy", array)
    data.from_numpy(array).write_parquet(str(folder / "parquet"))
    cache = Cache(folder / "cache")
    return {
        OURS: partial(adapter.read_idx, raw),
        f"{OURS}, 4 blocks": partial(adapter.read_idx, raw, override_num_blocks=4),
        f"{OURS}, gz": partial(adapter.read_idx, packed, cache=cache),
        "from_numpy": partial(data.from_numpy, array),
        "read_numpy": partial(data.read_numpy, str(folder / "images.npy")),
        "read_parquet": partial(data.read_parquet, str(folder / "parquet")),
    }


def go_through(make: Make, num_rows: int) -> float:
    """Seconds from making the dataset to its last batch."""
    begin = time.perf_counter()
    seen = 0
    for batch in make().iter_batches(batch_size=BATCH_SIZE, batch_format="numpy"):
        (column,) = batch.values()
        seen += len(column)
    taken = time.perf_counter() - begin
    if seen != num_rows:
        raise RuntimeError(f"{seen} rows came, not {num_rows}")
    return taken


def measure(
    name: str, make: Make, num_rows: int, round_number: int, facts: dict[str, Any]
) -> Row:
    """One row: seconds an epoch, and a row."""
    taken = go_through(make, num_rows)
    record = {"call_s": taken, "rows_per_ms": num_rows / taken / 1e3}
    key = Key(GROUP, name, f"{num_rows:,} rows", "warm")
    return make_row(key, round_number, record, facts)


def print_epochs(results: Results, console: Console) -> None:
    """One table. Ratios are of ours over the contender, paired by round."""
    rows = []
    for key in results.keys:
        ours = Key(GROUP, OURS, key.input, key.state)
        ratio = ratio_text(results.ratio(ours, key, "call_s"))
        rows.append(
            (
                key.contender,
                span(results, key, "rows_per_ms", 1),
                span(results, key, "call_s", 1e3),
                "" if key == ours else ratio,
            )
        )
    columns = ("by", "rows/ms (least-most)", "ms an epoch", f"{OURS} faster (95 %)")
    print_table(console, results.keys[0].input, columns, rows)


def main() -> int:
    """Returns the exit status: 0, or 1 if nothing was measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ray_bench", description=__doc__
    )
    parser.add_argument("--rounds", type=positive, default=9)
    parser.add_argument("--rows", type=positive, default=60_000)
    parser.add_argument("--results", type=Path, default=Path("results/ray_bench"))
    args = parser.parse_args()
    console, path = new_console(), new_rows_path(args.results)
    facts = environment(("ray", "pyarrow"))
    random = np.random.default_rng(0)
    array = random.integers(0, 256, (args.rows, 28, 28), dtype=np.uint8)
    data = start_ray()
    with tempfile.TemporaryDirectory() as folder:
        tried = contenders(data, Path(folder), array)
        for make in tried.values():  # workers are started, code is loaded
            go_through(make, args.rows)
        names = list(tried)
        runs = [
            Run(name, partial(measure, name, tried[name], args.rows, number, facts))
            for number in range(args.rounds)
            for name in names[number % len(names) :] + names[: number % len(names)]
        ]
        rows = run_all(runs, path, console)
    if not rows:
        return 1
    print_epochs(Results(parse_row(row) for row in rows), console)
    console.print(f"Rows: {path}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
