"""One case of the feeding benchmark, one fresh process, one row."""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import order_bench, page_cache
from benchmarks.child import Row, run_child
from benchmarks.environment import CpuClock, foreign_load, thread_variables
from benchmarks.feed_contenders import DROPPED, SHARE_EPOCHS, WARM, FeedCase, input_name
from benchmarks.feed_data import LARGE, LARGE_FILES
from benchmarks.runner import Case, run_case
from benchmarks.turns import in_turn
from idxdata.cpus import usable_cpus

BUDGET_S = 0.25
_LIMIT_S = 600
ORDER_SIZES = (8_100_000,)


@dataclass(frozen=True, slots=True)
class Setting:
    """What is the same for all cases of a run.

    `source` is the data's name or folder for `load`, `count` the number of examples,
    None for all. Made files and the cache lie in `folder`.
    """

    source: str
    count: int | None
    folder: Path
    num_threads: int
    environment: Row

    def variables(self) -> dict[str, str]:
        """Threads of arithmetic; threads and processes that loaders start are theirs."""
        number = str(self.num_threads)
        return thread_variables(self.num_threads) | {
            "NUMBA_NUM_THREADS": number,
            "TF_NUM_INTRAOP_THREADS": number,
            "JAX_PLATFORMS": "cpu",
        }


def run_feed_case(case: FeedCase, setting: Setting) -> list[Row]:
    """Run `case` in a new process: a row for each batch size.

    One that fails gives a row with "error"; a wrong batch is a failure too.
    """
    if case.feeder.group == "share":
        return [_row(case, setting, case.batch_sizes[0]) | _share(case, setting)]
    if case.feeder.group == "order":
        return _orders(case.round_number, setting.environment)
    more: Row = {}
    if case.data == LARGE:
        more = {"resident_share": _settle_pages(case.state, setting.folder)}
    begin = CpuClock.now()
    environ = os.environ | setting.variables()
    found = run_child(
        "benchmarks.feed_measure", _order(case, setting), environ, _LIMIT_S
    )
    load = foreign_load(begin, CpuClock.now())
    rows = []
    for size in case.batch_sizes:
        row = _row(case, setting, size) | {"foreign_load": load}
        row["case"] |= more
        result = found.get("record", {}).get(str(size), found)
        rows.append(row | (result if "error" in result else {"record": result}))
    return rows


def _row(case: FeedCase, setting: Setting, batch_size: int) -> Row:
    group = case.feeder.group
    facts = {
        "group": group,
        "contender": case.feeder.name,
        "input": input_name(case.data, batch_size),
        "data": case.data,
        "batch_size": batch_size,
        "state": case.state,
        "round": case.round_number,
        "nbytes": batch_size * math.prod((28, 28)) * 4,
        "max_batches": case.feeder.max_batches,
        "threads": usable_cpus() if group == "share" else setting.num_threads,
    }
    return {"case": facts, "environment": setting.environment}


def _order(case: FeedCase, setting: Setting) -> dict[str, Any]:
    is_large = case.data == LARGE
    return {
        "group": case.feeder.group,
        "contender": case.feeder.name,
        "module": case.feeder.module,
        "source": LARGE if is_large else setting.source,
        "folder": str(setting.folder),
        "count": setting.count,
        "batch_sizes": case.batch_sizes,
        "max_batches": case.feeder.max_batches,
        "budget_s": BUDGET_S,
        # A second pass would find in memory what the first one brought there.
        "warm_up": case.state == WARM,
        "skip_first": is_large,
    }


def _settle_pages(state: str, folder: Path) -> float:
    """Bring the large set's images into memory or out; what share is there then."""
    path = folder / LARGE_FILES[0]
    if state == DROPPED:
        page_cache.drop(path)
    else:
        page_cache.fill(path)
    return page_cache.resident_share(path)


def _share(case: FeedCase, setting: Setting) -> Row:
    """Data's share of training, as the record of the run has it.

    With a thread for each CPU, as `make bench` trains: with fewer, data's share is less.
    """
    run = Case(
        recipe="mlp-3x100",
        loop=case.feeder.name,
        data=setting.source,
        seed=case.round_number,
        epochs=SHARE_EPOCHS,
        num_threads=usable_cpus(),
    )
    row = run_case(run, setting.environment, lambda: None)
    if "error" in row:
        return {"error": row["error"], "foreign_load": row["foreign_load"]}
    epochs = row["record"]["epochs"]
    data_s = sum(epoch["data_s"] for epoch in epochs)
    total_s = sum(epoch["total_s"] for epoch in epochs)
    record = {"share": data_s / total_s, "data_s": data_s, "total_s": total_s}
    return {"record": record, "foreign_load": row["foreign_load"]}


def _orders(round_number: int, environment: Row) -> list[Row]:
    """Whole orders by ours and by NumPy, in this process: their code is no import."""
    subjects = [
        s for s in order_bench.subjects(ORDER_SIZES) if s.key.group == order_bench.ORDER
    ]
    return [
        order_bench.measure(subject, round_number, environment)
        for subject in in_turn(subjects, round_number)
    ]
