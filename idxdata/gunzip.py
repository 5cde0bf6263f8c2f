"""gzip members (RFC 1952) to bytes, pulled piece by piece, checked to the last bit.

Stricter than the standard library's gzip module: reserved flag bits are refused,
a header CRC is checked, and after the last member only zero padding may follow.
Only raw DEFLATE (RFC 1951) is an engine's; framing, checks and errors are here.
"""

import zlib
from typing import BinaryIO

from idxdata.crc32 import RunningCrc32
from idxdata.engine import Engine, choose_engine
from idxdata.errors import ChecksumError, GzipError, InflateError, PathLike
from idxdata.inflate import Defect, new_inflater

GZIP_MAGIC = b"\x1f\x8b"
METHOD_DEFLATE = 8
FIXED_HEADER_NBYTES = 10
TRAILER_NBYTES = 8

# Flag bits of byte 3, RFC 1952 section 2.3.1. FTEXT (bit 0) is only a hint.
FHCRC, FEXTRA, FNAME, FCOMMENT = 0x02, 0x04, 0x08, 0x10
RESERVED_FLAGS = 0xE0

MAX_EXPANSION = 1032
"""DEFLATE's bound: 2 bits (a length and a distance code) give at most 258 bytes."""

_PIECE_NBYTES = 1 << 18
_GATHERED_NBYTES = 1 << 14
"""Sources that come in drops are gathered to so much before they are inflated."""
_PART_NBYTES = 1 << 20


