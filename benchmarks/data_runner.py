"""One case of the data benchmark, one fresh process, one row."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.contenders import COLD, DataCase
from benchmarks.environment import CpuClock, foreign_load, thread_variables

Row = dict[str, Any]
"""What is stored of a case: "case", "environment", "foreign_load", and either
"record" (see `benchmarks.data_measure.measure`) or "error" (text)."""

WARM_BUDGET_S = 0.4
_LIMIT_S = 600
_ROOT = Path(__file__).parents[1]


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
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.data_measure", json.dumps(order)],
            check=False,
            capture_output=True,
            text=True,
            cwd=_ROOT,
            env=environ,
            timeout=_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"stopped after {_LIMIT_S} s"}
    if done.returncode:
        messages = done.stderr.strip().splitlines() or ["no message"]
        return {"error": f"exit status {done.returncode}: {messages[-1]}"}
    record = json.loads(done.stdout.splitlines()[-1])["record"]
    return _checked(case, record)


def _checked(case: DataCase, record: Row) -> Row:
    is_engine = case.contender.group == "engine"
    expected = case.file.raw_crc32 if is_engine else case.file.payload_crc32
    if record["crc32"] != expected:
        return {"error": f"wrong bytes: {case.file.name} has another CRC-32"}
    if case.contender.group == "reader":
        has_shape = record["shape"] == list(case.file.shape)
        record["keeps_shape"] = has_shape
    return {"record": record}
