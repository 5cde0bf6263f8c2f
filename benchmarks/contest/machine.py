"""What is set the same for all contenders, and what the machine tells of itself."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil

from benchmarks.environment import describe_environment, thread_variables
from trainers.loops.job import Device

DECIDING = (
    "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "VECLIB_", "NUMEXPR_", "NUMBA_",
    "TF_", "XLA_", "JAX_", "PJRT_", "KERAS_", "TORCH", "PYTORCH_", "ATEN_", "ONEDNN_",
    "DNNL_", "CUDA_", "NVIDIA_TF32", "MALLOC_", "LD_PRELOAD", "GLIBC_TUNABLES", "PYTHON",
)  # fmt: skip
"""Beginnings of names that decide about threads, arithmetic or memory."""

KEPT = ("CUDA_VISIBLE_DEVICES", "LD_PRELOAD", "GLIBC_TUNABLES", "NUMBA_CACHE_DIR")
"""Of these, what whoever runs the benchmark may set: for all alike, and recorded."""

_CPUS = Path("/sys/devices/system/cpu")
_POWER = Path("/sys/class/powercap")


def child_environment(
    num_threads: int, device: Device, cache: Path
) -> tuple[dict[str, str], dict[str, str]]:
    """A child's variables, and those of them that could make a difference.

    Nothing that decides is inherited. `cache` takes what is compiled: an empty one
    makes every process's first step that of a machine which has compiled nothing yet.
    """
    number = str(num_threads)
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(DECIDING) or name.startswith((*KEPT, "MALLOC_"))
    }
    ours = thread_variables(num_threads) | {
        "NUMBA_NUM_THREADS": number,
        "TF_NUM_INTRAOP_THREADS": number,
        "JAX_PLATFORMS": "cuda,cpu" if device == "cuda" else "cpu",
        "JAX_ENABLE_COMPILATION_CACHE": "false",
        "TORCHINDUCTOR_CACHE_DIR": str(cache),
        "PYTHONHASHSEED": "0",
        # On a GPU all contenders are there at once: none may take all its memory.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
    environ = inherited | ours
    told = {
        name: value
        for name, value in environ.items()
        if name.startswith(DECIDING) and name != "TORCHINDUCTOR_CACHE_DIR"
    }
    return environ, told


def environment() -> dict[str, Any]:
    """The row's `environment`: what does not change while a benchmark runs."""
    return describe_environment() | {
        "memory_bytes": psutil.virtual_memory().total,
        "governor": _read(_CPUS / "cpu0/cpufreq/scaling_governor"),
        "turbo": turbo(_CPUS),
        "gpu": _gpu(),
        "changes": _changes(),
    }


def turbo(cpus: Path) -> bool | None:
    """Whether clocks may go above their base; None if the system does not tell."""
    no_turbo = _read(cpus / "intel_pstate/no_turbo")
    if no_turbo is not None:
        return no_turbo == "0"
    boost = _read(cpus / "cpufreq/boost")
    return None if boost is None else boost == "1"


def affinity(num_threads: int) -> list[int] | None:
    """The first `num_threads` usable CPUs; None where a process cannot choose."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    return sorted(os.sched_getaffinity(0))[:num_threads]


def mean_mhz() -> float | None:
    """Of all CPUs now; None if the system does not tell."""
    try:
        frequency = psutil.cpu_freq()
    except (OSError, NotImplementedError):
        return None
    return frequency.current if frequency is not None and frequency.current else None


def malloc_name(variables: Mapping[str, str]) -> str:
    """The C library's, or what is loaded before it."""
    name = " ".join(platform.libc_ver()).strip() or "the system's"
    preloaded = variables.get("LD_PRELOAD")
    return f"{preloaded} before {name}" if preloaded else name


def energy_joules(power: Path = _POWER) -> float | None:
    """The processor packages' counters, summed; None if they cannot be read.

    Linux's powercap, whose counters start again at some value: a difference of two
    readings that is negative says nothing.
    """
    total = 0.0
    found = False
    for domain in sorted(power.glob("intel-rapl:*")):
        if domain.name.count(":") != 1:
            continue  # part of a package
        value = _read(domain / "energy_uj")
        if value is None:
            return None
        total += int(value) * 1e-6
        found = True
    return total if found else None


def trees_cpu_s(processes: Iterable[psutil.Process]) -> float:
    """CPU time of these processes and all below them, so far."""
    return sum(map(_tree_cpu_s, processes))


def machine_busy_s() -> float:
    """CPU time that all CPUs have worked since some start, also for other guests."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # Linux counts a guest's time in `user` too.
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return float(sum(times) - idle - guests)


def _tree_cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
        below = process.children()
    except psutil.Error:
        return 0.0
    own = times.user + times.system
    ended = getattr(times, "children_user", 0.0) + getattr(
        times, "children_system", 0.0
    )
    return float(own + ended) + trees_cpu_s(below)


def _changes() -> str | None:
    """A digest of how the checkout's known files differ from its commit, or "none"."""
    try:
        done = subprocess.run(
            ["git", "diff", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return hashlib.sha256(done.stdout).hexdigest()[:12] if done.stdout else "none"


def _gpu() -> str | None:
    """Names of the GPUs, as NVIDIA's tool has them; None without it."""
    try:
        done = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return "; ".join(done.stdout.strip().splitlines()) or None


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
