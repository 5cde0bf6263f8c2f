"""Peak memory of a piece of work, over what the process held before it."""

import ctypes
import gc
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


class PeakMeter:
    """Counts from its making on.

    Linux: resident memory, the peak set back first. Elsewhere the growth of the
    process's all-time peak, which misses work smaller than what came before it.
    """

    def __init__(self) -> None:
        _reset_peak()
        self._base = _resident_nbytes()

    def peak_nbytes(self) -> int:
        """The most that was resident since, less what was at the beginning."""
        return max(0, _peak_nbytes() - self._base)


class AnonymousPeak:
    """What `sampled_peak` has seen, in bytes."""

    def __init__(self) -> None:
        self.before_nbytes = self.peak_nbytes = anonymous_nbytes()

    def sample(self) -> None:
        self.peak_nbytes = max(self.peak_nbytes, anonymous_nbytes())


@contextmanager
def sampled_peak(interval_s: float) -> Iterator[AnonymousPeak]:
    """The block's anonymous memory, looked at by a thread; Linux only.

    Unlike `PeakMeter` it leaves out the page cache's pages, which the system takes back.
    """
    peak = AnonymousPeak()
    done = threading.Event()

    def sample() -> None:
        while not done.wait(interval_s):
            peak.sample()

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield peak
        peak.sample()
    finally:
        done.set()
        sampler.join()


def anonymous_nbytes() -> int:
    """Anonymous resident memory of this process; Linux only."""
    value = _status("RssAnon")
    if value is None:
        raise OSError("no RssAnon in /proc/self/status")
    return value


def give_back_free_memory() -> None:
    """Return to the system what malloc keeps for later: it would hide allocations."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def _reset_peak() -> None:
    try:
        _CLEAR.write_text(_RESET_PEAK)
    except OSError:
        return


def _resident_nbytes() -> int:
    value = _status("VmRSS")
    return _all_time_peak() if value is None else value


def _peak_nbytes() -> int:
    value = _status("VmHWM")
    return _all_time_peak() if value is None else value


def _status(key: str) -> int | None:
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    return None


def _all_time_peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
