"""Advisory locks (flock) that the kernel lets go when their process dies.

Two kinds. A *named lock* is a file of its own that one process at a time holds while
it builds. A *shared lock* on a data file says that somebody has it mapped: it belongs
to the open file, which the map keeps open, and so ends when the last map does, in
forked processes too.

On a network file system they work between machines as far as it passes them on: NFS
and SMB do on Linux unless mounted with `local_lock`, `nolock` or `nobrl`, which cannot
be asked; then each machine has locks of its own.
Where the file system says that it has none (ENOLCK, EOPNOTSUPP, ENOSYS), or the
platform does (Windows), every function here says so too.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path

from idxdata.progress import waiting_note

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS}
_MAX_NOTE_NBYTES = 256


class Lock(Enum):
    """What asking for a lock gave."""

    HELD = "held"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"


@contextmanager
def named_lock(path: Path, *, note: str = "", wait: bool = True) -> Iterator[Lock]:
    """Hold the lock file `path` alone while the block runs.

    With `wait` the block begins when nobody else holds it, and those who wait
    meanwhile are shown "process <id>" and this one's `note`. Else it begins at once,
    with `Lock.BUSY` where somebody holds it. `Lock.UNAVAILABLE`: there are no locks.
    Threads exclude each other as processes do. The file is removed at the end.

    Raises `OSError` if the file can be neither opened nor made.
    """
    state, descriptor = _acquire(path, note, wait)
    try:
        yield state
    finally:
        if descriptor is not None:
            if state is Lock.HELD:
                # While it is held: later, another's file might be there.
                with suppress(OSError):
                    path.unlink()
                _unlock(descriptor)
            os.close(descriptor)


def _acquire(path: Path, note: str, wait: bool) -> tuple[Lock, int | None]:
    """The lock's state and its open file, if there is one to close."""
    if fcntl is None:
        return Lock.UNAVAILABLE, None
    while True:
        descriptor = _open_lock_file(path)
        try:
            state = try_exclusive(descriptor)
            if state is Lock.BUSY and wait:
                with waiting_note(f"waiting for {_read_note(descriptor)}"):
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
                state = Lock.HELD
            if state is not Lock.HELD:
                return state, descriptor
            # Whoever held it may have removed the file since it was opened here.
            if names(path, descriptor):
                _write_note(descriptor, note)
                return state, descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _open_lock_file(path: Path) -> int:
    """Open the file, or make it with the permission bits of its folder.

    In two steps, as O_CREAT on another user's file is refused in a folder like
    /tmp (fs.protected_regular).
    """
    while True:
        with suppress(FileNotFoundError):
            try:
                return os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except PermissionError:
                return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with suppress(FileExistsError):
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            descriptor = os.open(path, flags, 0o666)
            with suppress(OSError):
                os.fchmod(descriptor, path.parent.stat().st_mode & 0o666)
            return descriptor


def names(path: Path | str, descriptor: int) -> bool:
    """Whether `path` still is the file that is open as `descriptor`."""
    try:
        there = os.stat(path)
    except OSError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))


def share(descriptor: int) -> bool:
    """Say that the open file is in use, as long as it or a map of it is open.

    Waits while somebody holds it alone. False where there are no locks.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return False
    return True


def try_exclusive(descriptor: int) -> Lock:
    """Take the open file alone if nobody else has a lock on it; does not wait.

    Over NFS it must be open for writing.
    """
    if fcntl is None:
        return Lock.UNAVAILABLE
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return Lock.UNAVAILABLE
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EBADF):
            raise
        return Lock.BUSY
    return Lock.HELD


def _unlock(descriptor: int) -> None:
    # Said aloud: a process forked meanwhile has the file open too.
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _write_note(descriptor: int, note: str) -> None:
    text = f"process {os.getpid()}, which {note}".encode()[:_MAX_NOTE_NBYTES]
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text, 0)


def _read_note(descriptor: int) -> str:
    try:
        text = os.pread(descriptor, _MAX_NOTE_NBYTES, 0).decode(errors="replace")
    except OSError:
        text = ""
    return text or "another process"
