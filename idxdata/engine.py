"""Which engine inflates raw DEFLATE (RFC 1951): names, and the rule for "auto"."""

import os
import sys
from pathlib import Path
from typing import Literal, get_args

Engine = Literal["auto", "numba", "zlib"]
ENGINES: tuple[str, ...] = get_args(Engine)

# What the rule reckons with, in seconds, rounded from `make bench-data`. Per
# compressed byte, since that is what inflating takes time by, whatever the payload.
_ZLIB_S_PER_BYTE = 20e-9
_NUMBA_S_PER_BYTE = 7e-9
_CALL_S = 1e-4
_LOAD_S = 0.4
_IMPORT_S = 0.5
_COMPILE_S = 8.0

_KERNEL = "idxdata._kernels.inflate"


def choose_engine(engine: Engine, nbytes: int | None) -> Literal["numba", "zlib"]:
    """The engine to take for `nbytes` compressed bytes; None: nobody knows how many.

    "auto" takes the one that will have finished first, counting what the kernel
    still has to do in this process: nothing, be loaded from numba's disk cache, or
    be compiled. So a small file never waits for a compilation. `python -m idxdata
    warm` compiles ahead.

    Raises `ValueError` for an unknown engine.
    """
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}: expected one of {ENGINES}")
    if engine != "auto":
        return engine
    if nbytes is None:
        return "numba" if _KERNEL in sys.modules else "zlib"
    zlib_s = nbytes * _ZLIB_S_PER_BYTE
    numba_s = nbytes * _NUMBA_S_PER_BYTE + _CALL_S
    if numba_s + _start_s(zlib_s - numba_s) < zlib_s:
        return "numba"
    return "zlib"


def _start_s(gain_s: float) -> float:
    """Seconds until the kernel can run; not looked into where `gain_s` is too little."""
    if _KERNEL in sys.modules:
        return 0.0
    import_s = 0.0 if "numba" in sys.modules else _IMPORT_S
    if gain_s > import_s + _LOAD_S and is_kernel_cached():
        return import_s + _LOAD_S
    return import_s + _COMPILE_S


def is_kernel_cached() -> bool:
    """Whether numba's disk cache has the kernel for this Python, by its file's name.

    Looks where numba puts it: `NUMBA_CACHE_DIR`, else beside the source, else the
    user's cache folder (of Linux; elsewhere a folder that cannot be written counts
    as one without a kernel). numba itself is not imported.
    """
    name = f"inflate.inflate-*.py{sys.version_info.major}{sys.version_info.minor}*.nbi"
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return any(Path(chosen).glob(f"*/{name}"))
    beside = Path(__file__).parent / "_kernels" / "__pycache__"
    users = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return any(beside.glob(name)) or any(users.glob(f"numba/*/{name}"))
