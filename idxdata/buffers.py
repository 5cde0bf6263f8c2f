"""Aligned buffers that are used again, but never while somebody still looks at them."""

import ctypes
import math
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

ALIGNMENT = 64
"""Bytes; what TensorFlow demands of memory it takes over through dlpack."""

Block = Any
"""A ctypes array: memory that NumPy takes for none of its own arrays (see `take`)."""

Allocate = Callable[[int], Any]
"""Memory of so many bytes, as a writable buffer of bytes on any address."""


def _aligned_bytes(nbytes: int, allocate: Allocate = bytearray) -> Block:
    whole = allocate(nbytes + ALIGNMENT - 1)
    start = -address(np.frombuffer(whole, np.uint8)) % ALIGNMENT
    return (ctypes.c_ubyte * nbytes).from_buffer(whole, start)


def address(array: NDArray[Any]) -> int:
    """Where the first element lies."""
    return int(array.ctypes.data)


def is_aligned(array: NDArray[Any]) -> bool:
    """Whether the first element lies on a 64-byte boundary."""
    return not address(array) % ALIGNMENT


def aligned_empty(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """A fresh array of zeros, 64-byte aligned, C-contiguous, that owns its memory."""
    kind = np.dtype(dtype)
    block = _aligned_bytes(math.prod(shape) * kind.itemsize)
    return np.ndarray(shape, kind, buffer=block)


class BufferRing:
    """Hands out arrays over a few blocks of memory that go round.

    A block is free again once the array made over it and every view of that
    array are gone, also views that torch, TensorFlow or JAX hold. A loop that
    lets go of batch k while it asks for batch k + 2 goes round two blocks and
    causes no page faults; one that keeps all batches gets a new block for each,
    with the right bytes in all of them. What holds only an address does not
    count: for that take `aligned_empty`. Threads may share a ring.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self._dtype = np.dtype(dtype)
        self._shape = shape
        self._nbytes = math.prod(shape) * self._dtype.itemsize
        self._free: list[Block] = []
        self._lent: dict[int, tuple[weakref.ref[Any], Block]] = {}
        self._allocate: Allocate = bytearray
        self.num_blocks = 0

    def allocate_by(self, allocate: Allocate) -> None:
        """Take new blocks from `allocate`; blocks of another one are let go.

        Arrays handed out before stay valid; their memory does not come back here.
        """
        if allocate is not self._allocate:
            self._allocate, self.num_blocks = allocate, 0
            self._free, self._lent = [], {}

    def take(self, count: int) -> NDArray[Any]:
        """An array of `count` rows, at most the ring's: unset, aligned, yours."""
        try:
            block = self._free.pop()
        except IndexError:
            block = _aligned_bytes(self._nbytes, self._allocate)
            self.num_blocks += 1
        # NumPy makes every view point at the last array in its chain of bases. That
        # is this one, since what lies below it is a ctypes array and not NumPy's; so
        # it lives exactly as long as anything that sees the block.
        shape = self._shape
        if count != shape[0]:
            shape = (count, *shape[1:])
        array: NDArray[Any] = np.ndarray(shape, self._dtype, buffer=block)
        lease = weakref.ref(array, self._give_back)
        self._lent[id(lease)] = lease, block
        return array

    def _give_back(self, lease: weakref.ref[Any]) -> None:
        _, block = self._lent.pop(id(lease), (None, None))
        if block is not None:
            self._free.append(block)
