"""Bytes as they are or decoded, told by their first bytes, never by a name.

xz and zip are imported where they are met: most files are neither, and importing
the package would take longer.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Literal, Protocol, cast

from idxdata.engine import Engine
from idxdata.errors import FormatError
from idxdata.gunzip import GZIP_MAGIC, GzipStream
from idxdata.sniff import XZ_MAGIC, ZIP_MAGICS
from idxdata.sources import Readables, Source, move, open_bytes

_LOOK_NBYTES = max(map(len, (GZIP_MAGIC, XZ_MAGIC, *ZIP_MAGICS)))


class Stream(Protocol):
    """Decoded bytes in order; only at the end do `read` and `readinto` fall short.

    `position` counts those decoded so far, also after an error.
    """

    @property
    def position(self) -> int: ...
    def read(self, nbytes: int) -> bytes: ...
    def readinto(self, out: memoryview) -> int: ...
    def at_end(self) -> bool: ...


class RawStream:
    """A file that is not compressed, with the same methods as GzipStream."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.position = 0

    def read(self, nbytes: int) -> bytes:
        out = bytearray(nbytes)
        return bytes(out[: self.readinto(memoryview(out))])

    def readinto(self, out: memoryview) -> int:
        filled = 0
        while filled < len(out) and (count := self._file.readinto(out[filled:])):  # type: ignore[attr-defined]
            filled += count
        self.position += filled
        return filled

    def at_end(self) -> bool:
        return not self.read(1)

    def skip(self, nbytes: int) -> None:
        """Pass over `nbytes` bytes, there or not, in a file that can seek."""
        self._file.seek(nbytes, io.SEEK_CUR)
        self.position += nbytes


@dataclass(frozen=True, slots=True)
class Opened:
    """A source, decoded as it is read.

    `stream`: the decoded bytes. `kind`: what decodes them. `nbytes`: the encoded
    size where it says something about the decoded one, else None. `can_seek`:
    whether `stream` is a `RawStream` of known size that can `skip`. `name`: for
    error texts.
    """

    stream: Stream
    kind: Literal["raw", "gzip", "xz"]
    nbytes: int | None
    can_seek: bool
    name: str | None


@contextmanager
def open_stream(
    source: Readables,
    *,
    engine: Engine = "auto",
    member: str | None = None,
    peek: bool = False,
) -> Iterator[Opened]:
    """The bytes of `source`, decoded if they are gzip, xz or in a zip archive.

    A zip member may in turn be gzip or xz. `member`, `engine` and `peek` are those
    of `open_member`, `GzipStream` and `open_bytes`; their errors are raised, and
    `FormatError` for `member` where there is no zip archive, `TypeError` if it is
    neither a str nor None.
    """
    if not isinstance(member, str | None):
        raise TypeError(f"member must be a str, not {type(member).__name__}")
    if peek and engine == "auto":
        # A header is not worth a kernel, nor does it count as reading the file.
        engine = "zlib"
    with open_bytes(source, peek=peek) as opened:
        head, opened = _look(opened)
        if head.startswith(ZIP_MAGICS):
            from idxdata.zips import open_member

            with open_member(opened, member) as plain:
                head, unread = _look(replace(plain, nbytes=None))
                inner = _decoded(head, replace(unread, nbytes=plain.nbytes), engine)
                # Two expansions, one in the other, have no bound to go by.
                nbytes = inner.nbytes if inner.kind == "raw" else None
                yield replace(inner, nbytes=nbytes, can_seek=False)
            return
        if member is not None:
            raise FormatError(
                "not a zip archive, so it has no members",
                path=opened.name,
                expected="PK 03 04",
                found=head[:4].hex(" ") or "no bytes",
                hint="leave out member=",
            )
        yield _decoded(head, opened, engine)


def _look(source: Source) -> tuple[bytes, Source]:
    """The first bytes of `source`, and `source` with them unread."""
    head = RawStream(source.file).read(_LOOK_NBYTES)
    # Where only reading tells the size, seeking would save nothing, and may fail.
    wanted = source.nbytes is not None or head.startswith(ZIP_MAGICS)
    if source.can_seek and wanted and move(source.file, source.file.tell() - len(head)):
        return head, source
    unread = cast(BinaryIO, _Unread(head, source.file))
    return head, replace(source, file=unread, can_seek=False)


def _decoded(head: bytes, source: Source, engine: Engine) -> Opened:
    file, name, nbytes = source.file, source.name, source.nbytes
    if head.startswith(GZIP_MAGIC):
        gzip = GzipStream(file, path=name, engine=engine, nbytes=nbytes)
        return Opened(gzip, "gzip", nbytes, False, name)
    if head.startswith(XZ_MAGIC):
        from idxdata.xz import XzStream

        # What LZMA makes of a byte has no bound that would be of use.
        return Opened(XzStream(file, path=name), "xz", None, False, name)
    can_seek = source.can_seek and nbytes is not None
    return Opened(RawStream(file), "raw", nbytes, can_seek, name)


class _Unread(io.RawIOBase):
    """A file that cannot seek, with its first bytes put back."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head = memoryview(head)
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, out: Any, /) -> int:
        if not self._head:
            return int(self._file.readinto(out))  # type: ignore[attr-defined]
        part, self._head = self._head[: len(out)], self._head[len(out) :]
        out[: len(part)] = part
        return len(part)
