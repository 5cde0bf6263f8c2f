"""Some rows of an IDX payload as an array, in memory for those rows alone."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.dtypes import DType, as_bytes
from idxdata.payload import IdxSource

_CHUNK_NBYTES = 1 << 20
# An array whose size nothing vouches for begins with so much, and then doubles.
_UNPROVEN_NBYTES = 16 << 20
# Where seeking is free, gaps from this size on are not read.
_SEEK_NBYTES = 1 << 16


def read_rows(source: IdxSource, rows: range) -> NDArray[Any]:
    """The rows of `source` in `rows`: a fresh array of shape `(len(rows), ...)`.

    `rows` lies within the first dim. `source` stands at the payload's begin or before
    the rows, its size checked; afterwards behind the last row, so that later rows may
    be asked for next. Byte order as in the file, dtype
    as in the header. Needs about 1 MB beyond the array. Raises what
    `IdxSource.readinto` does.
    """
    forward = rows if rows.step > 0 else rows[::-1]
    shape = source.header.shape[1:]
    row_elements = math.prod(shape)
    out = _Filling(source.header.dtype, len(rows) * row_elements, source.is_bounded)
    row_nbytes = row_elements * source.header.dtype.itemsize
    stride = row_nbytes * forward.step
    if row_nbytes and len(rows):
        source.skip(forward.start * row_nbytes - source.position)
        if forward.step == 1 or len(rows) == 1:
            _read_run(source, out, len(rows) * row_elements)
        elif stride > _CHUNK_NBYTES or (
            source.is_mappable and stride - row_nbytes >= _SEEK_NBYTES
        ):
            _read_single(source, out, len(rows), row_elements, stride - row_nbytes)
        else:
            _read_sieved(source, out, len(rows), row_elements, forward.step)
    array = out.array
    # Not a reshape: that would be a view, and the caller would not own the memory.
    array.resize((len(rows), *shape), refcheck=False)
    if rows.step < 0:
        _reverse(array)
    return array


class _Filling:
    """A 1-D array that is filled from its start, and grows only as it is filled.

    `is_bounded`: `size` is vouched for, so all of it is allocated at once.
    Otherwise a file of some bytes could claim any amount of memory.
    """

    def __init__(self, dtype: DType, size: int, is_bounded: bool) -> None:
        first = size if is_bounded else _UNPROVEN_NBYTES // dtype.itemsize
        self.array = np.empty(min(size, first), dtype)
        self.piece_size = max(first, 1)
        self._size = size
        self._filled = 0

    def next(self, count: int) -> NDArray[Any]:
        """The next `count` elements, to be filled before the next call."""
        end = self._filled + count
        if end > len(self.array):
            # No view of it is held: refcheck would see the caller's, just dropped.
            self.array.resize(
                min(max(end, 2 * len(self.array)), self._size), refcheck=False
            )
        part = self.array[self._filled : end]
        self._filled = end
        return part


def _read_run(source: IdxSource, out: _Filling, num_elements: int) -> None:
    """Elements that follow each other, straight into `out`."""
    while num_elements:
        part = out.next(min(num_elements, out.piece_size))
        source.readinto(as_bytes(part))
        num_elements -= len(part)


def _read_single(
    source: IdxSource, out: _Filling, num_rows: int, row_elements: int, gap_nbytes: int
) -> None:
    """Rows with gaps between them, one by one."""
    for row in range(num_rows):
        if row:
            source.skip(gap_nbytes)
        _read_run(source, out, row_elements)


def _read_sieved(
    source: IdxSource, out: _Filling, num_rows: int, row_elements: int, step: int
) -> None:
    """Every `step`-th row, by chunks of whole rows: `step` of them fit a chunk."""
    row_nbytes = row_elements * source.header.dtype.itemsize
    per_chunk = _CHUNK_NBYTES // (row_nbytes * step)
    chunk = np.empty((per_chunk * step, row_elements), source.header.dtype)
    while num_rows:
        count = min(num_rows, per_chunk)
        # Behind the last row asked for nothing is read.
        used = count * step if count < num_rows else (count - 1) * step + 1
        source.readinto(as_bytes(chunk[:used]))
        part = out.next(count * row_elements)
        part.reshape(count, row_elements)[:] = chunk[:used:step]
        num_rows -= count


def _reverse(array: NDArray[Any]) -> None:
    """Reverse the rows of `array` in place, about 1 MB at a time."""
    size, half = len(array), len(array) // 2
    per_chunk = max(1, _CHUNK_NBYTES // max(1, array[:1].nbytes))
    for start in range(0, half, per_chunk):
        stop = min(start + per_chunk, half)
        top = array[start:stop].copy()
        array[start:stop] = array[size - stop : size - start][::-1]
        array[size - stop : size - start] = top[::-1]
