"""The file door: IDX files, raw or gzip, to arrays and back.

Whether a file is gzip is told by its first bytes, never by its name.
"""

import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idxdata.atomic import atomic_write
from idxdata.errors import FormatError, LimitError, PathLike, PayloadSizeError
from idxdata.gunzip import GZIP_MAGIC, MAX_EXPANSION, GzipStream
from idxdata.header import (
    MAGIC_NBYTES,
    Header,
    build_header,
    header_nbytes,
    parse_header,
)
from idxdata.sniff import LOOKAHEAD_NBYTES

Engine = Literal["auto", "zlib"]
ENGINES = ("auto", "zlib")

_CHUNK_NBYTES = 1 << 20


class _Stream(Protocol):
    def read(self, nbytes: int) -> bytes: ...
    def readinto(self, out: memoryview) -> int: ...
    def at_end(self) -> bool: ...


class _RawStream:
    """A file that is not compressed, with the same three methods as GzipStream."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, nbytes: int) -> bytes:
        return self._file.read(nbytes)

    def readinto(self, out: memoryview) -> int:
        filled = 0
        while filled < len(out) and (count := self._file.readinto(out[filled:])):  # type: ignore[attr-defined]
            filled += count
        return filled

    def at_end(self) -> bool:
        return not self._file.read(1)


class IdxSource:
    """An open IDX file whose header has been read and whose payload has not.

    `header`; `is_gzip`; `readinto`, `finish` pull the payload in order, so a
    caller decides how much of it is in memory at a time.
    """

    def __init__(self, file: BinaryIO, path: PathLike) -> None:
        self._path = path
        self._file_nbytes = os.fstat(file.fileno()).st_size
        self.is_gzip = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        file.seek(0)
        self._stream: _Stream = (
            GzipStream(file, path=path) if self.is_gzip else _RawStream(file)
        )
        head = self._stream.read(MAGIC_NBYTES)
        try:
            header_nbytes(head)
        except FormatError:
            # Look further, so that the error can say what the file is instead.
            head += self._stream.read(LOOKAHEAD_NBYTES - len(head))
        size = header_nbytes(head, path=path)
        head += self._stream.read(size - len(head))
        self.header = parse_header(head, path=path)

    def check_size(self, max_nbytes: int | None = None) -> None:
        """Refuse a declared size that cannot be, before anything is allocated.

        Raises `PayloadSizeError` if a raw file's size is not header plus payload,
        or if a gzip file is too small to hold the payload at DEFLATE's best ratio
        of 1032:1; `LimitError` if the payload is larger than `max_nbytes`.
        """
        header = self.header
        if max_nbytes is not None and header.nbytes > max_nbytes:
            raise LimitError(
                "payload is larger than max_nbytes",
                path=self._path,
                expected=f"at most {max_nbytes} bytes",
                found=f"{header.nbytes} bytes for {_describe(header)}",
            )
        declared = header.offset + header.nbytes
        if self.is_gzip:
            if declared > self._file_nbytes * MAX_EXPANSION:
                raise self._size_error(
                    f"at most {self._file_nbytes * MAX_EXPANSION} bytes possible "
                    f"from {self._file_nbytes} compressed ones"
                )
        elif declared != self._file_nbytes:
            raise self._size_error(f"{self._file_nbytes - header.offset} bytes")

    def readinto(self, out: memoryview) -> None:
        """Fill `out` (writable bytes) with the next payload bytes, big-endian.

        Raises `PayloadSizeError` if the payload ends before, and the errors of
        `GzipStream`.
        """
        filled = self._stream.readinto(out)
        if filled < len(out):
            raise self._size_error(f"the end {len(out) - filled} bytes before")

    def finish(self) -> None:
        """Check what follows the payload: nothing may, except a gzip trailer.

        Raises `PayloadSizeError` if the payload goes on, and the errors of
        `GzipStream`.
        """
        if not self._stream.at_end():
            raise self._size_error("at least one byte more")

    def _size_error(self, found: str) -> PayloadSizeError:
        header = self.header
        return PayloadSizeError(
            "payload size does not match the header",
            path=self._path,
            offset=header.offset,
            expected=f"{header.nbytes} bytes for {_describe(header)}",
            found=found,
        )


def _describe(header: Header) -> str:
    return f"{header.dtype.name} {header.shape}"


@contextmanager
def open_source(path: PathLike, *, engine: Engine = "auto") -> Iterator[IdxSource]:
    """The IDX file at `path` with its header read; closed when the block ends.

    Raises `HeaderError`, `FormatError` if it is not a regular file, the errors
    of `GzipStream`, `OSError` as `open` does, `ValueError` for an unknown engine.
    """
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}: expected one of {ENGINES}")
    # Before it is opened: opening a pipe would wait for somebody to write to it.
    mode = os.stat(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise FormatError("not a regular file", path=path)
    with open(path, "rb") as file:
        yield IdxSource(file, path)


def read_header(path: PathLike) -> Header:
    """The header of the IDX file at `path`, raw or gzip.

    Reads only the header's bytes, so nothing is said about the payload.

    Raises `HeaderError` (bad magic, unknown dtype code, ndim 0 or above 64, cut
    short, overflow), `GzipError`, `InflateError` or `ChecksumError` if a gzip
    file is unsound up to there, `OSError` as `open` does.
    """
    with open_source(path) as source:
        return source.header


def read_idx(
    path: PathLike, *, engine: Engine = "auto", max_nbytes: int | None = None
) -> NDArray[Any]:
    """The array in the IDX file at `path`, raw or gzip, as a fresh array.

    Shape and dtype are the header's; native byte order, C-contiguous, writable,
    owned by the caller. Peak memory is the payload plus about 1 MB.

    `engine` inflates gzip data: "zlib" is the standard library's, "auto" the
    quickest there is. `max_nbytes` refuses larger payloads before allocating.

    Raises, beyond those of `read_header`: `PayloadSizeError` if the payload does
    not fill the file exactly, `LimitError` if it is larger than `max_nbytes`,
    `InflateError` for invalid DEFLATE data, `ChecksumError` for a wrong CRC-32 or
    ISIZE, `GzipError` for a truncated member or foreign bytes after the last,
    `ValueError` for an unknown engine.

    Format: the MNIST page of LeCun, Cortes and Burges; RFC 1951 and 1952.
    """
    with open_source(path, engine=engine) as source:
        source.check_size(max_nbytes)
        array = np.empty(source.header.shape, source.header.dtype)
        source.readinto(_bytes_of(array))
        source.finish()
    return to_native(array)


def to_native(array: NDArray[Any]) -> NDArray[Any]:
    """Swap big-endian elements to native order in place; returns `array` itself."""
    if array.dtype.newbyteorder(">") != array.dtype:
        array.byteswap(inplace=True)
    return array


def _bytes_of(array: NDArray[Any]) -> memoryview:
    """The memory of a C-contiguous array as writable bytes."""
    return array.reshape(-1).view(np.uint8).data


def idx_pieces(array: NDArray[Any]) -> Iterator[bytes | memoryview]:
    """The IDX file of `array`, piece by piece: header, then payload.

    The pieces joined are the raw file. Each is at most 1 MiB and valid until the
    next one is asked for. Raises `HeaderError` if IDX cannot hold the dtype or shape.
    """
    yield build_header(array.dtype, array.shape)
    if not array.size:
        return
    file_dtype = array.dtype.newbyteorder(">")
    if array.flags.c_contiguous and array.dtype == file_dtype:
        payload = _bytes_of(array)
        for start in range(0, array.nbytes, _CHUNK_NBYTES):
            yield payload[start : start + _CHUNK_NBYTES]
        return
    chunks = np.nditer(
        array,
        flags=["buffered", "external_loop"],
        op_dtypes=[file_dtype],
        order="C",
        casting="equiv",
        buffersize=_CHUNK_NBYTES // array.itemsize,
    )
    for chunk in chunks:  # 1-D, and strided where that saved NumPy a copy
        yield _bytes_of(np.ascontiguousarray(chunk))


def write_idx(path: PathLike, array: ArrayLike, *, level: int = 6) -> None:
    """Write `array` as an IDX file, gzip if the name ends in `.gz`
    (or `.GZ`).

    `array` has 1 to 64 dims and one of the six IDX dtypes in any byte order; it
    may be non-contiguous, read-only, mapped or empty. The gzip output is the same
    for the same array (no name, no time stamp) and one zlib version; `level` is
    zlib's, 0 to 9. Needs about 1 MB beyond the array. The file appears under its
    name only when it is whole (see `atomic_write`).

    Raises `HeaderError` for a dtype or shape that IDX cannot hold (nothing is
    written then), `OSError` as `open` does.
    """
    pieces = idx_pieces(np.asarray(array))
    head = next(pieces)
    with atomic_write(path) as file:
        if os.fspath(path).lower().endswith(".gz"):
            deflater = zlib.compressobj(level, wbits=zlib.MAX_WBITS | 16)
            file.write(deflater.compress(head))
            for piece in pieces:
                file.write(deflater.compress(piece))
            file.write(deflater.flush())
        else:
            file.write(head)
            file.writelines(pieces)
