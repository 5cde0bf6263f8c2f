"""One case of the data benchmark, one fresh process, one row."""

import os
import tempfile
import time
from pathlib import Path

from benchmarks.child import Row, run_child
from benchmarks.contenders import COLD, DataCase
from benchmarks.environment import CpuClock, foreign_load, thread_variables

WARM_BUDGET_S = 0.4
_LIMIT_S = 600


def run_data_case(case: DataCase, environment: Row, numba_cache: Path) -> Row:
    """Run `case` in a new process. One that fails gives a row with "error".

    `numba_cache` is the disk cache of compiled kernels; a case in the state `COLD`
    gets an empty one of its own instead. A wrong array is a failure too.
    """
    row: Row = {"case": describe_case(case), "environment": environment}
    begin = CpuClock.now()
    with tempfile.TemporaryDirectory() as empty:
        cache = empty if case.state == COLD else str(numba_cache)
        row |= _run_child(case, os.environ | _variables(case, cache))
    row["foreign_load"] = foreign_load(begin, CpuClock.now())
    return row


def describe_case(case: DataCase) -> Row:
    """The case as JSON."""
    return {
        "group": case.contender.group,
        "contender": case.contender.name,
        "input": case.file.name,
        "state": case.state,
        "round": case.round_number,
        "nbytes": _out_nbytes(case),
        "file_nbytes": case.file.path.stat().st_size,
    }


def _variables(case: DataCase, cache: str) -> dict[str, str]:
    variables = {"NUMBA_CACHE_DIR": cache}
    if case.contender.group == "engine":
        variables |= thread_variables(1) | {"NUMBA_NUM_THREADS": "1"}
    return variables


def _out_nbytes(case: DataCase) -> int:
    """What comes out: an engine decodes the header too."""
    is_engine = case.contender.group == "engine"
    return case.file.raw_nbytes if is_engine else case.file.nbytes


def _run_child(case: DataCase, environ: dict[str, str]) -> Row:
    order = {
        "group": case.contender.group,
        "module": case.contender.module,
        "path": str(case.file.path),
        "nbytes": _out_nbytes(case),
        # A cold process is about its first call only.
        "warm_budget_s": 0 if case.state == COLD else WARM_BUDGET_S,
        "spawned_s": time.monotonic(),
    }
    row = run_child("benchmarks.data_measure", order, environ, _LIMIT_S)
    return row if "error" in row else _checked(case, row["record"])


def _checked(case: DataCase, record: Row) -> Row:
    is_engine = case.contender.group == "engine"
    expected = case.file.raw_crc32 if is_engine else case.file.payload_crc32
    if record["crc32"] != expected:
        return {"error": f"wrong bytes: {case.file.name} has another CRC-32"}
    if case.contender.group == "reader":
        has_shape = record["shape"] == list(case.file.shape)
        record["keeps_shape"] = has_shape
    return {"record": record}
