"""The file door: IDX data, raw or compressed, from anywhere, to arrays.

What compresses it is told by its first bytes, never by a name.
"""

import operator
from typing import Any

from numpy.typing import NDArray

from idxdata.dtypes import to_native
from idxdata.engine import Engine
from idxdata.header import Header
from idxdata.payload import open_source
from idxdata.rows import read_rows
from idxdata.sources import Readables


def read_header(source: Readables, *, member: str | None = None) -> Header:
    """The header of the IDX data in `source`, raw, gzip, xz or in a zip archive.

    `source` and `member` are those of `read_idx`, and the same errors are raised.
    Reads little more than the header, so nothing is said about the payload. A file
    object that can seek stands afterwards where it stood, also if an error is raised,
    so `read_idx` may follow.
    """
    with open_source(source, member=member, peek=True) as opened:
        return opened.header


def read_idx(
    source: Readables,
    *,
    rows: slice | None = None,
    member: str | None = None,
    engine: Engine = "auto",
    max_nbytes: int | None = None,
) -> NDArray[Any]:
    """The array in the IDX data of `source`, as a fresh array.

        >>> read_idx(bytes.fromhex("00000801 00000003 050004"))
        array([5, 0, 4], dtype=uint8)

    `source` is a path (str or PathLike); the data itself as bytes, bytearray or
    memoryview; a binary file object, seekable or not, which is read from its
    position to its end and left open; or a URL "scheme://..." as a str, if fsspec
    is installed. The data is raw, gzip, xz, or one file of a zip archive, which
    `member` names unless it is the only one (folders, `__MACOSX/` and `.DS_Store`
    do not count), and which may be gzip or xz in turn.

    Shape and dtype are the header's; native byte order, C-contiguous, writable,
    owned by the caller. Peak memory is the array plus about 1 MB (xz: plus the
    dictionary its header asks for, at most 256 MiB; zip: plus the directory, at
    most 65,535 entries in 16 MiB, which need up to 80 MB).

    `rows` asks for some examples: the result equals `read_idx(source)[rows]`, for
    any slice, a fresh C-contiguous array too. Memory is for those rows. Compressed
    data is decoded up to the last of them; in a raw file that can seek only they
    are read, gaps below 64 KiB with them. What lies behind the last row asked for
    is not read, and so not checked; only the size of a raw file is.

    `engine` inflates gzip data: "zlib" is the standard library's, "numba" this
    package's, "auto" the quicker one. `max_nbytes` refuses larger results before
    allocating. Where the size of the data does not bound what the header claims
    (xz, gzip within zip, a file object of unknown size, which is any but a regular
    file, `io.BytesIO` and fsspec's), memory grows as bytes arrive.

    Raises `HeaderError` (bad magic, unknown dtype code, ndim 0 or above 64, cut
    short, overflow), `PayloadSizeError` if the payload does not fill the data
    exactly, `LimitError` if the result is larger than `max_nbytes`, `InflateError`
    for invalid DEFLATE data in gzip, `ChecksumError` for a wrong CRC-32 or ISIZE of
    gzip, `GzipError` for a truncated member or foreign bytes after the last,
    `FormatError` for unsound xz or zip data, a member that is not there or not
    named, a path of no regular file, more xz or zip memory than said above;
    `TypeError` for another kind of source, rows, member or max_nbytes, `ValueError` for
    an unknown engine or a step of 0, `OSError` as `open` does,
    `MissingFrameworkError` for a URL without fsspec.

    Format: the MNIST page of LeCun, Cortes and Burges; RFC 1951 and 1952; The .xz
    File Format 1.2.1; PKWARE's APPNOTE.
    """
    if rows is None:
        rows = slice(None)
    elif not isinstance(rows, slice):
        raise TypeError(f"rows must be a slice, not {type(rows).__name__}")
    if max_nbytes is not None:
        max_nbytes = operator.index(max_nbytes)
    with open_source(source, engine=engine, member=member) as opened:
        header = opened.header
        wanted = range(header.shape[0])[rows]
        row_nbytes = header.nbytes // max(1, header.shape[0])
        opened.check_size(max_nbytes, wanted_nbytes=len(wanted) * row_nbytes)
        array = read_rows(opened, wanted)
        if opened.position == header.nbytes:
            opened.finish()
    return to_native(array)
