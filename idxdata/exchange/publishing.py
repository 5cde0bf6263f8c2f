"""Files and folders that appear whole or not at all, and replace nothing unasked."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from idxdata.atomic import temporary_sibling
from idxdata.errors import FormatError, IdxDataError


def check_target(final: Path, *, force: bool, is_folder: bool | None = None) -> None:
    """Refuse to replace what may not be replaced.

    An empty folder may be filled. With `force` a file gives way to a file; a folder
    never gives way, as it may hold what nobody else has. `is_folder`: what is to be
    written; None if that is not known yet.

    Raises `FileExistsError`, `IsADirectoryError`, `NotADirectoryError`, `FormatError`.
    """
    if not os.path.lexists(final):
        return
    if final.is_dir():
        if is_folder is False:
            raise _error(errno.EISDIR, final)
        if any(final.iterdir()):
            text = "a folder is not replaced: name a new one"
            raise OSError(errno.EEXIST, text, str(final))
    elif is_folder:
        raise _error(errno.ENOTDIR, final)
    elif not force:
        raise _error(errno.EEXIST, final)
    elif not final.is_file():
        raise FormatError("not a regular file", path=final)


def _error(code: int, path: Path) -> OSError:
    text = os.strerror(code)
    if code == errno.EEXIST:
        text = "is there already; --force (force=True) replaces it"
    return OSError(code, text, str(path))


@contextmanager
def published(
    final: Path, *, name: str, force: bool, is_folder: bool
) -> Iterator[Path]:
    """A path to write a file or folder at; it becomes `final` when the block ends.

    It lies beside `final` in a folder of its own, and is called `name`. After an error
    nothing is left, and what was at `final` is as it was; an `IdxDataError` names
    `final`. Raises as `check_target` does, before the block and after it, and `OSError`.
    """
    check_target(final, force=force, is_folder=is_folder)
    real = Path(os.path.realpath(final))
    part = temporary_sibling(real)
    _make_folder(part, final)
    try:
        try:
            yield part / name
        except IdxDataError as error:
            if error.path is not None and error.path.startswith(str(part)):
                error.path = str(final)
            raise
        check_target(final, force=force, is_folder=is_folder)
        if is_folder:
            # Where an empty folder is, it takes its place.
            if real.is_dir():
                real.rmdir()
            (part / name).rename(real)
        else:
            _move_file(part / name, real, force)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _make_folder(part: Path, final: Path) -> None:
    """Make `part`, and folders above; errors name `final`."""
    try:
        part.mkdir(parents=True)
    except FileExistsError:  # one of those above
        raise _error(errno.ENOTDIR, final) from None
    except OSError as error:
        raise _error(error.errno or errno.EIO, final) from None


def _move_file(source: Path, final: Path, force: bool) -> None:
    if force:
        with suppress(OSError):
            source.chmod(final.stat().st_mode & 0o777)
        source.replace(final)
        return
    try:
        # Unlike a rename, a link never replaces what somebody put there meanwhile.
        os.link(source, final)
    except FileExistsError:
        raise _error(errno.EEXIST, final) from None
    except OSError:
        source.rename(final)
