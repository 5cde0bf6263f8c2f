"""Advisory locks (flock) that the kernel lets go when their process dies.

Two kinds. A *named lock* is a file of its own that one process at a time holds while
it builds. A *shared lock* on a data file says that somebody has it mapped: it belongs
to the open file, which the map keeps open, and so ends when the last map does, in
forked processes too. A lock that one process has alone is its own: a process forked
meanwhile has no part in it.

On a network file system they work between machines as far as it passes them on: NFS
and SMB do on Linux unless mounted with `local_lock`, `nolock` or `nobrl`, which cannot
be asked; then each machine has locks of its own.
Where the file system says that it has none (ENOLCK, EOPNOTSUPP, ENOSYS), or the
platform does (Windows), every function here says so too.
"""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from functools import cache
from io import FileIO
from pathlib import Path
from weakref import WeakSet

from idxdata.progress import waiting_note

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS}
_MAX_NOTE_NBYTES = 256
_PAUSES_S = (0.001, 0.004)
_ours_alone: WeakSet[FileIO] = WeakSet()


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
    state, file = _acquire(path, note, wait)
    try:
        yield state
    finally:
        # Closed: this process was forked in the block, and the lock is the parent's.
        if file is not None and not file.closed:
            try:
                if state is Lock.HELD:
                    # While it is held: later, another's file might be there.
                    with suppress(OSError):
                        path.unlink()
            finally:
                release(file)


def _acquire(path: Path, note: str, wait: bool) -> tuple[Lock, FileIO | None]:
    """The lock's state and its open file, if there is one to close.

    A file object, not a descriptor: wherever an interrupt comes, it is closed.
    """
    if fcntl is None:
        return Lock.UNAVAILABLE, None
    while True:
        file = _open_lock_file(path)
        _keep_from_forks(file)
        try:
            state = try_exclusive(file.fileno())
            if state is Lock.BUSY and wait:
                with waiting_note(f"waiting for {_read_note(file)}"):
                    fcntl.flock(file, fcntl.LOCK_EX)
                state = Lock.HELD
            if state is not Lock.HELD:
                return state, file
            # Whoever held it may have removed the file since it was opened here.
            if names(path, file.fileno()):
                _write_note(file, note)
                return state, file
        except BaseException:
            release(file)
            raise
        release(file)


def _open_lock_file(path: Path) -> FileIO:
    """Open the file, or make it with the permission bits of its folder.

    In two steps, as O_CREAT on another user's file is refused in a folder like
    /tmp (fs.protected_regular).
    """
    while True:
        with suppress(FileNotFoundError):
            return _open_to_lock(path)
        with suppress(FileExistsError):
            file = FileIO(path, "x+")
            with suppress(OSError):
                os.fchmod(file.fileno(), path.parent.stat().st_mode & 0o666)
            return file


def _open_to_lock(path: Path) -> FileIO:
    """Open for writing, if it may be: NFS wants that of who has a file alone."""
    try:
        return FileIO(path, "r+")
    except FileNotFoundError:
        raise
    except OSError:
        return FileIO(path, "r")


def _keep_from_forks(file: FileIO) -> None:
    """Close the file in each process that is forked while it is open here.

    There it would keep the lock when this process is killed.
    """
    _watch_forks()
    _ours_alone.add(file)


@cache
def _watch_forks() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_close_all)


def _close_all() -> None:
    for file in list(_ours_alone):
        file.close()


@contextmanager
def have_alone(path: Path) -> Iterator[tuple[Lock, FileIO]]:
    """Have the data file alone while the block runs, if nobody shares it.

    Gives the lock's state and the open file. Others that have it alone are waited for
    some milliseconds: they only look, as this one does, and are no users of the file.

    Raises `OSError` if the file cannot be opened.
    """
    file = _open_to_lock(path)
    _keep_from_forks(file)
    try:
        state = try_exclusive(file.fileno())
        for pause_s in _PAUSES_S:
            if state is Lock.BUSY:
                time.sleep(pause_s)
                state = try_exclusive(file.fileno())
        yield state, file
    finally:
        release(file)


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


def release(file: FileIO) -> None:
    """Let go of any lock on the open file, and close it.

    Closing alone would not do: a process forked meanwhile has the file open too.
    """
    if fcntl is not None and not file.closed:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)
    file.close()


def _write_note(file: FileIO, note: str) -> None:
    # "replace", as names of files need not be Unicode.
    text = f"process {os.getpid()}, which {note}".encode(errors="replace")
    with suppress(OSError):
        os.ftruncate(file.fileno(), 0)
        os.pwrite(file.fileno(), text[:_MAX_NOTE_NBYTES], 0)


def _read_note(file: FileIO) -> str:
    try:
        text = os.pread(file.fileno(), _MAX_NOTE_NBYTES, 0).decode(errors="replace")
    except OSError:
        text = ""
    return text or "another process"
