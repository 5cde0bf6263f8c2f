"""One file of a zip archive, its directory read by the standard library's `zipfile`.

Stored and deflated members only: those have a known bound on what they expand to.
Stricter than `zipfile`: the archive ends with its end record, the directory has as
many entries as that states, a member's local header agrees with its entry, and its
data is exactly as long as both say. Sizes and signatures: PKWARE's APPNOTE 4.3.
"""

import difflib
import errno
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from idxdata.errors import FormatError
from idxdata.gunzip import MAX_EXPANSION
from idxdata.sources import Source

_PIECE_NBYTES = 1 << 18
_MAX_NAMES = 10
_MAX_NAMES_COMPARED = 1000
_MAX_NAME_LENGTH = 100

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
_LOCAL = struct.Struct("<4s5H3L2H")
_LOCAL_SIGNATURE = b"PK\x03\x04"

# General purpose flags: encrypted, patched, strongly encrypted, hidden header.
_UNREADABLE_FLAGS = 0x0001 | 0x0020 | 0x0040 | 0x2000
_DESCRIPTOR_FLAG = 0x0008
_UTF8_FLAG = 0x0800
_IN_ZIP64_FIELD = 0xFFFFFFFF

# What zipfile raises of its own, and what escapes from it for damaged archives.
_DEFECTS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
    OverflowError,
)


@dataclass(frozen=True, slots=True)
class _Directory:
    """What the end record states of the central directory, in bytes of the file."""

    start: int
    nbytes: int
    num_entries: int


@contextmanager
def open_member(source: Source, member: str | None) -> Iterator[Source]:
    """The decompressed bytes of one file in the zip archive that `source` is.

    `member` may be None if there is only one; folders, `__MACOSX/` and `.DS_Store`
    do not count. `nbytes` is the size that the archive states, not more than DEFLATE
    could make of the compressed size. The file cannot seek. Its CRC-32 and its end
    have been checked when its last byte has been read.

    Raises `FormatError`, here or while reading: no such member, several and none
    named, one that is encrypted or compressed in another way, a wrong CRC-32, a
    damaged archive, more than 65,535 entries or 16 MiB of directory, bytes after
    the archive, a local header that differs from the directory, data that is longer
    or shorter than stated, a source that cannot seek.
    """
    if not source.can_seek:
        raise FormatError(
            "a zip archive can only be read from a seekable file",
            path=source.name,
            hint="read it into memory and pass the bytes",
        )
    directory = _find_directory(source)
    _check_entries(source, directory)
    with _defects_named(source.name), zipfile.ZipFile(source.file) as archive:
        infos = archive.infolist()
    info = _choose(infos, member, source.name)
    _check(info, directory, source.name)
    _seek_to_data(info, directory, source)
    plain = cast(BinaryIO, _Member(source.file, info, source.name))
    yield Source(plain, info.file_size, False, source.name)


def _find_directory(source: Source) -> _Directory:
    """Where zipfile will find the directory; refuses what it would pass over."""
    end_nbytes = source.file.seek(0, os.SEEK_END)
    tail_nbytes = min(_END.size + _MAX_COMMENT_NBYTES, end_nbytes)
    tail = _read_at(source, end_nbytes - tail_nbytes, tail_nbytes)
    # As zipfile looks for it: without a comment first, else the last signature.
    at = len(tail) - _END.size
    if at < 0 or tail[at : at + 4] != _END_SIGNATURE or tail[-2:] != b"\0\0":
        at = tail.rfind(_END_SIGNATURE)
    if at < 0 or len(tail) - at < _END.size:
        raise _damaged(source.name, "no end of central directory record")
    _, _, _, _, num_entries, nbytes, _, comment = _END.unpack_from(tail, at)
    position = end_nbytes - len(tail) + at
    excess = len(tail) - at - _END.size - comment
    if excess:
        raise _differs(
            source.name,
            "zip archive does not end with its end record",
            f"a comment of {comment} bytes",
            f"{comment + excess} bytes",
        )
    end = position
    located = position - _END64_LOCATOR.size
    at64 = located - _END64.size
    if at64 >= 0 and _read_at(source, located, 4) == _END64_LOCATOR_SIGNATURE:
        fields = _END64.unpack(_read_at(source, at64, _END64.size))
        if fields[0] == _END64_SIGNATURE:
            num_entries, nbytes, end = fields[7], fields[8], at64
    if nbytes > _MAX_DIRECTORY_NBYTES or num_entries > _MAX_ENTRIES:
        raise _differs(
            source.name,
            "zip directory is larger than is allowed",
            f"at most {_MAX_ENTRIES} entries in {_MAX_DIRECTORY_NBYTES} bytes",
            f"{num_entries} entries in {nbytes} bytes",
        )
    if nbytes > end:
        raise _damaged(source.name, f"a directory of {nbytes} bytes before byte {end}")
    return _Directory(end - nbytes, nbytes, num_entries)


