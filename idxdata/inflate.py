"""Raw DEFLATE (RFC 1951) by either engine, with one interface and one set of defects."""

import zlib
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

# zlib's own words, so that both engines say the same.
DEFECTS = (
    "invalid block type",
    "invalid stored block lengths",
    "too many length or distance symbols",
    "invalid code lengths set",
    "invalid bit length repeat",
    "invalid code -- missing end-of-block",
    "invalid literal/lengths set",
    "invalid distances set",
    "invalid literal/length code",
    "invalid distance code",
    "invalid distance too far back",
)

_MAX_SOURCE_NBYTES = 1 << 16
_MAX_OUT_NBYTES = 1 << 19


class Defect(Exception):
    """Invalid DEFLATE data, as an engine reports it to gunzip.

    `name` is one of `DEFECTS`. `consumed` counts the whole source bytes before
    the one that holds the last bit it took to see the defect (-1: it is the last
    byte consumed before); `produced` counts the bytes that are known to have been
    decoded before it in this call. Our kernel knows of all; zlib keeps back those
    that ended in the same byte.
    """

    def __init__(self, name: str, consumed: int, produced: int) -> None:
        super().__init__(name, consumed, produced)
        self.name = name
        self.consumed = consumed
        self.produced = produced


class Inflater(Protocol):
    """One DEFLATE stream, resumable between calls.

    `inflate(source, out, last)` decodes from `source`, the unread compressed
    bytes at hand, into `out` (writable bytes) and returns how many bytes it
    consumed and produced, and whether the stream has ended. It may leave some
    source bytes to look further ahead: it wants them again, with more behind
    them; `last` says that there are no more. No progress with room in `out` and
    `last` set means that the stream is cut short. Raises `Defect`.

    With `start`, output goes to `out[start:]`, and `out[:start]` is what the calls
    since the last one with `start` 0 have produced: looking back there is quicker.
    """

    def inflate(
        self, source: memoryview, out: memoryview, last: bool, start: int = 0
    ) -> tuple[int, int, bool]: ...


class _ZlibInflater:
    """The standard library's inflate, fed so that the first defect's place is exact."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=-zlib.MAX_WBITS)

    def inflate(
        self, source: memoryview, out: memoryview, last: bool, start: int = 0
    ) -> tuple[int, int, bool]:
        # decompress() copies what it leaves, so it is given no more than it may use.
        source = source[:_MAX_SOURCE_NBYTES]
        out = out[start : start + _MAX_OUT_NBYTES]
        before = self._stream.copy()
        try:
            part = self._stream.decompress(source, len(out))
        except zlib.error:
            self._stream = before
            return self._replay(source, out)
        out[: len(part)] = part
        # At the end CPython may leave the same rest in both attributes.
        stream = self._stream
        left = stream.unused_data if stream.eof else stream.unconsumed_tail
        return len(source) - len(left), len(part), stream.eof

    def _replay(self, source: memoryview, out: memoryview) -> tuple[int, int, bool]:
        """Go byte by byte to the defect, which zlib does not place; or to where
        `out` is full before it, for the next call to find it."""
        produced = 0
        # At first no byte: zlib may have consumed a match that it refuses only now
        # that there is room for it. The defect then lies in the byte before.
        for end in range(len(source) + 1):
            byte = source[max(end - 1, 0) : end]
            try:
                part = self._stream.decompress(byte, len(out) - produced)
            except zlib.error as error:
                name = str(error).partition(": ")[2] or str(error)
                raise Defect(name, end - 1, produced) from None
            out[produced : produced + len(part)] = part
            produced += len(part)
            if produced == len(out):
                return end - len(self._stream.unconsumed_tail), produced, False
        raise AssertionError("zlib refused at once what it took byte by byte")


class _NumbaInflater:
    """Our kernel, with the state it keeps between calls."""

    def __init__(self) -> None:
        from idxdata._kernels import huffman, inflate

        self._kernel = inflate
        self._state = np.zeros(inflate.STATE_SIZE, np.uint64)
        self._tables = np.empty(huffman.TABLES_SIZE, np.uint32)
        # What came before out[0], and what came last: the window of the next `out`.
        self._window = np.empty(inflate.WINDOW_NBYTES, np.uint8)
        self._tail = np.empty(inflate.WINDOW_NBYTES, np.uint8)
        self._history = self._tail_nbytes = 0

    def inflate(
        self, source: memoryview, out: memoryview, last: bool, start: int = 0
    ) -> tuple[int, int, bool]:
        kernel, state = self._kernel, self._state
        if start == 0:
            self._window, self._tail = self._tail, self._window
            self._history = self._tail_nbytes
        state[kernel.IN], state[kernel.OUT] = 0, start
        state[kernel.LAST_SOURCE], state[kernel.HISTORY] = last, self._history
        bytes_in, bytes_out = np.asarray(source), np.asarray(out)
        # A writable source would have a type, and so a compilation, of its own.
        bytes_in.flags.writeable = False
        status = kernel.inflate(state, self._tables, self._window, bytes_in, bytes_out)
        consumed, end = int(state[kernel.IN]), int(state[kernel.OUT])
        if status < 0:
            raise Defect(DEFECTS[-status - 1], consumed - 1, end - start)
        self._keep_tail(bytes_out[:end])
        return consumed, end - start, bool(status == kernel.DONE)

    def _keep_tail(self, produced: NDArray[np.uint8]) -> None:
        """The last bytes of window and `produced` together."""
        size = len(self._tail)
        last = produced[-size:]
        rest = size - len(last)
        self._tail[:rest] = self._window[size - rest :]
        self._tail[rest:] = last
        self._tail_nbytes = min(size, self._history + len(last))


def new_inflater(engine: Literal["numba", "zlib"]) -> Inflater:
    """An inflater for one DEFLATE stream. "numba" compiles or loads the kernel."""
    return _NumbaInflater() if engine == "numba" else _ZlibInflater()
