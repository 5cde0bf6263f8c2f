"""Where bytes come from: a path, bytes, a binary file object or an fsspec URL.

One door, so that whatever decodes them sees one small thing, a `Source`.
"""

import errno
import io
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, TypeGuard, cast

from idxdata.errors import FormatError, MissingFrameworkError, PathLike

Buffer = bytes | bytearray | memoryview


class Readable(Protocol):
    """The least that a binary file object has; `readinto` and `seek` are used too."""

    def read(self, nbytes: int, /) -> bytes: ...


Readables = PathLike | Buffer | Readable
"""All that `open_bytes` takes; a str with a scheme, as in `s3://`, is a URL."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]*://")
_PIECE_NBYTES = 1 << 20
_PEEK_NBYTES = 1 << 12
# How files say that they lack or refuse a method; io.UnsupportedOperation is one.
_CANNOT = (ValueError, AttributeError, TypeError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Source:
    """Opened bytes, from the file's present position to its end.

    `file`: `read` and `readinto`; both may give less than asked for, and nothing
    only at the end. `nbytes`: how many bytes there are; None if only reading them
    all could tell. `can_seek`: whether the file says that it can seek; `move` tells
    whether it does. `name`: for error texts, or None.
    """

    file: BinaryIO
    nbytes: int | None
    can_seek: bool
    name: str | None


@contextmanager
def open_bytes(source: Readables, *, peek: bool = False) -> Iterator[Source]:
    """The bytes of `source`, which is one of

    - a path (str or PathLike) of a regular file, closed when the block ends;
    - bytes, bytearray or a C-contiguous memoryview: the data itself, not copied;
    - a binary file object: from its position to its end, left open. After the
      block it stands at its end if it can seek and its size is known; with `peek`
      where it stood if it can seek, also after an error;
    - a str `scheme://...`: opened by fsspec, closed when the block ends.

    Raises `TypeError` for anything else, such as a file opened as text or a
    PathLike that is bytes; `FormatError` if a path is not of a regular file; `OSError` as
    `open` does; `MissingFrameworkError` for a URL without fsspec, and whatever
    fsspec's file systems raise.
    """
    if isinstance(source, Buffer):
        with _open_memory(source) as opened:
            yield opened
    elif is_url(source):
        with _open_url(source, peek) as file:
            yield _borrow(file, source)[0]
    elif isinstance(source, str | os.PathLike):
        with _open_path(source) as opened:
            yield opened
    else:
        opened, start = _borrow(_checked(source), None)
        try:
            yield opened
        finally:
            if peek and opened.can_seek:
                move(opened.file, start)
        if not peek and opened.can_seek and opened.nbytes is not None:
            move(opened.file, start + opened.nbytes)


def is_url(source: object) -> TypeGuard[str]:
    """Whether `source` is a str with a scheme, `scheme://...`, for fsspec to open."""
    return isinstance(source, str) and _URL.match(source) is not None


def move(file: BinaryIO, position: int) -> bool:
    """Seek to `position`; False if the file cannot, and then it has not moved.

    Raises `OSError` if it stands elsewhere afterwards, and other errors than
    those by which files say that they cannot seek.
    """
    before = file.tell()
    if before == position:
        return True
    try:
        file.seek(position)
    except _CANNOT:
        pass
    except OSError as error:
        if error.errno != errno.ESPIPE:
            raise
    # Asked of `tell`: many a file's `seek` returns nothing.
    after = file.tell()
    if after not in (before, position):
        raise OSError(f"{file!r} stands at {after} after a seek to {position}")
    return after == position


@contextmanager
def _open_path(path: PathLike) -> Iterator[Source]:
    name = os.fspath(path)
    if not isinstance(name, str):
        raise TypeError(f"the path {name!r} is bytes; pass a str: os.fsdecode(path)")
    # Before it is opened: opening a pipe would wait for somebody to write to it.
    mode = os.stat(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise FormatError(
            "not a regular file", path=path, hint="pass an open file object"
        )
    # Unbuffered: what reads here reads whole pieces, straight to where they belong.
    with open(path, "rb", buffering=0) as file:
        nbytes = os.fstat(file.fileno()).st_size
        yield Source(cast(BinaryIO, file), nbytes, True, name)


@contextmanager
def _open_memory(data: Buffer) -> Iterator[Source]:
    with memoryview(data) as view:
        if not view.c_contiguous:
            raise TypeError("expected a C-contiguous memoryview")
        # NumPy and ctypes give views that are wider than a byte, or of no dims.
        # Views of no bytes cannot be cast if a dim is zero.
        with view.cast("B") if view.nbytes else memoryview(b"") as content:
            file = cast(BinaryIO, _Memory(content))
            yield Source(file, len(content), True, "<bytes>")


@contextmanager
def _open_url(url: str, peek: bool) -> Iterator[Readable]:
    try:
        import fsspec
    except ImportError as error:
        raise MissingFrameworkError("fsspec", "fsspec") from error
    if not peek:
        with fsspec.open(url, "rb") as file:
            yield file
        return
    # By default file systems fetch some MiB at the first byte asked for.
    system, path = fsspec.core.url_to_fs(url)
    with system.open(path, "rb", block_size=_PEEK_NBYTES) as file:
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
    start, can_seek = 0, False
    try:
        if file.seekable():
            start = int(file.tell())
            can_seek = True
    except (OSError, *_CANNOT):
        pass
    size = _cheap_size(file) if can_seek else None
    nbytes = None if size is None else max(size - start, 0)
    return Source(cast(BinaryIO, _Borrowed(file)), nbytes, can_seek, name), start


def _cheap_size(file: Any) -> int | None:
    """The size of `file` if it is known without a seek to the end, else None.

    That seek makes a file that decodes, as `gzip.open` gives, decode all it holds.
    """
    if isinstance(file, io.BytesIO):
        with file.getbuffer() as content:
            return content.nbytes
    raw = file.raw if isinstance(file, io.BufferedReader | io.BufferedRandom) else file
    if isinstance(raw, io.FileIO):
        file.flush()
        status = os.fstat(raw.fileno())
        return status.st_size if stat.S_ISREG(status.st_mode) else None
    # By its name, as importing fsspec takes long, and its files are subclassed.
    roots = (kind.__module__.partition(".")[0] for kind in type(file).__mro__)
    size = getattr(file, "size", None) if "fsspec" in roots else None
    return size if isinstance(size, int) else None


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
        self._readinto, self._read = _reading_methods(file)

    def __repr__(self) -> str:
        return repr(self._file)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, out: Any, /) -> int:
        part = memoryview(out)[:_PIECE_NBYTES]
        if self._readinto is not None:
            count = self._readinto(part)
            self._check_count(count, len(part))
        else:
            data = self._read(len(part))
            if not isinstance(data, Buffer | None):
                kind = type(data).__name__
                raise TypeError(f"{self._file!r} reads {kind}; bytes are needed")
            count = None if data is None else len(data)
            self._check_count(count, len(part))
            part[: count or 0] = data or b""
        if count is None:
            raise BlockingIOError(f"{self._file!r} has no data yet: it is non-blocking")
        return int(count)

    def _check_count(self, count: int | None, most: int) -> None:
        if count is not None and not 0 <= count <= most:
            raise OSError(
                f"{self._file!r} read an invalid number of bytes: {count}, "
                f"not 0 to {most}"
            )

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._file.seek(offset, whence)
        return self.tell()

    def tell(self) -> int:
        return int(self._file.tell())


def _reading_methods(file: Any) -> tuple[Callable[..., Any] | None, Any]:
    """A method of `file` that fills memory, or None, and one that gives bytes.

    Those that give what is there come first: others wait until all has arrived.
    """
    # BytesIO never waits; its readinto1 is by way of a copy.
    if not isinstance(file, io.BytesIO):
        if _has_own(file, "readinto1"):
            return file.readinto1, file.read
        if _has_own(file, "read1"):
            return None, file.read1
    fills = getattr(file, "readinto", None)
    return (fills if callable(fills) else None), file.read


def _has_own(file: Any, method: str) -> bool:
    """Whether `file` has `method`, other than as the default of its base class."""
    default = getattr(io.BufferedIOBase, method)
    return (
        callable(getattr(file, method, None))
        and getattr(type(file), method, None) is not default
    )