def _check_entries(source: Source, directory: _Directory) -> None:
    """Count the entries before zipfile makes objects of as many as there are."""
    data = _read_at(source, directory.start, directory.nbytes)
    at = count = 0
    while at < len(data):
        if data[at : at + 4] != _ENTRY_SIGNATURE or len(data) - at < _ENTRY.size:
            raise _damaged(source.name, f"no entry at byte {at} of the directory")
        at += _ENTRY.size + sum(_ENTRY.unpack_from(data, at)[1:])
        count += 1
    if at != directory.nbytes or count != directory.num_entries:
        raise _differs(
            source.name,
            "zip directory differs from the end record",
            f"{directory.num_entries} entries in {directory.nbytes} bytes",
            f"{count} entries in {at} bytes",
        )


def _read_at(source: Source, position: int, nbytes: int) -> bytes:
    """The `nbytes` bytes from `position` on; fewer only where the file ends."""
    source.file.seek(position)
    return _read_fully(source.file, nbytes)


def _read_fully(file: BinaryIO, nbytes: int) -> bytes:
    out = bytearray()
    while len(out) < nbytes and (part := file.read(nbytes - len(out))):
        out += part
    return bytes(out)


def _choose(
    infos: list[zipfile.ZipInfo], member: str | None, name: str | None
) -> zipfile.ZipInfo:
    files = [info for info in infos if not info.filename.endswith("/")]
    shown = [info for info in files if not _is_clutter(info.filename)]
    if member is None:
        chosen = files = shown
    else:
        chosen = [info for info in files if info.filename == member]
    if len(chosen) == 1:
        return chosen[0]
    if chosen and len({info.filename for info in chosen}) == 1:
        raise FormatError(
            "zip archive is ambiguous: several files have the same name",
            path=name,
            expected="one file of that name",
            found=f"{len(chosen)} files {_shortened(chosen[0].filename)}",
            hint="no member= can tell them apart; pack them anew",
        )
    names = [info.filename for info in files]
    if member is None:
        raise FormatError(
            "zip archive without one file that could be meant",
            path=name,
            expected="one file",
            found=f"{len(files)} files: {_listed(names)}" if files else "none",
            hint='choose one with member="..."' if files else None,
        )
    near = difflib.get_close_matches(member, names[:_MAX_NAMES_COMPARED], cutoff=0.5)
    raise FormatError(
        "no such zip member",
        path=name,
        expected="one file of that name",
        found=_shortened(member),
        hint=f"there are {_listed(near or names)}",
    )


def _is_clutter(name: str) -> bool:
    """Whether the macOS archiver or Finder adds such a file of its own accord."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] == ".DS_Store"


def _listed(names: list[str]) -> str:
    shown = ", ".join(_shortened(name) for name in names[:_MAX_NAMES])
    left = len(names) - _MAX_NAMES
    return f"{shown} and {left} more" if left > 0 else shown or "no files"


def _shortened(name: str) -> str:
    return repr(
        name if len(name) <= _MAX_NAME_LENGTH else f"{name[:_MAX_NAME_LENGTH]}..."
    )


def _check(info: zipfile.ZipInfo, directory: _Directory, name: str | None) -> None:
    """Refuse a method whose expansion has no bound, and a size beyond the bound."""
    bounds = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: MAX_EXPANSION}
    if info.compress_type not in bounds:
        raise FormatError(
            "unknown zip compression method",
            path=name,
            expected="0 (stored) or 8 (deflated)",
            found=info.compress_type,
        )
    # Members lie before the directory, so they have no more bytes than that.
    compressed = min(info.compress_size, directory.start)
    if info.file_size > compressed * bounds[info.compress_type]:
        raise FormatError(
            "zip member states a size that cannot be",
            path=name,
            expected=f"at most {compressed * bounds[info.compress_type]} bytes",
            found=f"{info.file_size} bytes from {compressed} compressed ones",
        )
    stored = info.compress_type == zipfile.ZIP_STORED
    if stored and info.file_size != info.compress_size:
        raise _differs(
            name,
            "stored zip member states two sizes",
            f"{info.file_size} bytes",
            f"{info.compress_size} bytes",
        )


def _seek_to_data(info: zipfile.ZipInfo, directory: _Directory, source: Source) -> None:
    """Check the member's local header against its entry and pass over it."""
    name = source.name
    local = b""
    if 0 <= info.header_offset < directory.start:
        local = _read_at(source, info.header_offset, _LOCAL.size)
    if len(local) < _LOCAL.size or not local.startswith(_LOCAL_SIGNATURE):
        raise _damaged(name, f"no local header at byte {info.header_offset}")
    _, _, flags, method, _, _, crc, packed, plain, name_nbytes, extra_nbytes = (
        _LOCAL.unpack(local)
    )
    if (flags | info.flag_bits) & _UNREADABLE_FLAGS:
        raise FormatError("encrypted or patched zip member", path=name)
    encoded = _read_fully(source.file, name_nbytes)
    with _defects_named(name):
        local_name = encoded.decode("utf-8" if flags & _UTF8_FLAG else "cp437")
    pairs: list[tuple[str, object, object]] = [
        ("name", _shortened(info.orig_filename), _shortened(local_name)),
        ("method", info.compress_type, method),
    ]
    # With a data descriptor these may be zero, and with a zip64 field all ones.
    free = (0, _IN_ZIP64_FIELD) if flags & _DESCRIPTOR_FLAG else (_IN_ZIP64_FIELD,)
    if packed not in free:
        pairs.append(("compressed size", info.compress_size, packed))
    if plain not in free:
        pairs.append(("size", info.file_size, plain))
    if not (flags & _DESCRIPTOR_FLAG and crc == 0):
        pairs.append(("CRC-32", f"CRC-32 {info.CRC:#010x}", f"CRC-32 {crc:#010x}"))
    for what, expected, found in pairs:
        if expected != found:
            raise _differs(
                name,
                f"zip local header and directory differ in {what}",
                expected,
                found,
            )
    start = info.header_offset + _LOCAL.size + name_nbytes + extra_nbytes
    if start + info.compress_size > directory.start:
        raise _differs(
            name,
            "zip member runs into the directory",
            f"at most {max(directory.start - start, 0)} bytes",
            f"{info.compress_size} bytes",
        )
    source.file.seek(start)


