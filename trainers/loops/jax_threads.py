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
_WAIT_S = 5.0

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
    before = _tasks()
    restored = os.environ.get("PJRT_NPROC")
    os.environ["PJRT_NPROC"] = str(num_threads)
    try:
        jax.devices("cpu")
    finally:
        del os.environ["PJRT_NPROC"]
        if restored is not None:
            os.environ["PJRT_NPROC"] = restored
    if not before:
        # No /proc: taken at its word.
        return num_threads
    # A thread names itself once it runs, on a busy machine some time after it was made.
    end = time.monotonic() + _WAIT_S
    while (found := _pool_size(before)) != num_threads and time.monotonic() < end:
        time.sleep(0.001)
    return found


def _pool_size(before: set[str]) -> int:
    """Threads of the pool that is new, or if none is, of the one that ran before.

    TensorFlow's threads have the same name: they count where its client ran before.
    """
    pool = {task for task in _tasks() if _name(task) == _POOL}
    return len(pool - before or pool)


def _tasks() -> set[str]:
    return {task.name for task in _TASKS.iterdir()} if _TASKS.is_dir() else set()


def _name(task: str) -> str:
    try:
        return (_TASKS / task / "comm").read_text().strip()
    except OSError:
        # It ended meanwhile.
        return ""
