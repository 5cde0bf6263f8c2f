"""Work in a copy of this process, so that one piece leaves no traces for the next.

A copy has the imports, but its heap is as nothing had been measured before: what
arrays cost depends on what was allocated and freed before them.
"""

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

_TASKS = Path("/proc/self/task")


def in_fork(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `work` returns, which is JSON, or {"error": text}. Not on Windows.

    Raises RuntimeError if this process has several threads: a copy has but one of
    them, and what the others held locked stays locked in it.
    """
    if _num_threads() > 1:
        raise RuntimeError("there are threads already: a fork could hang")
    reader, writer = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if not child:
        os.close(reader)
        _work_and_exit(work, writer)
    os.close(writer)
    with open(reader, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if not answer:
        return {"error": f"exit status {os.waitstatus_to_exitcode(status)}"}
    found: dict[str, Any] = json.loads(answer)
    return found


def _work_and_exit(work: Callable[[], dict[str, Any]], writer: int) -> None:
    try:
        answer = work()
    except Exception as error:  # noqa: BLE001  (it becomes a row)
        traceback.print_exc()
        answer = {"error": f"{type(error).__name__}: {error}"}
    with open(writer, "w") as pipe:
        json.dump(answer, pipe)
    sys.stderr.flush()
    os._exit(0)  # atexit handlers are the parent's


def _num_threads() -> int:
    """As the system counts them, which knows those of libraries too."""
    try:
        return len(list(_TASKS.iterdir()))
    except OSError:
        return threading.active_count()