@contextmanager
def _defects_named(name: str | None) -> Iterator[None]:
    """Turn what zipfile raises into `FormatError`; errors of the device pass."""
    try:
        yield
    except OSError as error:
        # A damaged archive makes zipfile seek to before the beginning.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise _damaged(name, str(error)) from None
    except _DEFECTS as error:
        raise _damaged(name, str(error) or type(error).__name__) from None


def _damaged(name: str | None, found: str) -> FormatError:
    return FormatError(
        "zip archive cannot be read",
        path=name,
        found=found,
        hint="the file is damaged; fetch it again",
    )


def _differs(
    name: str | None, what: str, expected: object, found: object
) -> FormatError:
    return FormatError(what, path=name, expected=expected, found=found)


class _Member(io.RawIOBase):
    """The bytes of the member whose data `file` stands at.

    When the last byte that `info` states is given, the CRC-32 has been checked,
    and that the data ends there, DEFLATE stream and compressed size alike.
    """

    def __init__(self, file: BinaryIO, info: zipfile.ZipInfo, name: str | None) -> None:
        self._file = file
        self._name = name
        self._info = info
        self._packed_left = info.compress_size
        self._left = info.file_size
        self._crc = 0
        self._has_ended = False
        stored = info.compress_type == zipfile.ZIP_STORED
        self._inflater = None if stored else zlib.decompressobj(-zlib.MAX_WBITS)

    def readable(self) -> bool:
        return True

    def readinto(self, out: Any, /) -> int:
        part = b""
        # Asked for no more than is stated: more is found, and refused, at the end.
        if nbytes := min(len(out), _PIECE_NBYTES, self._left):
            part = self._next(nbytes)
            if not part:
                raise _differs(
                    self._name,
                    "zip member is cut short",
                    f"{self._info.file_size} bytes",
                    f"{self._info.file_size - self._left} bytes",
                )
            self._left -= len(part)
            self._crc = zlib.crc32(part, self._crc)
            out[: len(part)] = part
        if self._left == 0 and not self._has_ended:
            self._check_end()
        return len(part)

    def _next(self, nbytes: int) -> bytes:
        """At least one and at most `nbytes` bytes; none where the data ends."""
        if self._inflater is None:
            return self._packed(nbytes)
        while not self._inflater.eof:
            packed = self._inflater.unconsumed_tail or self._packed(_PIECE_NBYTES)
            with _defects_named(self._name):
                part = self._inflater.decompress(packed, nbytes)
            if part or not packed:
                return part
        return b""

    def _packed(self, nbytes: int) -> bytes:
        packed = self._file.read(min(nbytes, self._packed_left))
        self._packed_left -= len(packed)
        return packed

    def _check_end(self) -> None:
        if self._next(1):
            raise _differs(
                self._name,
                "zip member is longer than stated",
                f"{self._info.file_size} bytes",
                "at least one byte more",
            )
        if self._inflater is not None:
            rest = len(self._inflater.unused_data) + self._packed_left
            if rest or not self._inflater.eof:
                raise _differs(
                    self._name,
                    "zip member's DEFLATE stream does not end with its data",
                    f"its end after {self._info.compress_size} bytes",
                    f"{rest} bytes behind it" if rest else "no end",
                )
        if self._crc != self._info.CRC:
            raise _differs(
                self._name,
                "CRC-32 of a zip member does not match",
                f"{self._info.CRC:#010x}",
                f"{self._crc:#010x}",
            )
        self._has_ended = True
