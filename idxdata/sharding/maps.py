"""Files mapped read-only without a descriptor each, so that there may be thousands.

Python's `mmap` keeps a duplicate of the descriptor for each map, and a process may
often have no more than 1024. The system's own needs none once the map is made. What
it does limit is the number of maps of a process (65,530 on Linux); of those, shards
take half at most. What cannot be mapped can still be read.
"""

import ctypes
import mmap
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar

import numpy as np

_MAX_MAP_COUNT = "/proc/sys/vm/max_map_count"
_MAX_MAPS = 1 << 15
"""Where the system does not tell how many it allows."""


class FileMap:
    """`nbytes` bytes of memory from `address` on, mapped until this is gone.

    `np.asarray(it)` is a read-only uint8 view that keeps it.
    """

    # Addresses of all there are: of a set, adding and taking is atomic.
    live: ClassVar[set[int]] = set()

    def __init__(
        self, address: int, nbytes: int, unmap: Callable[[int, int], object]
    ) -> None:
        self.address = address
        self.nbytes = nbytes
        # Bound here, as at the interpreter's end globals may be gone.
        self._unmap = unmap
        self.__array_interface__ = {
            "shape": (nbytes,),
            "typestr": "|u1",
            "data": (address, True),
            "version": 3,
        }
        self.live.add(address)

    def __del__(self) -> None:
        self.live.discard(self.address)
        self._unmap(self.address, self.nbytes)


def map_file(descriptor: int, nbytes: int) -> FileMap | None:
    """The first `nbytes` bytes, at least one, of an open file that has so many.

    The descriptor may be closed; the file must not be truncated as long as it is mapped.
    None if there is no room for another map, or the file cannot be mapped.
    """
    if not has_room():
        return None
    return _map(descriptor, nbytes)


def has_room() -> bool:
    """Whether the process may have another map of a shard."""
    return len(FileMap.live) < max_maps()


@cache
def max_maps() -> int:
    """How many files are mapped at a time, of all sharded arrays of the process."""
    try:
        with open(_MAX_MAP_COUNT) as file:
            return int(file.read()) // 2
    except (OSError, ValueError):
        return _MAX_MAPS


if sys.platform == "win32":

    def _map(descriptor: int, nbytes: int) -> FileMap | None:
        # Handles are not scarce there, and there is nothing without.
        try:
            made = mmap.mmap(descriptor, nbytes, access=mmap.ACCESS_READ)
        except OSError:
            return None
        address = np.frombuffer(made, np.uint8).ctypes.data
        return FileMap(address, nbytes, lambda *_: made)

else:

    @cache
    def _libc() -> Any:
        libc = ctypes.CDLL(None)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = (
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.c_int,
            ctypes.c_int,
            ctypes.c_int,
            ctypes.c_long,
        )
        libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
        return libc

    _FAILED = ctypes.c_void_p(-1).value

    def _map(descriptor: int, nbytes: int) -> FileMap | None:
        libc = _libc()
        address = libc.mmap(
            None, nbytes, mmap.PROT_READ, mmap.MAP_PRIVATE, descriptor, 0
        )
        if address in (None, _FAILED):
            return None
        return FileMap(address, nbytes, libc.munmap)
