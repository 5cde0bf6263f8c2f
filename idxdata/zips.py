"""One file of a zip archive, its directory read by the standard library's `zipfile`.

Stored and deflated members only: those have a known bound on what they expand to.
Stricter than `zipfile`: the archive ends with its end record, the directory has as
many entries as that states, a member's local header agrees with its entry, and its
data is exactly as long as both say. Sizes and signatures: PKWARE's APPNOTE 4.3.
"""

import difflib
import errno
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from idxdata.errors import FormatError
from idxdata.gunzip import MAX_EXPANSION
from idxdata.sources import Source
from idxdata.zip_directory import (
    Directory,
    check_entries,
    damaged,
    differs,
    find_directory,
    read_at,
    read_fully,
)

_PIECE_NBYTES = 1 << 18
_MAX_NAMES = 10
_MAX_NAMES_COMPARED = 1000
_MAX_NAME_LENGTH = 100

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
    directory = find_directory(source)
    check_entries(source, directory)
    with _defects_named(source.name), zipfile.ZipFile(source.file) as archive:
        infos = archive.infolist()
    info = _choose(infos, member, source.name)
    _check(info, directory, source.name)
    _seek_to_data(info, directory, source)
    plain = cast(BinaryIO, _Member(source.file, info, source.name))
    yield Source(plain, info.file_size, False, source.name)


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


def _check(info: zipfile.ZipInfo, directory: Directory, name: str | None) -> None:
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
        raise differs(
            name,
            "stored zip member states two sizes",
            f"{info.file_size} bytes",
            f"{info.compress_size} bytes",
        )


def _seek_to_data(info: zipfile.ZipInfo, directory: Directory, source: Source) -> None:
    """Check the member's local header against its entry and pass over it."""
    name = source.name
    local = b""
    if 0 <= info.header_offset < directory.start:
        local = read_at(source, info.header_offset, _LOCAL.size)
    if len(local) < _LOCAL.size or not local.startswith(_LOCAL_SIGNATURE):
        raise damaged(name, f"no local header at byte {info.header_offset}")
    _, _, flags, method, _, _, crc, packed, plain, name_nbytes, extra_nbytes = (
        _LOCAL.unpack(local)
    )
    if (flags | info.flag_bits) & _UNREADABLE_FLAGS:
        raise FormatError("encrypted or patched zip member", path=name)
    encoded = read_fully(source.file, name_nbytes)
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
            raise differs(
                name,
                f"zip local header and directory differ in {what}",
                expected,
                found,
            )
    start = info.header_offset + _LOCAL.size + name_nbytes + extra_nbytes
    if start + info.compress_size > directory.start:
        raise differs(
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
        raise damaged(name, str(error)) from None
    except _DEFECTS as error:
        raise damaged(name, str(error) or type(error).__name__) from None


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
                raise differs(
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
            raise differs(
                self._name,
                "zip member is longer than stated",
                f"{self._info.file_size} bytes",
                "at least one byte more",
            )
        if self._inflater is not None:
            rest = len(self._inflater.unused_data) + self._packed_left
            if rest or not self._inflater.eof:
                raise differs(
                    self._name,
                    "zip member's DEFLATE stream does not end with its data",
                    f"its end after {self._info.compress_size} bytes",
                    f"{rest} bytes behind it" if rest else "no end",
                )
        if self._crc != self._info.CRC:
            raise differs(
                self._name,
                "CRC-32 of a zip member does not match",
                f"{self._info.CRC:#010x}",
                f"{self._crc:#010x}",
            )
        self._has_ended = True
