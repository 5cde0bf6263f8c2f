"""How an entry comes to be: one process decodes, the others wait and map the result."""

import hashlib
import os
import shutil
import stat
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from idxdata.caching.entries import DATA, META, Damaged, Meta, map_entry, open_entry
from idxdata.caching.entry_data import shown, stored_shape, write_data
from idxdata.caching.layout import Layout, SourceIdentity, entry_name
from idxdata.caching.sweeping import retire, sweep
from idxdata.errors import CacheError, FormatError
from idxdata.locks import Lock, named_lock, release
from idxdata.payload import open_source

_HASH_PIECE_NBYTES = 1 << 20
_MAX_ATTEMPTS = 100
_CLOCK_STEP_NS = 20_000_000
_COARSE_CLOCK_STEP_NS = 2_000_000_000
_SECOND_NS = 1_000_000_000


class SourceChanged(CacheError):
    """A source is another one than it was a moment ago: it may be asked for anew."""


def make_entry(layout: Layout, identity: SourceIdentity) -> NDArray[Any]:
    """The array of a source that is not indexed: from the entry with its content.

    The source is read to know its SHA-256; it is decoded only where no entry has it.
    Raises as `Cache.open`, but `SourceChanged` at the first change.
    """
    with open_unchanged(identity) as file:
        with open_source(file, member=identity.member, peek=True) as source:
            # Before the folder is touched: a bad source leaves nothing behind.
            source.check_size()
            stored_shape(source.header.shape, identity)
        known = layout.find_sha256_of_file(identity) if identity.member else None
        source_sha256 = known or hash_source(identity, file)
        _check_unchanged(identity, file)
        array = _map_or_build(layout, identity, file, source_sha256)
    # It is quicker with the index, but right without.
    with suppress(OSError):
        layout.index(identity, source_sha256)
    return array


def _map_or_build(
    layout: Layout, identity: SourceIdentity, file: FileIO, source_sha256: str
) -> NDArray[Any]:
    folder = layout.entry(entry_name(source_sha256, identity))
    for _ in range(_MAX_ATTEMPTS):
        with layout.errors("cannot map a cache entry"), suppress(Damaged):
            array = map_entry(folder)
            if array is not None:
                return array
        build_entry(layout, identity, file, source_sha256)
    raise CacheError("the entry is removed whenever it is made", path=folder)


def map_sound(folder: Path) -> NDArray[Any] | None:
    """The array of the entry; None if there is none that is sound and may be read."""
    try:
        return map_entry(folder)
    except (Damaged, OSError):
        return None


def build_entry(
    layout: Layout, identity: SourceIdentity, file: FileIO, source_sha256: str
) -> None:
    """Decode the open source into its entry, unless somebody else does it meanwhile.

    A damaged entry is taken out of service. `identity` and `source_sha256` are those
    of `file`. Raises as `Cache.open`.
    """
    name = entry_name(source_sha256, identity)
    with ExitStack() as stack:
        with layout.errors():
            layout.make()
            lock = stack.enter_context(
                named_lock(layout.lock(name), note=f"decodes {identity.label}")
            )
        if lock is Lock.UNAVAILABLE:
            _warn_of_no_locks(layout)
        if _is_sound(layout, name):
            return
        sweep(layout, held=name if lock is Lock.HELD else None)
        part = layout.part(name)
        try:
            with layout.errors():
                part.mkdir()
                layout.open_up(part)
            _fill(layout, part, identity, file, source_sha256)
            _check_unchanged(identity, file)
            with layout.errors():
                _publish(layout, part, name)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _is_sound(layout: Layout, name: str) -> bool:
    """Whether the entry is there and sound; a damaged one is taken out of service."""
    with layout.errors("cannot read or replace a cache entry"):
        try:
            opened = open_entry(layout.entry(name))
        except Damaged:
            retire(layout, name)
            return False
    if opened is not None:
        release(opened.file)
    return opened is not None


