"""A running CRC-32 (RFC 1952 section 8), computed beside the inflate where that pays."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from idxdata.cpus import usable_cpus

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_MIN_OVERLAPPED_NBYTES = 1 << 22
"""Below this, starting a thread costs more than it saves."""


class RunningCrc32:
    """The CRC-32 of the parts given to `update`, in order. Not thread-safe."""

    def __init__(self) -> None:
        self._value = 0
        self._executor: ThreadPoolExecutor | None = None
        self._last: Future[None] | None = None

    @contextmanager
    def overlapped(self, nbytes: int) -> Iterator[None]:
        """Compute in a second thread until the block ends, if `nbytes` are worth it
        and a thread can be had.

        Parts given to `update` must stay as they are until then.
        """
        if nbytes < _MIN_OVERLAPPED_NBYTES or usable_cpus() < 2:
            yield
            return
        try:
            # Imported here: it costs as much as reading a small file.
            from concurrent.futures import ThreadPoolExecutor
        except RuntimeError:
            yield  # The interpreter is shutting down.
            return
        with ThreadPoolExecutor(1) as self._executor:
            try:
                yield
            finally:
                self._executor = None

    def update(self, part: memoryview) -> None:
        if self._executor is not None:
            try:
                self._last = self._executor.submit(self._add, part)
                return
            except RuntimeError:
                # No thread was to be had. What was begun comes first.
                self._executor = None
                if self._last is not None:
                    self._last.result()
        self._add(part)

    def take(self) -> int:
        """The CRC-32 of all parts since the last call; starts again."""
        if self._last is not None:
            self._last.result()
            self._last = None
        value, self._value = self._value, 0
        return value

    def _add(self, part: memoryview) -> None:
        self._value = zlib.crc32(part, self._value)
