"""The cache: an IDX file decoded once, then memory-mapped; open_idx, which uses it.

A source is found by its identity (real path, size, times, inode), without reading it;
if that is not known, by the SHA-256 of its bytes. What lies where: `caching/layout.py`.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray

from idxdata.atomic import checked_path
from idxdata.caching.building import (
    SourceChanged,
    make_entry,
    map_sound,
    open_unchanged,
)
from idxdata.caching.layout import (
    ENVIRONMENT_VARIABLE,
    Layout,
    SourceIdentity,
    entry_name,
)
from idxdata.caching.sweeping import CacheEntry, list_entries, prune
from idxdata.caching.verifying import CacheCheck, verify
from idxdata.errors import CacheError, PathLike
from idxdata.mapping import Region, map_open_file
from idxdata.payload import open_source

MAX_ALIGNMENT = 64
"""Bytes; what an entry has, and the most that `open_idx` can be asked for."""

_MAX_ATTEMPTS = 10
_Found = TypeVar("_Found")


def default_folder() -> Path:
    """`IDXDATA_CACHE` if set, else `idxdata` in the platform's user cache folder.

    Raises `CacheError` if that is in a home folder, and there is none.
    """
    chosen = os.environ.get(ENVIRONMENT_VARIABLE)
    if chosen:
        return _expanded(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return _expanded(base) / "idxdata"


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise CacheError(
            "there is no such home folder",
            path=path,
            hint=f"set {ENVIRONMENT_VARIABLE} to a folder that can be written",
        ) from error


class Cache:
    """Decoded IDX files under `folder`; made when the first entry is written.

    `folder` defaults to `default_folder()`, asked at construction; a "~" that begins it
    is the home folder, and `Cache.folder` is absolute. Processes, and users as far as
    its permissions let them, may share a folder, also on a network file system: of
    those that need the same entry at once one decodes and the others wait. Where the
    file system has no locks, each decodes and a warning says so. Processes may be
    killed at any time: entries are there whole or not at all.
    """

    def __init__(self, folder: PathLike | None = None) -> None:
        if folder is None:
            self.folder = default_folder().absolute()
            return
        path = checked_path(folder)
        if not path:
            raise ValueError("the cache folder's path is empty")
        self.folder = _expanded(path).absolute()

    def open(
        self, path: PathLike, *, member: str | None = None, transposed: bool = False
    ) -> NDArray[Any]:
        """The array in the IDX file at `path`, mapped from its entry.

        `member` is that of `read_idx`. With `transposed` each image's rows and columns
        are swapped: for files that hold images column by column, as EMNIST's do.

        Native byte order, C-contiguous, 64-byte aligned; copy-on-write: writing
        to it changes neither the entry nor what others see. The entry is in use, and
        not deleted by `prune`, until the array and all views of it are gone. Until
        then it takes one file descriptor (`ulimit -n` tells how many there are).

        The entry is made first where there is none, or a damaged one; building needs
        about 16 MB of memory. Where the source is not known but its content is, it
        is read once and nothing is decoded.

        Raises the errors of `read_idx` for a bad source, `FormatError` for `transposed`
        where there are not three dims, and `CacheError` if the folder cannot be written or the source changes whenever it is read. A source
        that is mapped by somebody who writes to it must lie on a file system that
        writes back: on tmpfs such writes are not noticed.
        """

        def find_or_make(identity: SourceIdentity) -> NDArray[Any]:
            array = self._find(identity)
            return make_entry(self._layout, identity) if array is None else array

        def identify() -> SourceIdentity:
            return SourceIdentity.of(path, member=member, is_transposed=transposed)

        return _of_unchanged(identify, find_or_make)

    def find(
        self, path: PathLike, *, member: str | None = None, transposed: bool = False
    ) -> NDArray[Any] | None:
        """As `open`, but None where that would have to read the source.

        Raises `OSError` if there is no file at `path`.
        """
        identity = SourceIdentity.of(path, member=member, is_transposed=transposed)
        return self._find(identity)

    def entries(self) -> tuple[CacheEntry, ...]:
        """All entries, least recently used first; damaged ones are left out."""
        return list_entries(self._layout)

    def prune(
        self, *, max_bytes: int | None = None, older_than: float | None = None
    ) -> tuple[CacheEntry, ...]:
        """Delete entries, and what killed processes left; returns the entries deleted.

        First those not used for `older_than` seconds, then the least recently used
        until the files of all take no more than `max_bytes`. Uses are known to an
        hour. Entries in use are never deleted, but count. Leftovers are deleted in any
        case: unfinished entries, and damaged ones that are not in use. Entries of
        other versions of this package stay, and do not count.

        Raises `ValueError` for negative arguments; `CacheError` if an entry may not be
        deleted, after all others were, or if there are no locks that tell what is in
        use: then nothing is deleted.
        """
        if min(max_bytes or 0, older_than or 0) < 0:
            raise ValueError(
                f"max_bytes and older_than must not be negative: "
                f"{max_bytes}, {older_than}"
            )
        return prune(self._layout, max_bytes=max_bytes, older_than=older_than)

    def verify(self) -> tuple[CacheCheck, ...]:
        """Hash all data again, make anew what is damaged; says it of each entry.

        A damaged entry is made anew if a file that it was made from still is where
        it was, with the same content; else it is taken out of service. Who has it
        mapped keeps the damaged bytes. Reads at most some MiB at a time.
        """
        return verify(self._layout)

    @property
    def _layout(self) -> Layout:
        return Layout(self.folder)

    def _find(self, identity: SourceIdentity) -> NDArray[Any] | None:
        layout = self._layout
        source_sha256 = layout.find_sha256(identity)
        if source_sha256 is None:
            return None
        return map_sound(layout.entry(entry_name(source_sha256, identity)))


def open_idx(
    path: PathLike, *, cache: Cache | None = None, alignment: int = 1
) -> NDArray[Any]:
    """The array in the IDX file at `path`, memory-mapped: the file is never in RAM.

    A raw file of one-byte elements is mapped in place, if its data, which begins
    after a header of 4 + 4 * ndim bytes, has the `alignment` asked for (bytes: a power
    of two up to 64). Anything else, compressed, multi-byte or less aligned, is decoded
    once into `cache` (default: `Cache()`) and mapped from there, 64-byte aligned; of a
    zip archive that is the only file in it. What is in the cache already is mapped from
    there. Paths only: what is mapped must be a file.

    Shape and dtype are the header's; native byte order, C-contiguous. Writable as
    copy-on-write: changes stay in this array. The file must not be truncated
    while it is mapped; replacing it by a rename, as `write_idx` does, is safe.

    Raises the errors of `read_idx`, and of `Cache.open` where the cache is needed;
    `ValueError` for another alignment.
    """
    if alignment not in (1, 2, 4, 8, 16, 32, MAX_ALIGNMENT):
        raise ValueError(
            f"alignment must be a power of two up to {MAX_ALIGNMENT}, not {alignment!r}"
        )
    cache = Cache() if cache is None else cache

    def map_what_is_there(identity: SourceIdentity) -> NDArray[Any] | None:
        array = cache._find(identity)
        return _map_in_place(identity, alignment) if array is None else array

    array = _of_unchanged(lambda: SourceIdentity.of(path), map_what_is_there)
    return cache.open(path) if array is None else array


def _of_unchanged(
    identify: Callable[[], SourceIdentity], get: Callable[[SourceIdentity], _Found]
) -> _Found:
    """What `get` gives for the file that is there; again if it is replaced meanwhile."""
    for _ in range(_MAX_ATTEMPTS - 1):
        try:
            return get(identify())
        except SourceChanged:
            pass
    return get(identify())


def _map_in_place(identity: SourceIdentity, alignment: int) -> NDArray[Any] | None:
    """The array in a raw file, if it can be mapped as it lies there."""
    with open_unchanged(identity) as file:
        with open_source(file, peek=True) as source:
            source.check_size()
            header, is_mappable = source.header, source.is_mappable
        if not is_mappable or header.dtype.itemsize != 1 or header.offset % alignment:
            return None
        region = Region(header.offset, header.dtype, header.shape)
        return map_open_file(file, region)
