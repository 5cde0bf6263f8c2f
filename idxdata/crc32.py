"""A running CRC-32 (RFC 1952 section 8), computed beside the inflate where that pays."""

import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

from idxdata.cpus import usable_cpus

_MIN_OVERLAPPED_NBYTES = 1 << 22
"""Below this, starting a thread costs more than it saves."""

_Parts = SimpleQueue[memoryview | threading.Event | None]
"""What the second thread gets: a part, a request to say that it is done, the end."""


class RunningCrc32:
    """The CRC-32 of the parts given to `update`, in order. Not thread-safe."""

    def __init__(self) -> None:
        self._value = 0
        self._parts: _Parts | None = None

    @contextmanager
    def overlapped(self, nbytes: int) -> Iterator[None]:
        """Compute in a second thread until the block ends, if `nbytes` are worth it
        and a thread can be had.

        Parts given to `update` must stay as they are until then.
        """
        if nbytes < _MIN_OVERLAPPED_NBYTES or usable_cpus() < 2:
            yield
            return
        parts: _Parts = SimpleQueue()
        thread = threading.Thread(target=self._work, args=(parts,), daemon=True)
        try:
            thread.start()
        except RuntimeError:
            yield  # A limit of threads, or the interpreter is shutting down.
            return
        self._parts = parts
        try:
            yield
        finally:
            self._parts = None
            parts.put(None)
            thread.join()

    def update(self, part: memoryview) -> None:
        if self._parts is None:
            self._value = zlib.crc32(part, self._value)
        else:
            self._parts.put(part)

    def take(self) -> int:
        """The CRC-32 of all parts since the last call; starts again."""
        if self._parts is not None:
            done = threading.Event()
            self._parts.put(done)
            done.wait()
        value, self._value = self._value, 0
        return value

    def _work(self, parts: _Parts) -> None:
        while (part := parts.get()) is not None:
            if isinstance(part, threading.Event):
                part.set()
            else:
                self._value = zlib.crc32(part, self._value)
