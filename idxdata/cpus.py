"""How much of the machine is ours."""

import os


def usable_cpus() -> int:
    """How many CPUs this process may run on, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
