"""Which pages of a file lie in memory: tell the system, and ask it. Linux."""

import ctypes
import mmap
import os
from pathlib import Path

_CHUNK_NBYTES = 1 << 24


def drop(path: Path) -> None:
    """Have the system forget the file's pages, except those that somebody maps."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())  # dirty pages stay
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def fill(path: Path) -> None:
    """Read the file from end to end, unless nearly all of it lies in memory."""
    if resident_share(path) > 0.99:
        return
    with open(path, "rb", buffering=0) as file:
        while file.read(_CHUNK_NBYTES):
            pass


def resident_share(path: Path) -> float:
    """Of the file's pages, 0 to 1."""
    with (
        open(path, "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as view,
    ):
        pages = (ctypes.c_ubyte * -(-len(view) // mmap.PAGESIZE))()
        anchor = ctypes.c_ubyte.from_buffer(view)
        libc = ctypes.CDLL(None, use_errno=True)
        status = libc.mincore(
            ctypes.c_void_p(ctypes.addressof(anchor)), ctypes.c_size_t(len(view)), pages
        )
        del anchor  # or the map could not be closed
        if status:
            raise OSError(ctypes.get_errno(), f"mincore of {path}")
    return sum(page & 1 for page in memoryview(pages).cast("B")) / len(pages)
