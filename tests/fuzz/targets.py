"""What `make fuzz` checks of any bytes: both engines, and the standard library, agree.

The first byte of an input chooses what the rest is:

    0  the bytes that `read_idx` gets
    1  a DEFLATE stream, inflated by each engine in pieces
    2  a DEFLATE stream, wrapped as a sound gzip member around it, for `read_idx`
    3  an IDX file, compressed by zlib and then read
"""

import gzip
import zlib
from typing import Any

import numpy as np

from idxdata import IdxDataError, read_idx
from idxdata.inflate import DEFECTS, Defect, new_inflater
from tests.strategies import parse_idx, plain

MAX_NBYTES = 1 << 20
ENGINES = ("numba", "zlib")


def check(data: bytes) -> None:
    """Raises AssertionError, or whatever leaks, where something is wrong with us."""
    kind, rest = data[:1], data[1:]
    if kind == b"\x01":
        check_inflate(rest)
    elif kind == b"\x02":
        check_read(wrapped(rest))
    elif kind == b"\x03":
        check_read(gzip.compress(rest, mtime=0))
    else:
        check_read(rest)


def outcome(data: bytes, engine: Any) -> tuple[Any, ...]:
    """What `read_idx` says of `data`, in values that compare."""
    try:
        array = read_idx(data, engine=engine, max_nbytes=MAX_NBYTES)
    except IdxDataError as error:
        return type(error), error.what, error.offset, str(error)
    return array.dtype, array.shape, array.tobytes()


def check_read(data: bytes) -> None:
    first, second = (outcome(data, engine) for engine in ENGINES)
    assert first == second, (first, second)
    if isinstance(first[0], np.dtype) and data[:2] in (b"\0\0", b"\x1f\x8b"):
        # What we accept, the plain reader accepts too and sees the same.
        ours = plain(read_idx(data))
        assert ours == parse_idx(data), ours


def wrapped(deflated: bytes) -> bytes:
    """`deflated` as a gzip member whose trailer is right as far as zlib decodes it."""
    inflater = zlib.decompressobj(wbits=-15)
    try:
        content = inflater.decompress(deflated, MAX_NBYTES)
        used = len(deflated) - len(inflater.unused_data)
    except zlib.error:
        content, used = b"", len(deflated)
    trailer = zlib.crc32(content).to_bytes(4, "little") + (
        len(content) % 2**32
    ).to_bytes(4, "little")
    head = bytes.fromhex("1f8b0800000000000003")
    return head + deflated[:used] + trailer + deflated[used:]


def inflated(data: bytes, engine: Any, room: int) -> tuple[bytes, str, int]:
    """All that `engine` gets out of `data` through buffers of `room` bytes."""
    inflater = new_inflater(engine)
    source, output, used = memoryview(data), b"", 0
    guard = b"\xa5" * 8
    while len(output) < MAX_NBYTES:
        memory = bytearray(guard + bytes(room) + guard)
        try:
            consumed, produced, finished = inflater.inflate(
                source[used:], memoryview(memory)[8:-8], True
            )
        except Defect as defect:
            output += bytes(memory[8 : 8 + defect.produced])
            return output, defect.name, used + defect.consumed
        assert memory[:8] == guard and memory[-8:] == guard
        output += bytes(memory[8 : 8 + produced])
        used += consumed
        if finished:
            return output, "finished", used
        if not consumed and not produced:
            return output, "cut short", len(data)
    return output, "limit", 0


def check_inflate(data: bytes) -> None:
    room = 1 + (zlib.crc32(data) % 4096)
    (output, *end), (other, *other_end) = (
        inflated(data, engine, room) for engine in ENGINES
    )
    assert end == other_end, (room, end, other_end)
    if end[0] in DEFECTS:
        # zlib keeps back what it decoded in the call that raises.
        assert output.startswith(other), (room, output, other)
    else:
        assert output == other, (room, len(output), len(other))
