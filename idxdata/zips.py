"""One file of a zip archive, by the standard library's `zipfile`.

Stored and deflated members only: those have a known bound on what they expand to.
Whatever else `zipfile` says of damaged archives becomes a `FormatError`.
"""

import difflib
import errno
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, BinaryIO, cast

from idxdata.errors import FormatError
from idxdata.gunzip import MAX_EXPANSION
from idxdata.sources import Source

_PIECE_NBYTES = 1 << 18
_MAX_NAMES = 10
_MAX_NAMES_COMPARED = 1000
_MAX_NAME_LENGTH = 100

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

    `member` may be None if there is only one. `nbytes` is the size that the archive
    states, not more than DEFLATE could make of the compressed size. The file cannot
    seek. Its CRC-32 has been checked when its last byte has been read.

    Raises `FormatError`, here or while reading: no such member, several and none
    named, one that is encrypted or compressed in another way, a wrong CRC-32, a
    damaged archive, a source that cannot seek.
    """
    if source.nbytes is None:
        raise FormatError(
            "a zip archive can only be read from a seekable file",
            path=source.name,
            hint="read it into memory and pass the bytes",
        )
    with _defects_named(source.name):
        archive = zipfile.ZipFile(source.file)
    with archive:
        info = _choose(archive.infolist(), member, source.name)
        _check(info, source)
        with _defects_named(source.name):
            file = archive.open(info)
        with file:
            plain = cast(BinaryIO, _Member(file, source.name))
            yield Source(plain, info.file_size, source.name)


def _choose(
    infos: list[zipfile.ZipInfo], member: str | None, name: str | None
) -> zipfile.ZipInfo:
    files = [info for info in infos if not info.filename.endswith("/")]
    chosen = [info for info in files if member in (None, info.filename)]
    if len(chosen) == 1:
        return chosen[0]
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
        "zip member of several files" if chosen else "no such zip member",
        path=name,
        expected="one file of that name",
        found=_shortened(member),
        hint=None if chosen else f"there are {_listed(near or names)}",
    )


def _listed(names: list[str]) -> str:
    shown = ", ".join(_shortened(name) for name in names[:_MAX_NAMES])
    left = len(names) - _MAX_NAMES
    return f"{shown} and {left} more" if left > 0 else shown or "no files"


def _shortened(name: str) -> str:
    return repr(
        name if len(name) <= _MAX_NAME_LENGTH else f"{name[:_MAX_NAME_LENGTH]}..."
    )


def _check(info: zipfile.ZipInfo, source: Source) -> None:
    """Refuse a method whose expansion has no bound, and a size beyond the bound."""
    bounds = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: MAX_EXPANSION}
    if info.compress_type not in bounds:
        raise FormatError(
            "unknown zip compression method",
            path=source.name,
            expected="0 (stored) or 8 (deflated)",
            found=info.compress_type,
        )
    compressed = min(info.compress_size, source.nbytes or 0)
    if info.file_size > compressed * bounds[info.compress_type]:
        raise FormatError(
            "zip member states a size that cannot be",
            path=source.name,
            expected=f"at most {compressed * bounds[info.compress_type]} bytes",
            found=f"{info.file_size} bytes from {compressed} compressed ones",
        )


@contextmanager
def _defects_named(name: str | None) -> Iterator[None]:
    """Turn what zipfile raises into `FormatError`; errors of the device pass."""
    try:
        yield
    except OSError as error:
        # A damaged archive makes zipfile seek to before the beginning.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise _damaged(name, error) from None
    except _DEFECTS as error:
        raise _damaged(name, error) from None


def _damaged(name: str | None, error: Exception) -> FormatError:
    return FormatError(
        "zip archive cannot be read",
        path=name,
        found=str(error) or type(error).__name__,
        hint="encrypted ones are not supported, damaged ones are to be fetched again",
    )


class _Member(io.RawIOBase):
    """A zip member's bytes, with our errors; checks the CRC-32 at its end."""

    def __init__(self, file: IO[bytes], name: str | None) -> None:
        self._file = file
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, out: Any, /) -> int:
        with _defects_named(self._name):
            part = self._file.read(min(len(out), _PIECE_NBYTES))
        out[: len(part)] = part
        return len(part)
