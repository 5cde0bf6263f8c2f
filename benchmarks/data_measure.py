"""The child process: one contender on one input; prints its record as a JSON line.

Imports little before the clock starts, and nothing a contender might bring itself but
NumPy: `first_s` of every contender has its own imports in it, and NumPy's in none.
"""

import importlib
import json
import statistics
import sys
import time
from typing import Any

from benchmarks.data_jobs import JOBS, Job
from benchmarks.memory import PeakMeter, give_back_free_memory

MAX_WARM_CALLS = 15


def measure(order: dict[str, Any]) -> dict[str, Any]:
    """The record of one case; `order` is made by `benchmarks.data_runner`.

    Times in seconds. `import_s` and `first_s` are of the first call in the process,
    `process_s` reaches from the parent's start of the process to that call's end.
    The peak is of the first call in `first_peak_nbytes`, of warm ones in `peak_nbytes`.
    """
    job = JOBS[order["group"]](order["path"], order["nbytes"])
    begin = time.perf_counter()
    module = importlib.import_module(order["module"])
    import_s = time.perf_counter() - begin
    meter = PeakMeter()
    begin = time.perf_counter()
    job.start(module)
    result = job.run()
    first_s = time.perf_counter() - begin
    process_s = time.monotonic() - order["spawned_s"]
    first_peak_nbytes = meter.peak_nbytes()
    checked = job.check(result)
    job.settle(result)
    del result
    record = {
        "import_s": import_s,
        "first_s": first_s,
        "process_s": process_s,
        "first_peak_nbytes": first_peak_nbytes,
    }
    if order["warm_budget_s"]:
        record |= _warm(job, order["warm_budget_s"])
    return record | checked


def _warm(job: Job, budget_s: float) -> dict[str, Any]:
    """Repeat until the budget is spent: median, CPU time per wall time, peak memory."""
    give_back_free_memory()
    meter = PeakMeter()
    calls: list[float] = []
    cpu_s = 0.0
    while not calls or (len(calls) < MAX_WARM_CALLS and sum(calls) < budget_s):
        cpu_begin = time.process_time()
        begin = time.perf_counter()
        result = job.run()
        calls.append(time.perf_counter() - begin)
        cpu_s += time.process_time() - cpu_begin
        # Freed before the next call, or two results would be alive in it.
        job.settle(result)
        del result
    return {
        "warm_s": statistics.median(calls),
        "warm_calls_s": calls,
        "warm_cpu_share": cpu_s / sum(calls),
        "peak_nbytes": meter.peak_nbytes(),
    }


if __name__ == "__main__":
    print(json.dumps({"record": measure(json.loads(sys.argv[1]))}))
