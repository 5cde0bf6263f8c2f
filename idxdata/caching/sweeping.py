"""Leftovers of killed processes, entries out of service, entries that nobody needs.

Nothing is deleted under its reader: who deletes an entry holds the lock of its data
file alone, which no reader then has, and a reader that comes later finds another file
or none (`entries.open_entry`). An entry leaves service by one rename.
"""

import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from idxdata.caching.entries import (
    DATA,
    META,
    Damaged,
    OtherVersion,
    last_used_s,
    open_entry,
)
from idxdata.caching.layout import Layout, SourceIdentity, host_tag, is_entry_name
from idxdata.errors import CacheError
from idxdata.locks import Lock, have_alone, named_lock, names, release

_STALE_PART_S = 86_400
"""No build takes longer; asked where no lock tells."""

_STALE_INDEX_S = 60
"""Losing the temporary file of an index file costs no more than hashing again."""


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """An entry as `Cache.entries` tells of it.

    `source`: the real path of the file that it was decoded from. `nbytes`: what its
    files take. `created_s`, `last_used_s`: seconds since 1970, the latter to an hour.
    `idx_sha256`: of the raw IDX file, header and payload. `is_in_use`: whether
    somebody has it mapped; None where the file system has no locks to tell.
    """

    name: str
    source: str
    shape: tuple[int, ...]
    dtype: str
    nbytes: int
    created_s: float
    last_used_s: float
    idx_sha256: str
    is_in_use: bool | None


def list_entries(layout: Layout) -> tuple[CacheEntry, ...]:
    """All entries whose description is sound, least recently used first."""
    found = []
    for name in layout.entry_names():
        with suppress(Damaged, OSError):
            entry = _describe(layout.entry(name))
            if entry is not None:
                found.append(entry)
    return tuple(sorted(found, key=lambda entry: (entry.last_used_s, entry.name)))


def _describe(folder: Path) -> CacheEntry | None:
    opened = open_entry(folder)
    if opened is None:
        return None
    meta = opened.meta
    release(opened.file)  # or the entry would be in use by us
    return CacheEntry(
        name=folder.name,
        source=meta.source.path,
        shape=meta.shape,
        dtype=meta.dtype.name,
        nbytes=sum((folder / name).stat().st_size for name in (DATA, META)),
        created_s=meta.created_s,
        last_used_s=last_used_s(folder),
        idx_sha256=meta.contents.idx_sha256,
        is_in_use=_is_in_use(folder / DATA),
    )


def prune(
    layout: Layout, *, max_bytes: int | None, older_than: float | None
) -> tuple[CacheEntry, ...]:
    """Delete entries that are not in use; see `Cache.prune`."""
    sweep(layout)
    _sweep_damaged(layout)
    removed: list[CacheEntry] = []
    refusal = None
    listed = list_entries(layout)
    left = sum(entry.nbytes for entry in listed)
    now = time.time()
    for entry in listed:
        is_old = older_than is not None and now - entry.last_used_s > older_than
        if not is_old and (max_bytes is None or left <= max_bytes):
            continue
        if entry.is_in_use is None:
            raise CacheError(
                "this file system has no locks to tell what is in use",
                path=layout.folder,
                hint="nothing was deleted; delete the folder when nobody uses it",
            )
        try:
            if not entry.is_in_use and remove_unused(layout, entry.name):
                removed.append(entry)
                left -= entry.nbytes
        except OSError as error:
            refusal = error
    forget_missing(layout)
    if refusal is not None:
        raise CacheError(
            "cannot delete a cache entry",
            path=layout.folder,
            found=refusal.strerror or str(refusal),
            hint=f"{len(removed)} others were deleted; who made it may delete it",
        ) from refusal
    return tuple(removed)


def remove_unused(layout: Layout, name: str) -> bool:
    """Delete the entry if nobody has it mapped; whether it was deleted.

    Raises `OSError` if the folder cannot be written.
    """
    data = layout.entry(name) / DATA
    old = layout.old(name)
    try:
        with have_alone(data) as (state, file):
            if state is not Lock.HELD or not names(data, file.fileno()):
                return False
            layout.entry(name).rename(old)
    except FileNotFoundError:
        return False
    # No longer held: readers that wait for it go on, and look for the entry again.
    _delete(old)
    return True


def retire(layout: Layout, name: str) -> None:
    """Take an entry out of service; it is deleted at once if nobody has it mapped.

    Raises `OSError` if the folder cannot be written.
    """
    old = layout.old(name)
    layout.entry(name).rename(old)
    _delete_old(old)


def _delete_old(old: Path) -> None:
    if _is_in_use(old / DATA) is False:
        _delete(old)


def _delete(path: Path) -> None:
    """As far as it can be: where an entry should be, there may be a plain file."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _is_in_use(data: Path) -> bool | None:
    """Whether somebody has the data file mapped; None if nobody can tell."""
    try:
        with have_alone(data) as (state, _):
            return None if state is Lock.UNAVAILABLE else state is Lock.BUSY
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return None


def sweep(layout: Layout, *, held: str | None = None) -> None:
    """Delete what processes left that are gone. What cannot be deleted stays.

    `held`: the name of the entry whose lock the caller has.
    """
    for path in layout.leftovers():
        with suppress(OSError):
            if path.suffix == ".old":
                _delete_old(path)
            elif path.suffix == ".part":
                _sweep_part(layout, path, held)
    for lock_file in layout.lock_files():
        # Taking it and letting go removes the file.
        with suppress(OSError), named_lock(lock_file, note="sweeps", wait=False):
            pass
    for path in layout.temporary_index_files():
        with suppress(OSError):
            if _age_s(path) > _STALE_INDEX_S:
                path.unlink()


def _sweep_part(layout: Layout, part: Path, held: str | None) -> None:
    """Delete an unfinished entry if its lock says that its builder is gone.

    Its age says so where no lock does: one that was taken on another machine may not
    be seen here.
    """
    _, name, host, *_ = part.name.split(".")
    is_stale = _age_s(part) > _STALE_PART_S
    if host != host_tag() or not is_entry_name(name):
        if is_stale:
            _delete(part)
    elif name == held:
        _delete(part)
    else:
        with named_lock(layout.lock(name), note="sweeps", wait=False) as state:
            if state is Lock.HELD or (state is Lock.UNAVAILABLE and is_stale):
                _delete(part)


def _sweep_damaged(layout: Layout) -> None:
    """Delete entries that are damaged, as far as that shows, and not in use."""
    for name in layout.entry_names():
        folder = layout.entry(name)
        with suppress(OSError):
            if _is_damaged(folder) and _is_in_use(folder / DATA) is False:
                retire(layout, name)


def _is_damaged(folder: Path) -> bool:
    try:
        opened = open_entry(folder)
    except OtherVersion:
        return False
    except Damaged:
        return True
    if opened is not None:
        release(opened.file)
    return False


def _age_s(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def forget_missing(layout: Layout) -> None:
    """Delete index files of entries, or of sources, that are not there any more."""
    for path, source, name in layout.indexed():
        with suppress(OSError):
            if not layout.entry(name).exists() or _has_changed(source):
                path.unlink()


def _has_changed(source: SourceIdentity) -> bool:
    """Whether its file surely is gone, or another one; one that is hidden may be there.

    The path is what a file says, and may be none.
    """
    try:
        return source.now() != source
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return True
    except OSError:
        return False