class _Input:
    """The compressed file, buffered; `offset` is the position of the next unread byte."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._piece = memoryview(b"")
        self.offset = 0
        self.has_ended = False

    def available(self, least: int = 1) -> memoryview:
        """The unread bytes at hand. If there are none, at least `least` are read."""
        if not self._piece:
            self.read_more(least)
        return self._piece

    def read_more(self, least: int = 1) -> None:
        """Put `least` or more bytes behind the unread ones, fewer where the file ends."""
        parts = [bytes(self._piece)] if self._piece else []
        nbytes = 0
        while nbytes < least and not self.has_ended:
            parts.append(self._file.read(_PIECE_NBYTES))
            nbytes += len(parts[-1])
            self.has_ended = not parts[-1]
        self._piece = memoryview(b"".join(parts))

    def consume(self, nbytes: int) -> None:
        self._piece = self._piece[nbytes:]
        self.offset += nbytes

    def take(self, nbytes: int) -> bytes:
        """The next `nbytes` bytes; fewer only where the file ends."""
        parts = []
        while nbytes and (piece := self.available()):
            parts.append(bytes(piece[:nbytes]))
            self.consume(len(parts[-1]))
            nbytes -= len(parts[-1])
        return b"".join(parts)


class GzipStream:
    """The decompressed bytes of all members of a gzip file, in order.

    `file` is a binary file at its start; `path` only serves the error text;
    `nbytes`, its size if known, helps `engine="auto"` to choose (`choose_engine`).
    `position` counts the bytes decoded so far, of all members. Not thread-safe.
    Memory is bounded whatever the file says.

    Every method that decodes raises `GzipError` (member header wrong, reserved
    flag set, member cut short, foreign bytes after the last member),
    `InflateError` (invalid DEFLATE data) or `ChecksumError` (CRC-32, ISIZE or
    header CRC), with the position in the compressed file. The constructor raises
    them for the first member's header, and `ValueError` for an unknown engine.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        path: PathLike | None = None,
        engine: Engine = "auto",
        nbytes: int | None = None,
    ) -> None:
        self._input = _Input(file)
        self._path = path
        self._engine = choose_engine(engine, nbytes)
        self._crc32 = RunningCrc32()
        self.position = 0
        self._ended = False
        self._start_member()

    def read(self, nbytes: int) -> bytes:
        """The next `nbytes` decompressed bytes; fewer only where the stream ends."""
        out = bytearray(nbytes)
        return bytes(out[: self.readinto(memoryview(out))])

    def readinto(self, out: memoryview) -> int:
        """Fill `out` (writable bytes); returns how many were filled.

        Fewer than `len(out)` only where the stream ends, and then every member's
        checks have passed. Nothing behind the last byte filled is looked at.
        """
        filled = 0
        member = out
        with self._crc32.overlapped(len(out)):
            while filled < len(out) and not self._ended:
                if self._is_member_done:
                    self._end_member()
                    member = out[filled:]
                else:
                    filled += self._inflate(member, len(member) - (len(out) - filled))
        return filled

    def at_end(self) -> bool:
        """Whether the stream has no further byte.

        True only after the last member's CRC-32 and ISIZE and what follows it
        have been checked. Decodes at most one byte, which is lost.
        """
        return self.readinto(memoryview(bytearray(1))) == 0

    def _start_member(self) -> None:
        self._read_member_header()
        self._inflater = new_inflater(self._engine)
        self._member_start = self.position
        self._is_member_done = False

    def _read_member_header(self) -> None:
        start = self._input.offset
        head = self._take(FIXED_HEADER_NBYTES, "member header")
        if head[:2] != GZIP_MAGIC:
            raise self._error(
                "not a gzip member", start, GZIP_MAGIC.hex(" "), head[:2].hex(" ")
            )
        if head[2] != METHOD_DEFLATE:
            raise self._error(
                "unknown gzip compression method", start + 2, METHOD_DEFLATE, head[2]
            )
        flags = head[3]
        if flags & RESERVED_FLAGS:
            raise self._error(
                "reserved gzip flag bits are set", start + 3, "0", f"{flags:#04x}"
            )
        crc = zlib.crc32(head)
        if flags & FEXTRA:
            length = self._take(2, "extra field length")
            extra = self._take(int.from_bytes(length, "little"), "extra field")
            crc = zlib.crc32(extra, zlib.crc32(length, crc))
        if flags & FNAME:
            crc = self._skip_string("file name", crc)
        if flags & FCOMMENT:
            crc = self._skip_string("comment", crc)
        if flags & FHCRC:
            offset = self._input.offset
            stored = int.from_bytes(self._take(2, "header CRC"), "little")
            if stored != crc & 0xFFFF:
                raise ChecksumError(
                    "gzip header CRC does not match",
                    path=self._path,
                    offset=offset,
                    expected=f"{stored:#06x}",
                    found=f"{crc & 0xFFFF:#06x}",
                )

    def _take(self, nbytes: int, what: str) -> bytes:
        start = self._input.offset
        data = self._input.take(nbytes)
        if len(data) < nbytes:
            raise self._cut_short(what, start, f"{nbytes} bytes", f"{len(data)} bytes")
        return data

    def _skip_string(self, what: str, crc: int) -> int:
        """Pass over a zero-terminated field of any length; returns the running CRC."""
        start = self._input.offset
        while piece := bytes(self._input.available()):
            end = piece.find(0) + 1
            part = piece[: end or len(piece)]
            self._input.consume(len(part))
            crc = zlib.crc32(part, crc)
            if end:
                return crc
        raise self._cut_short(what, start, "a closing zero byte", "the end of the file")

    def _inflate(self, out: memoryview, start: int) -> int:
        """Decode some of `out[start:]`; returns how many bytes, which may be none."""
        # Fewer bytes could not fill `out`, so nobody waits for more than is needed.
        least = min((len(out) - start) // MAX_EXPANSION + 1, _GATHERED_NBYTES)
        source = self._input.available(least)
        out = out[: start + _PART_NBYTES]
        try:
            consumed, produced, self._is_member_done = self._inflater.inflate(
                source, out, self._input.has_ended, start
            )
        except Defect as defect:
            raise InflateError(
                "invalid DEFLATE data",
                path=self._path,
                offset=self._input.offset + defect.consumed,
                found=defect.name,
                hint="the file is damaged; fetch it again",
            ) from None
        self._input.consume(consumed)
        self._crc32.update(out[start : start + produced])
        self.position += produced
        if not (consumed or produced or self._is_member_done):
            self._read_more(least)
        return produced

    def _read_more(self, least: int) -> None:
        if self._input.has_ended:
            raise self._cut_short(
                "member",
                self._input.offset + len(self._input.available()),
                "more compressed data",
                f"the end of the file after {self.position} decompressed bytes",
            )
        self._input.read_more(least)

    def _end_member(self) -> None:
        offset = self._input.offset
        trailer = self._take(TRAILER_NBYTES, "member trailer")
        stored_crc = int.from_bytes(trailer[:4], "little")
        stored_isize = int.from_bytes(trailer[4:], "little")
        crc = self._crc32.take()
        if stored_crc != crc:
            raise ChecksumError(
                "CRC-32 does not match",
                path=self._path,
                offset=offset,
                expected=f"{stored_crc:#010x}",
                found=f"{crc:#010x}",
                hint="the file is damaged; fetch it again",
            )
        nbytes = self.position - self._member_start
        if stored_isize != nbytes & 0xFFFFFFFF:
            raise ChecksumError(
                "ISIZE does not match",
                path=self._path,
                offset=offset + 4,
                expected=f"{stored_isize} bytes (modulo 2^32)",
                found=f"{nbytes} bytes",
            )
        self._start_next_or_end()

    def _start_next_or_end(self) -> None:
        piece = self._input.available()
        if piece and piece[0] == GZIP_MAGIC[0]:
            self._start_member()
            return
        while piece := self._input.available():
            foreign = bytes(piece).lstrip(b"\0")
            self._input.consume(len(piece) - len(foreign))
            if foreign:
                raise self._error(
                    "foreign bytes after the last gzip member",
                    self._input.offset,
                    "zero padding or the end of the file",
                    foreign[:4].hex(" "),
                )
        self._ended = True

    def _error(
        self, what: str, offset: int, expected: object, found: object
    ) -> GzipError:
        return GzipError(
            what, path=self._path, offset=offset, expected=expected, found=found
        )

    def _cut_short(
        self, what: str, offset: int, expected: str, found: str
    ) -> GzipError:
        return GzipError(
            f"gzip {what} is cut short",
            path=self._path,
            offset=offset,
            expected=expected,
            found=found,
            hint="the file is truncated; fetch it again",
        )
