"""An entry's data: decoded into `data.npy`, and read again to see that it is sound.

Bounded memory: pieces of 4 MiB, three of them where a second thread hashes and
writes one while the next is decoded.
"""

import hashlib
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import FileIO
from queue import SimpleQueue
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from idxdata.caching.entries import npy_header
from idxdata.caching.layout import SourceIdentity
from idxdata.cpus import usable_cpus
from idxdata.dtypes import as_bytes, to_native
from idxdata.errors import FormatError
from idxdata.header import build_header
from idxdata.mapping import Contents, Region
from idxdata.payload import IdxSource
from idxdata.progress import progress_bar

_PIECE_NBYTES = 1 << 22
_NUM_PIECES = 3
MIN_SHOWN_NBYTES = 1 << 26
"""Below this it is over before a progress bar is drawn."""


class _Facts:
    """`Contents` of an array, gathered from its elements in order."""

    def __init__(self, region: Region) -> None:
        self._digest = hashlib.sha256(build_header(region.dtype, region.shape))
        self._has_range = region.dtype.kind in "iu" and len(region.shape) == 1
        self._range: tuple[int, int] | None = None

    def add_big_endian(self, elements: NDArray[Any]) -> None:
        """Big-endian bytes in an array of native dtype; they are swapped in place."""
        self._digest.update(elements.data)
        self._add_range(to_native(elements))

    def add_native(self, elements: NDArray[Any]) -> None:
        """Native elements; they are swapped to big-endian in place."""
        self._add_range(elements)
        # Swapping is its own inverse.
        self._digest.update(to_native(elements).data)

    def contents(self) -> Contents:
        low, high = self._range or (None, None)
        return Contents(self._digest.hexdigest(), low, high)

    def _add_range(self, elements: NDArray[Any]) -> None:
        if not self._has_range:
            return
        low, high = int(elements.min()), int(elements.max())
        if self._range is not None:
            low, high = min(low, self._range[0]), max(high, self._range[1])
        self._range = low, high


def stored_shape(shape: tuple[int, ...], identity: SourceIdentity) -> tuple[int, ...]:
    """The shape of the entry of a source whose header tells `shape`.

    Raises `FormatError` if it is to be transposed and has not three dims.
    """
    if not identity.is_transposed:
        return shape
    if len(shape) != 3:
        raise FormatError(
            "only lists of images can be transposed",
            path=identity.path,
            expected="3 dims",
            found=f"shape {shape}",
        )
    return (shape[0], shape[2], shape[1])


def write_data(
    source: IdxSource,
    file: FileIO,
    *,
    identity: SourceIdentity,
    errors: Callable[[], AbstractContextManager[None]],
) -> Contents:
    """Decode the payload to a .npy file, and check what follows it.

    Of a transposed source each example's rows and columns are swapped. `errors` is
    around each write, so that it can tell them from those of `source`.
    """
    header = source.header
    region = Region(0, header.dtype, stored_shape(header.shape, identity))
    facts = _Facts(region)

    def keep(elements: NDArray[Any]) -> None:
        if identity.is_transposed:
            stored = elements.reshape(-1, *header.shape[1:])
            elements = np.ascontiguousarray(stored.swapaxes(1, 2)).reshape(-1)
        facts.add_big_endian(elements)
        with errors():
            _write_all(file, as_bytes(elements))

    with errors():
        _write_all(file, memoryview(npy_header(region.dtype, region.shape)))
    left = header.nbytes // header.dtype.itemsize
    unit = math.prod(header.shape[1:]) if identity.is_transposed else 1
    with shown(f"decoding {identity.label}", header.nbytes) as advance:
        with _Relay(keep, region, unit) as relay:
            while left:
                elements = relay.take()[:left]
                source.readinto(as_bytes(elements))
                relay.give(elements)
                left -= len(elements)
                advance(elements.nbytes)
        source.finish()
    return facts.contents()


def _write_all(file: FileIO, data: memoryview) -> None:
    while data:
        data = data[file.write(data) :]


def read_contents(
    file: FileIO, region: Region, advance: Callable[[int], None]
) -> Contents | None:
    """The contents of the array at `region`; None if the file ends before."""
    facts = _Facts(region)
    file.seek(region.offset)
    piece = np.empty(_piece_length(region), region.dtype)
    left = region.nbytes // region.dtype.itemsize
    while left:
        elements = piece[:left]
        out = as_bytes(elements)
        filled = 0
        while filled < len(out):
            count = file.readinto(out[filled:])
            if not count:
                return None
            filled += count
        facts.add_native(elements)
        left -= len(elements)
        advance(elements.nbytes)
    return facts.contents()


@contextmanager
def shown(label: str, nbytes: int) -> Iterator[Callable[[int], None]]:
    """A progress bar, if there is enough to do."""
    if nbytes < MIN_SHOWN_NBYTES:
        yield lambda count: None
        return
    with progress_bar(label, nbytes) as advance:
        yield advance


def _piece_length(region: Region, unit: int = 1) -> int:
    """Elements in a piece: whole multiples of `unit`, at least one."""
    length = min(_PIECE_NBYTES, max(region.nbytes, 1)) // region.dtype.itemsize
    return max(length - length % max(unit, 1), unit)


class _Relay:
    """Pieces of memory that are filled here and worked on in a second thread, in order.

    In this thread where there is one piece, one CPU or no thread to be had. An error
    of `work` is raised by the next `take`, or at the end of the block.
    """

    def __init__(
        self, work: Callable[[NDArray[Any]], None], region: Region, unit: int
    ) -> None:
        self._work = work
        self._length = _piece_length(region, unit)
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._free: SimpleQueue[NDArray[Any]] = SimpleQueue()
        self._filled: SimpleQueue[NDArray[Any] | None] = SimpleQueue()
        is_long = region.nbytes > 2 * _PIECE_NBYTES and usable_cpus() > 1
        for _ in range(_NUM_PIECES if is_long else 1):
            self._free.put(np.empty(self._length, region.dtype))
        if is_long:
            self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        if self._thread is not None:
            try:
                self._thread.start()
            except RuntimeError:
                self._thread = None
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._thread is not None:
            self._filled.put(None)
            self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def take(self) -> NDArray[Any]:
        """A piece to be filled."""
        piece = self._free.get()
        if self._error is not None:
            raise self._error
        return piece

    def give(self, elements: NDArray[Any]) -> None:
        """Let what was taken, or its first elements, be worked on."""
        if self._thread is not None:
            self._filled.put(elements)
        else:
            self._work(elements)
            self._put_back(elements)

    def _put_back(self, elements: NDArray[Any]) -> None:
        # The whole piece, of which `elements` is a view.
        self._free.put(elements if elements.base is None else elements.base)

    def _run(self) -> None:
        while (elements := self._filled.get()) is not None:
            try:
                if self._error is None:
                    self._work(elements)
            except BaseException as error:  # noqa: BLE001 - raised by take()
                self._error = error
            self._put_back(elements)
