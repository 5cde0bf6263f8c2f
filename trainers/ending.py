"""How a process ends."""

import atexit
import os
import sys
from contextlib import suppress
from typing import NoReturn


def end(status: int) -> NoReturn:
    """End this process with that exit status.

    Threads of a PyTorch process group want Python once more when they end, and abort
    the whole process if Python has gone by then. So where there is a group, exit
    handlers run, streams are flushed, and nothing is taken down.
    """
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_initialized():
        sys.exit(status)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(status)
