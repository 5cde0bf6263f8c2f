"""Which engine inflates raw DEFLATE (RFC 1951): names, and the rule for "auto"."""

import os
import sys
from pathlib import Path
from typing import Literal, get_args

Engine = Literal["auto", "numba", "zlib"]
ENGINES: tuple[str, ...] = get_args(Engine)

# What the rule reckons with, in seconds, rounded from `make bench-data`. Per
# compressed byte, since that is what inflating takes time by, whatever the payload.
_ZLIB_S_PER_BYTE = 14e-9
_NUMBA_S_PER_BYTE = 6e-9
_CALL_S = 1e-4
_LOAD_S = 0.2
_IMPORT_S = 0.3
_COMPILE_S = 4.5

_KERNEL = "idxdata._kernels.inflate"

_lost_s = 0.0
"""What "auto" would have saved in this process so far, had the kernel been loaded."""


def choose_engine(engine: Engine, nbytes: int | None) -> Literal["numba", "zlib"]:
    """The engine to take for `nbytes` compressed bytes; None: nobody knows how many.

    "auto" takes the one that will have finished first, counting what the kernel
    still has to do in this process: nothing, be loaded from numba's disk cache, or
    be compiled. A process that reads many small files loads it once they would have
    saved as much as loading costs, so that it never loses more than that; but only
    a single large file makes it compile. `python -m idxdata warm` compiles ahead.

    Raises `ValueError` for an unknown engine.
    """
    global _lost_s
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}: expected one of {ENGINES}")
    if engine != "auto":
        return engine
    is_loaded = _KERNEL in sys.modules
    if nbytes is None:
        return "numba" if is_loaded else "zlib"
    gain_s = nbytes * (_ZLIB_S_PER_BYTE - _NUMBA_S_PER_BYTE) - _CALL_S
    if gain_s <= 0:
        return "zlib"
    import_s = 0.0 if "numba" in sys.modules else _IMPORT_S
    if (
        is_loaded
        or gain_s > import_s + _COMPILE_S
        or (_lost_s + gain_s > import_s + _LOAD_S and is_kernel_cached())
    ):
        return "numba"
    _lost_s += gain_s
    return "zlib"


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
