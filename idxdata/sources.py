"""Where bytes come from: a path, bytes, a binary file object or an fsspec URL.

One door, so that whatever decodes them sees one small thing, a `Source`.
"""

import errno
import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, cast

from idxdata.errors import FormatError, MissingFrameworkError, PathLike

Buffer = bytes | bytearray | memoryview


class Readable(Protocol):
    """The least that a binary file object has; `readinto` and `seek` are used too."""

    def read(self, nbytes: int, /) -> bytes: ...


Readables = PathLike | Buffer | Readable
"""All that `open_bytes` takes; a str with a scheme, as in `s3://`, is a URL."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]*://")
_PIECE_NBYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """Opened bytes, from the file's present position to its end.

    `file`: `read` and `readinto`; both may give less than asked for, and nothing
    only at the end. `nbytes`: how many bytes there are; None if that is not known,
    and then the file cannot seek either. `name`: for error texts, or None.
    """

    file: BinaryIO
    nbytes: int | None
    name: str | None


@contextmanager
def open_bytes(source: Readables, *, peek: bool = False) -> Iterator[Source]:
    """The bytes of `source`, which is one of

    - a path (str or PathLike) of a regular file, closed when the block ends;
    - bytes, bytearray or a C-contiguous memoryview: the data itself, not copied;
    - a binary file object: from its position to its end, left open. If it can
      seek, it stands at its end after the block, or with `peek` where it stood;
    - a str `scheme://...`: opened by fsspec, closed when the block ends.

    Raises `TypeError` for anything else, such as a file opened as text or a
    PathLike that is bytes; `FormatError` if a path is not of a regular file; `OSError` as
    `open` does; `MissingFrameworkError` for a URL without fsspec, and whatever
    fsspec's file systems raise.
    """
    if isinstance(source, Buffer):
        with _open_memory(source) as opened:
            yield opened
    elif isinstance(source, str) and _URL.match(source):
        with _open_url(source) as file:
            yield _borrow(file, source)[0]
    elif isinstance(source, str | os.PathLike):
        with _open_path(source) as opened:
            yield opened
    else:
        opened, start = _borrow(_checked(source), None)
        yield opened
        if opened.nbytes is not None:
            opened.file.seek(start + (0 if peek else opened.nbytes))


@contextmanager
def _open_path(path: PathLike) -> Iterator[Source]:
    name = os.fspath(path)
    if not isinstance(name, str):
        raise TypeError(f"the path {name!r} is bytes; pass a str: os.fsdecode(path)")
    # Before it is opened: opening a pipe would wait for somebody to write to it.
    mode = os.stat(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise FormatError("not a regular file", path=path)
    # Unbuffered: what reads here reads whole pieces, straight to where they belong.
    with open(path, "rb", buffering=0) as file:
        yield Source(cast(BinaryIO, file), os.fstat(file.fileno()).st_size, name)


@contextmanager
def _open_memory(data: Buffer) -> Iterator[Source]:
    with memoryview(data) as view:
        if not view.c_contiguous:
            raise TypeError("expected a C-contiguous memoryview")
        # NumPy and ctypes give views that are wider than a byte, or of no dims.
        with view.cast("B") as content:
            yield Source(cast(BinaryIO, _Memory(content)), len(content), "<bytes>")


@contextmanager
def _open_url(url: str) -> Iterator[Readable]:
    try:
        import fsspec
    except ImportError as error:
        raise MissingFrameworkError("fsspec", "fsspec") from error
    with fsspec.open(url, "rb") as file:
        yield file


def _checked(source: object) -> Readable:
    """`source` if it can be read as bytes; else `TypeError`."""
    if isinstance(source, io.TextIOBase):
        raise TypeError(f"{source!r} is opened as text; open it with mode 'rb'")
    if not callable(getattr(source, "read", None)):
        raise TypeError(
            "expected a path, bytes, a URL or a binary file object, "
            f"not {type(source).__name__}"
        )
    return cast(Readable, source)


def _borrow(file: Any, name: str | None) -> tuple[Source, int]:
    """The source that a file object is, and the position where it stands."""
    if name is None and isinstance(getattr(file, "name", None), str):
        name = file.name
    start, nbytes = 0, None
    # Asked by doing it: fsspec's HTTP streams call themselves seekable, and are not.
    try:
        if file.seekable():
            start = file.tell()
            nbytes = max(file.seek(0, os.SEEK_END) - start, 0)
            file.seek(start)
    except (OSError, ValueError, AttributeError, TypeError, NotImplementedError):
        nbytes = None
    return Source(cast(BinaryIO, _Borrowed(file)), nbytes, name), start


class _Memory(io.RawIOBase):
    """Bytes as a file; `io.BytesIO` would copy a bytearray or a memoryview."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, out: Any, /) -> int:
        part = self._content[self._position : self._position + len(out)]
        out[: len(part)] = part
        self._position += len(part)
        return len(part)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = (0, self._position, len(self._content))[whence]
        if base + offset < 0:
            # As the operating system does: zipfile relies on it for tiny archives.
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._position = base + offset
        return self._position


class _Borrowed(io.RawIOBase):
    """Somebody else's file object: never closed, asked for 1 MiB at most.

    Many a `readinto` makes a copy of all that is asked for, fsspec's for one.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._fills = callable(getattr(file, "readinto", None))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, out: Any, /) -> int:
        part = memoryview(out)[:_PIECE_NBYTES]
        if self._fills:
            count = self._file.readinto(part)
        else:
            data = self._file.read(len(part))
            if not isinstance(data, Buffer | None):
                kind = type(data).__name__
                raise TypeError(f"{self._file!r} reads {kind}; bytes are needed")
            count = None if data is None else len(data)
            part[: count or 0] = data or b""
        if count is None:
            raise BlockingIOError(f"{self._file!r} has no data yet: it is non-blocking")
        return int(count)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())
