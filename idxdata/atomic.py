"""Files that appear whole or not at all."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from idxdata.errors import FormatError, PathLike

_NEW_FILE_MODE = 0o666


def temporary_sibling(path: Path) -> Path:
    """A name beside `path` that nobody else uses, told apart by its `.part` suffix.

    It is short, as the name of `path` may be the longest that the folder can hold.
    """
    return path.with_name(f".idxdata-{os.getpid()}-{secrets.token_hex(8)}.part")


@contextmanager
def atomic_write(path: PathLike) -> Iterator[BinaryIO]:
    """A binary file that replaces `path` when the block ends without an error.

    Until then it lies beside `path` under another name; after an error it is
    removed and `path` is as it was. Where `path` is a link, what it points to is
    replaced; the new file has the permission bits of the old one. A reader that has
    the old file open or mapped keeps the old bytes. Safe against a killed process,
    not against a power cut (nothing is fsynced).

    Raises, before the block, `FormatError` if `path` is a pipe, a device or a
    socket, `TypeError` if it is bytes, and `OSError` as `open(path, "wb")` does:
    `IsADirectoryError` for a folder, `FileNotFoundError` for an empty path or no
    folder to write in. The path that these errors name is `path`.
    """
    name = checked_path(path)
    mode = _mode_to_replace(name)
    final = Path(os.path.realpath(name))
    part = temporary_sibling(final)
    try:
        with _errors_name(name):
            # Never, not even empty, is it open to more users than the old file.
            file = _create(part, _NEW_FILE_MODE if mode is None else mode)
        with file:
            if mode is not None:
                with _errors_name(name):
                    _set_mode(file.fileno(), mode)
            yield file
        with _errors_name(name):
            os.replace(part, final)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def checked_path(path: PathLike) -> str:
    """`path` as a str; `TypeError` for bytes, and for what is no path."""
    name = os.fspath(path)
    if not isinstance(name, str):
        raise TypeError(f"the path {name!r} is bytes; pass a str: os.fsdecode(path)")
    return name


def _mode_to_replace(name: str) -> int | None:
    """The permission bits of the regular file `name`, None if there is no file yet.

    Raises as `atomic_write` does, if what is there cannot be replaced.
    """
    if name.endswith((os.sep, os.altsep or os.sep)):
        raise _os_error(errno.EISDIR, name)
    try:
        mode = os.stat(name).st_mode
    except FileNotFoundError:
        if not name:
            raise
        # `realpath` would make the f in "missing/../f" one that can be written.
        with _errors_name(name):
            os.stat(os.path.dirname(name) or os.curdir)
        return None
    if stat.S_ISDIR(mode):
        raise _os_error(errno.EISDIR, name)
    if not stat.S_ISREG(mode):
        raise FormatError("not a regular file", path=name)
    return mode & 0o777


def _create(path: Path, mode: int) -> BinaryIO:
    # No lambda: an interrupt in one would leave the descriptor open.
    return open(path, "xb", opener=partial(os.open, mode=mode))


def _set_mode(descriptor: int, mode: int) -> None:
    # Some file systems have one mode for all files and refuse to be told.
    if hasattr(os, "fchmod") and os.fstat(descriptor).st_mode & 0o777 != mode:
        os.fchmod(descriptor, mode)


@contextmanager
def _errors_name(name: str) -> Iterator[None]:
    """Let an `OSError` of the block name `name`, not the temporary file."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise _os_error(error.errno, name) from None


def _os_error(code: int, name: str) -> OSError:
    return OSError(code, os.strerror(code), name)
