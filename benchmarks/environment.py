"""What could explain a figure: machine, versions, thread settings, foreign load."""

import importlib.metadata
import os
import platform
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idxdata.cpus import usable_cpus

PACKAGES = (
    "idxdata",
    "numpy",
    "numba",
    "torch",
    "tensorflow",
    "tensorflow-cpu",
    "keras",
    "jax",
    "jaxlib",
    "scikit-learn",
)


def describe_environment() -> dict[str, Any]:
    """Facts that do not change during a benchmark; values are JSON."""
    return {
        "cpu": _cpu_model(),
        "usable_cpus": usable_cpus(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": _versions(),
        "commit": _commit(),
    }


def thread_variables(num_threads: int) -> dict[str, str]:
    """Environment variables that give every library in a child the same threads."""
    return {
        "OMP_NUM_THREADS": str(num_threads),
        "MKL_NUM_THREADS": str(num_threads),
        "OPENBLAS_NUM_THREADS": str(num_threads),
        "VECLIB_MAXIMUM_THREADS": str(num_threads),
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


@dataclass(frozen=True, slots=True)
class CpuClock:
    """Seconds since some start: wall time, and CPU time of the machine and of us."""

    wall_s: float
    machine_busy_s: float | None
    ours_s: float

    @classmethod
    def now(cls) -> "CpuClock":
        """`ours_s` counts this process and its finished children."""
        times = os.times()
        ours = sum(times[:4])
        return cls(time.perf_counter(), _machine_busy_s(), ours)


def foreign_load(begin: CpuClock, end: CpuClock) -> float | None:
    """Mean number of CPUs kept busy by others in between; None if unknown.

    Includes time that a hypervisor gave to other guests ("steal").
    """
    if begin.machine_busy_s is None or end.machine_busy_s is None:
        return None
    busy = end.machine_busy_s - begin.machine_busy_s - (end.ours_s - begin.ours_s)
    return max(0.0, busy / (end.wall_s - begin.wall_s))


def _machine_busy_s() -> float | None:
    try:
        line = Path("/proc/stat").read_text().split("\n", 1)[0]
    except OSError:
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, line.split()[1:9]
    )
    ticks = user + nice + system + irq + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK")


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _commit() -> str | None:
    """The checkout's commit, with "+changes" behind it where files differ from it."""
    try:
        result = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+changes"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()
