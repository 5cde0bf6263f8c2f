"""The child process of `benchmarks.cache_bench`: one case; prints its record as JSON.

The clock starts after the imports of either side.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.memory import sampled_peak

WARM_CALLS = 200
SAMPLE_S = 0.01


def warm(function: Callable[[], Any]) -> dict[str, Any]:
    """Seconds of the first call in this process, and the median of many more.

    `first_cpu_s` leaves out the time that others had the CPU.

    `resident_nbytes`: how much of the mapped arrays is in this process's memory.
    """
    cpu_begin = time.process_time()
    begin = time.perf_counter()
    kept = function()
    first_s = time.perf_counter() - begin
    first_cpu_s = time.process_time() - cpu_begin
    resident_nbytes = mapped_resident_nbytes("data.npy")
    del kept
    calls = []
    for _ in range(WARM_CALLS):
        begin = time.perf_counter()
        kept = function()
        calls.append(time.perf_counter() - begin)
        del kept
    return {
        "first_s": first_s,
        "first_cpu_s": first_cpu_s,
        "warm_s": statistics.median(calls),
        "resident_nbytes": resident_nbytes,
    }


def ours(order: dict[str, Any]) -> Callable[[], Any]:
    import idxdata.loading
    from idxdata.cache import Cache, open_idx

    cache = Cache(order["cache"])
    if order["what"] == "open":
        path = order["sources"][0]
        return lambda: open_idx(path, cache=cache)
    folder = Path(order["sources"][0]).parent
    return lambda: idxdata.loading.load("mnist", folder=folder, cache=cache)


def numpy(order: dict[str, Any]) -> Callable[[], Any]:
    import numpy as np

    paths = order["entries"][:1] if order["what"] == "open" else order["entries"]
    return lambda: [np.load(path, mmap_mode="c") for path in paths]


def large(order: dict[str, Any]) -> dict[str, Any]:
    """Build one entry: seconds, peak anonymous memory, before it and in all."""
    from idxdata.cache import Cache

    with sampled_peak(SAMPLE_S) as memory:
        begin = time.perf_counter()
        array = Cache(order["cache"]).open(order["sources"][0])
        build_s = time.perf_counter() - begin
    return {
        "build_s": build_s,
        "nbytes": array.nbytes,
        "before_nbytes": memory.before_nbytes,
        "peak_nbytes": memory.peak_nbytes,
        "shape": array.shape,
    }


def mapped_resident_nbytes(name: str) -> int:
    """Resident memory of this process's maps of files of that name; Linux only."""
    total, is_wanted = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        key = line.split(None, 1)[0]
        if not key.endswith(":"):
            is_wanted = line.endswith(f"/{name}")
        elif is_wanted and key == "Rss:":
            total += int(line.split()[1]) * 1024
    return total


def main() -> None:
    order = json.loads(sys.argv[1])
    if order["what"] == "large":
        record = large(order)
    else:
        record = warm({"ours": ours, "numpy": numpy}[order["who"]](order))
    print(json.dumps({"record": record}))


if __name__ == "__main__":
    main()
