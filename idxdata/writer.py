"""Arrays to IDX files, raw or gzip."""

import operator
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from idxdata.atomic import atomic_write, checked_path
from idxdata.dtypes import DType, as_bytes, nearest_dtype
from idxdata.errors import FormatError, HeaderError, PathLike
from idxdata.exact import check_exact
from idxdata.header import build_header, parse_header

CHUNK_NBYTES = 1 << 20
_RESERVE_NBYTES = 1 << 16
_OTHER_SUFFIXES = (".bz2", ".xz", ".zip", ".zst")
# Up to here a float64 holds every integer.
_MAX_EXACT = 1 << 53


def idx_pieces(array: NDArray[Any], dtype: DType | None = None) -> Iterator[memoryview]:
    """The IDX file of `array`, piece by piece: header, then payload.

    The pieces joined are the raw file. Where they part depends on dtype and shape
    alone: 1 MiB each but the last. Each is valid until the next one is asked for.
    `dtype`: the IDX dtype to write, if not the array's; values are not checked.

    Raises `HeaderError` if IDX cannot hold the dtype or shape.
    """
    dtype = array.dtype if dtype is None else dtype
    yield memoryview(build_header(dtype, array.shape))
    if array.size:
        yield from payload_pieces(array, dtype.newbyteorder(">"))


def payload_pieces(array: NDArray[Any], dtype: DType) -> Iterator[memoryview]:
    """The elements of a non-empty `array` as `dtype`, in C order, by 1 MiB."""
    size = CHUNK_NBYTES // dtype.itemsize
    if array.flags.c_contiguous:
        flat = array.reshape(-1)
        for start in range(0, flat.size, size):
            yield as_bytes(flat[start : start + size].astype(dtype, copy=False))
        return
    chunks = np.nditer(
        array,
        flags=["buffered", "external_loop"],
        op_dtypes=[dtype],
        order="C",
        casting="unsafe",
        buffersize=size,
    )
    # NumPy's chunks are as long as the layout makes them; equal arrays in gzip
    # shall be equal files, and how DEFLATE parts its blocks may follow the pieces.
    piece, filled = np.empty(size, dtype), 0
    for chunk in chunks:
        while len(chunk):
            count = min(len(chunk), size - filled)
            piece[filled : filled + count] = chunk[:count]
            chunk, filled = chunk[count:], filled + count
            if filled == size:
                yield as_bytes(piece)
                filled = 0
    if filled:
        yield as_bytes(piece[:filled])


def write_idx(
    path: PathLike, array: ArrayLike, *, level: int = 6, convert: bool = False
) -> None:
    """Write `array` as an IDX file, gzip if the name ends in `.gz` (or `.GZ`).

        >>> write_idx("labels.idx", np.array([5, 0, 4], np.uint8))
        >>> from pathlib import Path
        >>> Path("labels.idx").read_bytes().hex(" ")
        '00 00 08 01 00 00 00 03 05 00 04'

    `array` has 1 to 64 dims and one of the six IDX dtypes in any byte order; it
    may be non-contiguous, read-only, mapped or empty; what is read is equal. The
    gzip output is the same for the same array (no name, no time stamp) and one
    zlib version; `level` is zlib's, 0 to 9. Needs about 1 MB beyond the array. The
    file appears under its name only when it is whole (see `atomic_write`); the
    permission bits of a file that it replaces are kept. A URL is a path here.

    `convert` allows another dtype: bool is written as uint8, other integers as
    int32, float16 as float32, long double as float64, if every value fits exactly.

    Nothing is written if it raises. `HeaderError`: a dtype or shape that IDX cannot
    hold, a value that `convert`, or NumPy's dtype for a list, would change, masked
    elements. `FormatError`: a name in .bz2, .xz, .zip or .zst, a path of something
    that is no regular file. `ValueError` or, for no integer, `TypeError`: another
    `level`. `TypeError`: a path that is bytes. `OSError` as `open` does.
    """
    check_level(level)
    gzip = is_gzip_name(path)
    plain = as_array(array, path=path)
    dtype = plain.dtype
    if convert and (nearest := nearest_dtype(dtype)) is not None:
        check_exact(plain, nearest, path=path)
        dtype = nearest
    pieces = idx_pieces(plain, dtype)
    head = next(pieces)
    # A wider dtype can make an empty array one that cannot be read.
    header = parse_header(bytes(head), path=path)
    with atomic_write(path) as file:
        if gzip:
            deflate(file, head, pieces, level)
        else:
            _reserve(file, header.offset + header.nbytes)
            file.write(head)
            file.writelines(pieces)


