"""The IDX header as a value: parsing and building, no I/O.

Layout: 00 00 <dtype code> <ndim>, then ndim dims as big-endian uint32, then the
payload in C order. The original page is silent on the edges; our rules: ndim 0
is refused, a dim of 0 is a valid empty array, ndim above NumPy's 64 is refused.
"""

import math
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from idxdata.dtypes import CODE_TO_DTYPE, DType, dtype_code
from idxdata.errors import HeaderError, PathLike
from idxdata.sniff import looks_like

MAGIC_NBYTES = 4
DIM_NBYTES = 4
MAX_NDIM = 64
MAX_DIM = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Header:
    """What an IDX header declares.

    `dtype`: the element type in native byte order (files are big-endian).
    `shape`: the dims, a tuple of 1 to 64 non-negative ints.
    `offset`: where the payload begins, in bytes of the decompressed file.
    `nbytes`: the payload's size in bytes, a Python int that cannot overflow.
    """

    dtype: DType
    shape: tuple[int, ...]
    offset: int
    nbytes: int


def header_nbytes(magic: bytes, *, path: PathLike | None = None) -> int:
    """Size in bytes of the header that begins with `magic`.

    `magic` may hold more than the first 4 bytes; the rest only serves the error
    text. Raises `HeaderError` if there are fewer than 4 bytes, the first two are
    not zero, the dtype code is unknown, or ndim is 0 or above 64.
    """
    if len(magic) < MAGIC_NBYTES:
        raise HeaderError(
            "header is cut short",
            path=path,
            offset=len(magic),
            expected=f"{MAGIC_NBYTES} magic bytes",
            found=f"{len(magic)} bytes",
            hint="the file is empty" if not magic else None,
        )
    if magic[:2] != b"\0\0":
        raise HeaderError(
            "not an IDX magic",
            path=path,
            offset=0,
            expected="00 00",
            found=magic[:2].hex(" "),
            hint=_looks_like(magic),
        )
    if magic[2] not in CODE_TO_DTYPE:
        raise HeaderError(
            "unknown dtype code",
            path=path,
            offset=2,
            expected="one of " + " ".join(f"{code:02x}" for code in CODE_TO_DTYPE),
            found=f"{magic[2]:02x}",
            hint=_looks_like(magic),
        )
    ndim = magic[3]
    if not 1 <= ndim <= MAX_NDIM:
        raise HeaderError(
            "unusable ndim",
            path=path,
            offset=3,
            expected=f"1 to {MAX_NDIM}",
            found=ndim,
        )
    return MAGIC_NBYTES + DIM_NBYTES * ndim


def _looks_like(magic: bytes) -> str | None:
    kind = looks_like(magic)
    return None if kind is None else f"this looks like {kind}"


def parse_header(data: bytes, *, path: PathLike | None = None) -> Header:
    """The header at the start of `data`, which may be longer than the header.

    `path` only serves the error text. Raises `HeaderError` for every defect
    named at `header_nbytes`, if the dims are cut short, or if the array would
    have more bytes than this machine can address.
    """
    offset = header_nbytes(data, path=path)
    if len(data) < offset:
        raise HeaderError(
            "header is cut short",
            path=path,
            offset=len(data),
            expected=f"{offset} header bytes for ndim {data[3]}",
            found=f"{len(data)} bytes",
        )
    dtype = CODE_TO_DTYPE[data[2]]
    shape = struct.unpack_from(f">{data[3]}I", data, MAGIC_NBYTES)
    # NumPy refuses an empty array too if its other dims overflow.
    if math.prod(dim for dim in shape if dim) * dtype.itemsize > sys.maxsize:
        raise HeaderError(
            "dims overflow",
            path=path,
            offset=MAGIC_NBYTES,
            expected=f"at most {sys.maxsize} bytes",
            found=f"dims {shape} of {dtype.itemsize}-byte elements",
        )
    return Header(
        dtype=dtype.newbyteorder("="),
        shape=shape,
        offset=offset,
        nbytes=math.prod(shape) * dtype.itemsize,
    )


def build_header(dtype: DType, shape: Sequence[int]) -> bytes:
    """The header bytes of an array of `dtype` (any byte order) and `shape`.

    Raises `HeaderError` if IDX has no such dtype, if there are no dims or more
    than 64, or if a dim does not fit uint32.
    """
    code = dtype_code(dtype)
    if not 1 <= len(shape) <= MAX_NDIM:
        raise HeaderError(
            "unusable ndim",
            expected=f"1 to {MAX_NDIM}",
            found=len(shape),
            hint="a scalar can be written as an array of shape (1,)"
            if not shape
            else None,
        )
    if max(shape) > MAX_DIM:
        raise HeaderError("dim too large", expected=f"<= {MAX_DIM}", found=max(shape))
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape)
