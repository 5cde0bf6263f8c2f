"""Where a zip archive's directory lies, and that it is what its end record says.

`zipfile` would take what it finds, with bytes after it or more entries than stated,
and make objects of all of them. Records and signatures: PKWARE's APPNOTE 4.3.
"""

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from idxdata.errors import FormatError
from idxdata.sources import Source

# zipfile holds the whole directory, and some hundred bytes more an entry.
_MAX_DIRECTORY_NBYTES = 16 << 20
_MAX_ENTRIES = 65_535

_END = struct.Struct("<4s4H2LH")
_END_SIGNATURE = b"PK\x05\x06"
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64_LOCATOR_SIGNATURE = b"PK\x06\x07"
_END64 = struct.Struct("<4sQ2H2L4Q")
_END64_SIGNATURE = b"PK\x06\x06"
_MAX_COMMENT_NBYTES = 0xFFFF
_ENTRY = struct.Struct("<4s24x3H12x")
_ENTRY_SIGNATURE = b"PK\x01\x02"


@dataclass(frozen=True, slots=True)
class Directory:
    """What the end record states of the central directory, in bytes of the file."""

    start: int
    nbytes: int
    num_entries: int


def find_directory(source: Source) -> Directory:
    """Where zipfile will find the directory; refuses what it would pass over."""
    end_nbytes = source.file.seek(0, os.SEEK_END)
    tail_nbytes = min(_END.size + _MAX_COMMENT_NBYTES, end_nbytes)
    tail = read_at(source, end_nbytes - tail_nbytes, tail_nbytes)
    # As zipfile looks for it: without a comment first, else the last signature.
    at = len(tail) - _END.size
    if at < 0 or tail[at : at + 4] != _END_SIGNATURE or tail[-2:] != b"\0\0":
        at = tail.rfind(_END_SIGNATURE)
    if at < 0 or len(tail) - at < _END.size:
        raise damaged(source.name, "no end of central directory record")
    _, _, _, _, num_entries, nbytes, _, comment = _END.unpack_from(tail, at)
    position = end_nbytes - len(tail) + at
    excess = len(tail) - at - _END.size - comment
    if excess:
        raise differs(
            source.name,
            "zip archive does not end with its end record",
            f"a comment of {comment} bytes",
            f"{comment + excess} bytes",
        )
    end = position
    located = position - _END64_LOCATOR.size
    at64 = located - _END64.size
    if at64 >= 0 and read_at(source, located, 4) == _END64_LOCATOR_SIGNATURE:
        fields = _END64.unpack(read_at(source, at64, _END64.size))
        if fields[0] == _END64_SIGNATURE:
            num_entries, nbytes, end = fields[7], fields[8], at64
    if nbytes > _MAX_DIRECTORY_NBYTES or num_entries > _MAX_ENTRIES:
        raise differs(
            source.name,
            "zip directory is larger than is allowed",
            f"at most {_MAX_ENTRIES} entries in {_MAX_DIRECTORY_NBYTES} bytes",
            f"{num_entries} entries in {nbytes} bytes",
        )
    if nbytes > end:
        raise damaged(source.name, f"a directory of {nbytes} bytes before byte {end}")
    return Directory(end - nbytes, nbytes, num_entries)


def check_entries(source: Source, directory: Directory) -> None:
    """Count the entries before zipfile makes objects of as many as there are."""
    data = read_at(source, directory.start, directory.nbytes)
    at = count = 0
    while at < len(data):
        if data[at : at + 4] != _ENTRY_SIGNATURE or len(data) - at < _ENTRY.size:
            raise damaged(source.name, f"no entry at byte {at} of the directory")
        at += _ENTRY.size + sum(_ENTRY.unpack_from(data, at)[1:])
        count += 1
    if at != directory.nbytes or count != directory.num_entries:
        raise differs(
            source.name,
            "zip directory differs from the end record",
            f"{directory.num_entries} entries in {directory.nbytes} bytes",
            f"{count} entries in {at} bytes",
        )


def read_at(source: Source, position: int, nbytes: int) -> bytes:
    """The `nbytes` bytes from `position` on; fewer only where the file ends."""
    source.file.seek(position)
    return read_fully(source.file, nbytes)


def read_fully(file: BinaryIO, nbytes: int) -> bytes:
    out = bytearray()
    while len(out) < nbytes and (part := file.read(nbytes - len(out))):
        out += part
    return bytes(out)


def damaged(name: str | None, found: str) -> FormatError:
    return FormatError(
        "zip archive cannot be read",
        path=name,
        found=found,
        hint="the file is damaged; fetch it again",
    )


def differs(
    name: str | None, what: str, expected: object, found: object
) -> FormatError:
    return FormatError(what, path=name, expected=expected, found=found)