def _fill(
    layout: Layout,
    part: Path,
    identity: SourceIdentity,
    file: FileIO,
    source_sha256: str,
) -> None:
    """Write the two files of an entry into the folder `part`."""
    data = part / DATA
    file.seek(0)
    with ExitStack() as stack:
        source = stack.enter_context(open_source(file, member=identity.member))
        source.check_size()
        with layout.errors():
            out = stack.enter_context(open(data, "xb", buffering=0))
        contents = write_data(source, out, identity=identity, errors=layout.errors)
    shape = stored_shape(source.header.shape, identity)
    meta = Meta(
        identity, source_sha256, source.header.dtype, shape, contents, time.time()
    )
    with layout.errors():
        layout.open_up(data)
        (part / META).write_bytes(meta.to_json())
        layout.open_up(part / META)


def _publish(layout: Layout, part: Path, name: str) -> None:
    try:
        part.rename(layout.entry(name))
    except OSError:
        # Without locks another process may have been first, from the same bytes.
        if not layout.entry(name).exists():
            raise


@contextmanager
def open_unchanged(identity: SourceIdentity) -> Iterator[FileIO]:
    """The source, opened for reading.

    Raises `FormatError` if it is no regular file, `SourceChanged` if it is another
    one than `identity` tells, `CacheError` if it vanishes; `OSError` as `open` does.
    """
    # Before it is opened: opening a pipe would wait for somebody to write to it.
    mode = os.stat(identity.path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise FormatError("not a regular file", path=identity.path)
    with open(identity.path, "rb", buffering=0) as file:
        _check_unchanged(identity, file)
        yield file


def _check_unchanged(identity: SourceIdentity, file: FileIO) -> None:
    """Refuse a source that was written to, or replaced, since `identity` was taken."""
    what = "source changed while it was read"
    try:
        found = identity.of_open(file.fileno())
        if found == identity:
            found = identity.now()
    except OSError as error:
        raise CacheError(
            what, path=identity.path, found=error.strerror or str(error)
        ) from error
    if found != identity:
        raise SourceChanged(
            what,
            path=identity.path,
            hint="open it when nobody writes to it any more, or replace it by a "
            "rename, as write_idx does",
        )


def hash_source(identity: SourceIdentity, file: FileIO) -> str:
    """The SHA-256 (hex) of all bytes of an open file.

    A write that comes after this changes the file's times, so that it is noticed.
    """
    _write_back(file)
    _wait_for_the_clock(identity)
    return _hash_file(file)


def _hash_file(file: FileIO) -> str:
    digest = hashlib.sha256()
    piece = memoryview(bytearray(_HASH_PIECE_NBYTES))
    label = os.path.basename(str(file.name))
    file.seek(0)
    with shown(f"hashing {label}", os.fstat(file.fileno()).st_size) as advance:
        while count := file.readinto(piece):
            digest.update(piece[:count])
            advance(count)
    return digest.hexdigest()


def _write_back(file: FileIO) -> None:
    """Let the system write out what was written through a shared map of the file.

    Only the first write to a page changes the file's times, until the page is written
    out. A file system that never does that, such as tmpfs, cannot tell of a second
    write: there a file that somebody has mapped to write to it may be served as it was.
    """
    with suppress(OSError):
        os.fsync(file.fileno())


def _wait_for_the_clock(identity: SourceIdentity) -> None:
    """Let the file system's clock tick, so that a later write changes the times.

    A file written to twice within a tick, which is 10 ms on some systems and 2 s on
    FAT, has the same times after both.
    """
    is_coarse = identity.ctime_ns % _SECOND_NS == 0
    step = _COARSE_CLOCK_STEP_NS if is_coarse else _CLOCK_STEP_NS
    left = identity.ctime_ns + step - time.time_ns()
    if 0 < left <= step:
        time.sleep(left / _SECOND_NS)


def _warn_of_no_locks(layout: Layout) -> None:
    warnings.warn(
        f"{layout.folder}: this file system has no locks; processes that need the "
        "same entry at once may each decode it (what they publish is whole)",
        RuntimeWarning,
        stacklevel=_level_outside(),
    )


def _level_outside() -> int:
    """The `stacklevel` for a warning of the caller to name who called this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("idxdata."):
        level, frame = level + 1, frame.f_back
    return level
