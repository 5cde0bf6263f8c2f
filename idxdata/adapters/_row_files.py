"""IDX files of which some rows are wanted, each by the way that reads the least.

Headers are read by whoever plans the reading, rows by whoever does it, maybe on another
machine: a `RowFile` crosses between them as some words.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import FileIO
from typing import Any, BinaryIO, Literal, cast

import numpy as np
from numpy.typing import NDArray

from idxdata.cache import Cache
from idxdata.dtypes import as_bytes, to_native
from idxdata.errors import DatasetError, PayloadSizeError
from idxdata.header import Header
from idxdata.mapping import Region, map_open_file
from idxdata.payload import IdxSource, open_source
from idxdata.rows import read_rows
from idxdata.sources import is_url

Access = Literal["map", "cache", "stream", "ranges"]
Ranges = Sequence[tuple[int, int]]

# Requests for parts of a remote file are no larger, so that each is soon done.
_REQUEST_NBYTES = 16 << 20
_MAX_THREADS = 16


@dataclass(frozen=True, slots=True)
class RowFile:
    """An IDX file, or a URL of one, with its header and how its rows are read.

    access: "map", a raw local file, of which the rows' pages are mapped; "cache", a
    compressed local one, decoded into the cache of the host that reads it, once, and
    mapped from there; "stream", decoded from its begin on; "ranges", a raw remote file
    of a file system that can seek, of which the rows' bytes are fetched.
    """

    path: str
    header: Header
    access: Access

    @property
    def num_rows(self) -> int:
        return self.header.shape[0]

    @property
    def row_shape(self) -> tuple[int, ...]:
        return self.header.shape[1:]

    @property
    def row_nbytes(self) -> int:
        return int(np.prod(self.row_shape, dtype=object)) * self.header.dtype.itemsize

    @property
    def can_cut(self) -> bool:
        """Whether two who read a part each do no more than one who reads both."""
        return self.access != "stream"


def look_at(paths: Sequence[str], *, stream: bool = False) -> list[RowFile]:
    """The files at `paths` with their headers; several at a time if there are many.

    With `stream` compressed local files are streamed, not cached. Raises, of the first
    file that has one, the errors of `read_header`, and `PayloadSizeError` if a raw
    file's size is not header plus payload.
    """
    look = partial(_look_at, stream=stream)
    if len(paths) < 2:
        return list(map(look, paths))
    with ThreadPoolExecutor(min(len(paths), _MAX_THREADS)) as pool:
        return list(pool.map(look, paths))


def _look_at(path: str, stream: bool) -> RowFile:
    with open_source(path, peek=True) as source:
        source.check_size()
        if is_url(path):
            access: Access = "ranges" if source.is_mappable else "stream"
        elif source.is_mappable:
            access = "map"
        else:
            access = "stream" if stream else "cache"
        return RowFile(path, source.header, access)


def read_ranges(
    file: RowFile, ranges: Ranges, cache: Cache | None = None
) -> Iterator[NDArray[Any]]:
    """The rows (start, stop) of each range, one array after the other.

    Arrays (stop - start, *row_shape) in native byte order, C-contiguous; views of a
    map where the file is one of one-byte elements or from the cache, else fresh.
    `cache`: for files that go through it, by default `Cache()`.

    Raises what `read_idx` does, `Cache.open` for those files, and `DatasetError` if the
    file is not the one any more whose header was read.
    """
    if file.access == "map":
        return _mapped(file, ranges)
    if file.access == "cache":
        return _cached(file, ranges, cache or Cache())
    if file.access == "ranges":
        return _fetched(file, ranges)
    return _streamed(file, ranges)


def _mapped(file: RowFile, ranges: Ranges) -> Iterator[NDArray[Any]]:
    kind = file.header.dtype
    with FileIO(file.path) as opened:
        with open_source(cast(BinaryIO, opened), peek=True) as source:
            _check_same(file, source.header.dtype, source.header.shape)
            source.check_size()
        for start, stop in ranges:
            offset = file.header.offset + start * file.row_nbytes
            shape = (stop - start, *file.row_shape)
            array = map_open_file(opened, Region(offset, kind.newbyteorder(">"), shape))
            yield array.astype(kind, copy=False)


def _cached(file: RowFile, ranges: Ranges, cache: Cache) -> Iterator[NDArray[Any]]:
    whole = cache.open(file.path)
    _check_same(file, whole.dtype, whole.shape)
    for start, stop in ranges:
        yield whole[start:stop]


def _streamed(file: RowFile, ranges: Ranges) -> Iterator[NDArray[Any]]:
    for ascending in _ascending(ranges):
        with open_source(file.path) as source:
            _check_same(file, source.header.dtype, source.header.shape)
            source.check_size()
            yield from _pieces(source, ascending)


def _pieces(source: IdxSource, ranges: Ranges) -> Iterator[NDArray[Any]]:
    for start, stop in ranges:
        array = read_rows(source, range(start, stop))
        if source.position == source.header.nbytes:
            # Before the rows are handed out: what follows may tell that they are wrong.
            source.finish()
        yield to_native(array)


def _ascending(ranges: Ranges) -> Iterator[Ranges]:
    """`ranges` in runs within which none begins before the last one's end."""
    run: list[tuple[int, int]] = []
    for start, stop in ranges:
        if run and start < run[-1][1]:
            yield run
            run = []
        run.append((start, stop))
    yield run


def _fetched(file: RowFile, ranges: Ranges) -> Iterator[NDArray[Any]]:
    from fsspec.core import url_to_fs

    system, path = url_to_fs(file.path)
    for start, stop in ranges:
        array = np.empty((stop - start, *file.row_shape), file.header.dtype)
        out = as_bytes(array)
        first = file.header.offset + start * file.row_nbytes
        for low in range(0, len(out), _REQUEST_NBYTES):
            high = min(low + _REQUEST_NBYTES, len(out))
            got = system.cat_file(path, start=first + low, end=first + high)
            if len(got) != high - low:
                raise PayloadSizeError(
                    "part of a remote file is of another size",
                    path=file.path,
                    offset=first + low,
                    expected=f"{high - low} bytes",
                    found=f"{len(got)} bytes",
                    hint="was the file replaced meanwhile?",
                )
            out[low:high] = got
        yield to_native(array)


def _check_same(file: RowFile, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    header = file.header
    if (dtype, shape) != (header.dtype, header.shape):
        raise DatasetError(
            "the file is another one by now",
            path=file.path,
            expected=f"{header.dtype.name} {header.shape}",
            found=f"{dtype.name} {shape}",
        )