def check_level(level: int) -> None:
    """Refuse a compression level that is not 0 to 9.

    Raises `TypeError` for what is no integer, `ValueError` for other integers.
    """
    try:
        number = operator.index(level)
    except TypeError:
        raise TypeError(f"level is an integer, 0 to 9, not {level!r}") from None
    if not 0 <= number <= 9:
        raise ValueError(f"level is 0 to 9, not {level!r}")


def is_gzip_name(path: PathLike) -> bool:
    """Whether a file of that name is written as gzip.

    Raises `FormatError` for a name in the suffix of another compression, `TypeError`
    for a path that is bytes.
    """
    name = checked_path(path).lower()
    if name.endswith(_OTHER_SUFFIXES):
        raise FormatError(
            "only raw and gzip files are written",
            path=path,
            found=f"a name in {os.path.splitext(name)[1]}",
            hint="a name in .gz is written as gzip, other names raw",
        )
    return name.endswith(".gz")


def as_array(values: ArrayLike, *, path: PathLike) -> NDArray[Any]:
    """`values` as an array; an array as it is.

    Raises `HeaderError` if any element is masked, also of an array in a list, and if
    `values` has no dtype and the one NumPy chooses would change an integer.
    """
    parts = values if isinstance(values, list | tuple) else [values]
    masked = [part for part in parts if isinstance(part, np.ma.MaskedArray)]
    if count := sum(int(np.count_nonzero(part.mask)) for part in masked):
        size = sum(part.size for part in masked)
        raise HeaderError(
            "IDX has no mask, masked elements would be lost",
            path=path,
            found=f"{count} masked element{'s' if count > 1 else ''} of {size}",
            hint="fill them first: array.filled(value)",
        )
    array = np.asarray(values)
    if not hasattr(values, "dtype"):
        _check_rounding(values, array, path)
    return array


def _check_rounding(values: ArrayLike, array: NDArray[Any], path: PathLike) -> None:
    """Refuse integers that NumPy rounded in finding a dtype for `values`.

    It takes float64 for an integer beside a float, or a negative one beside one of
    64 bits.
    """
    if array.dtype.kind != "f" or array.dtype.itemsize < 8:
        return
    if not (np.abs(array) >= _MAX_EXACT).any():
        return
    numbers = np.array(values, object).reshape(-1)
    for number, rounded in zip(numbers, array.reshape(-1).tolist(), strict=True):
        # Python compares an integer with a float exactly, NumPy as two floats.
        if isinstance(number, int | np.integer) and int(number) != rounded:
            raise HeaderError(
                "an integer would change among floats",
                path=path,
                found=number,
                hint="pass an array of the dtype to write",
            )


def deflate(
    file: BinaryIO, head: memoryview, pieces: Iterable[memoryview | bytes], level: int
) -> None:
    """Write `head` and `pieces` to `file` as one gzip member, no name, no time."""
    deflater = zlib.compressobj(level, wbits=zlib.MAX_WBITS | 16)
    file.write(deflater.compress(head))
    file.writelines(deflater.compress(piece) for piece in pieces)
    file.write(deflater.flush())


def _reserve(file: BinaryIO, nbytes: int) -> None:
    """Ask for the blocks of a large file at once, as `ndarray.tofile` does.

    Where blocks are chosen as late as possible (ext4), writing is slower without,
    by three times if the file replaces another: a rename waits for that choice.
    """
    if nbytes < _RESERVE_NBYTES or not hasattr(os, "posix_fallocate"):
        return
    # Not every file system can; a full one will say so when written to.
    with suppress(OSError):
        os.posix_fallocate(file.fileno(), 0, nbytes)
