"""Aligned buffers that are used again, but never while somebody still looks at them."""

import math
import weakref

import numpy as np
from numpy.typing import DTypeLike, NDArray

ALIGNMENT = 64
"""Bytes; what TensorFlow demands of memory it takes over through dlpack."""


def _aligned_bytes(nbytes: int) -> memoryview:
    block = bytearray(nbytes + ALIGNMENT - 1)
    start = -np.frombuffer(block, np.uint8).ctypes.data % ALIGNMENT
    return memoryview(block)[start : start + nbytes]


class BufferRing:
    """Hands out arrays over a few blocks of memory that go round.

    A block is free again once the array made over it and every view of that
    array are gone, also views that torch, TensorFlow or JAX hold. A loop that
    lets go of batch k while it asks for batch k + 2 goes round two blocks and
    causes no page faults; one that keeps all batches gets a new block for each,
    with the right bytes in all of them.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self._dtype = np.dtype(dtype)
        self._nbytes = math.prod(shape) * self._dtype.itemsize
        self._free: list[memoryview] = []
        self.num_blocks = 0

    def take(self, shape: tuple[int, ...]) -> NDArray[np.generic]:
        """An array of `shape`, no larger than the ring's: unset, aligned, yours."""
        try:
            block = self._free.pop()
        except IndexError:
            block = _aligned_bytes(self._nbytes)
            self.num_blocks += 1
        # NumPy makes every view point at the last array in its chain of bases. That
        # is this one, since what lies below it is a bytearray and not an array; so
        # it lives exactly as long as anything that sees the block.
        array: NDArray[np.generic] = np.ndarray(shape, self._dtype, buffer=block)
        weakref.finalize(array, self._free.append, block).atexit = False
        return array
