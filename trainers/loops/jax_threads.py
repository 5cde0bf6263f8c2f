"""How many threads XLA's CPU client computes with: set before it starts, then seen.

The client reads `PJRT_NPROC` once, when it is made, and gives its pool so many threads;
`XLA_FLAGS=--xla_cpu_multi_thread_eigen=false` was seen to leave most operations on all
processors. Nothing in JAX tells the number, but on Linux threads have names.
"""

import os
import time
from pathlib import Path

import jax

from trainers.errors import LoopError

_POOL = "tf_XLAEigen"
_TASKS = Path("/proc/self/task")
_WAIT_S = 1.0

_known: int | None = None


def start_client(num_threads: int) -> int:
    """Start JAX's CPU client with that many threads; the number that it really has.

    Raises `LoopError` if it is running already with another number, or one unknown.
    """
    global _known
    if _known is None:
        _known = _started(num_threads)
    if _known != num_threads:
        raise LoopError(
            "JAX is already running in this process, and keeps its number of threads",
            expected=f"num_threads={num_threads}",
            found=_known or "an unknown number",
            hint="use another process",
        )
    return _known


def _started(num_threads: int) -> int:
    before, pools = _count_all(), _count_pool()
    restored = os.environ.get("PJRT_NPROC")
    os.environ["PJRT_NPROC"] = str(num_threads)
    try:
        jax.devices("cpu")
    finally:
        del os.environ["PJRT_NPROC"]
        if restored is not None:
            os.environ["PJRT_NPROC"] = restored
    if before is None:
        # No /proc: taken at its word.
        return num_threads
    if _count_all() == before:
        # It ran before; TensorFlow's threads have the same name, and would count.
        return pools
    # A thread names itself, once it runs.
    end = time.monotonic() + _WAIT_S
    while (found := _count_pool() - pools) < num_threads and time.monotonic() < end:
        time.sleep(0.001)
    return found


def _count_all() -> int | None:
    return len(list(_TASKS.iterdir())) if _TASKS.is_dir() else None


def _count_pool() -> int:
    count = 0
    for task in _TASKS.glob("*/comm"):
        try:
            count += task.read_text().strip() == _POOL
        except OSError:
            # It ended meanwhile.
            continue
    return count
