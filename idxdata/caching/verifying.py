"""Whether the cache still has what it was given: every byte hashed again, and mended."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from idxdata.caching.building import build_entry, hash_source, open_unchanged
from idxdata.caching.entries import DATA, Damaged, OtherVersion, open_entry
from idxdata.caching.entry_data import read_contents, shown
from idxdata.caching.layout import Layout, SourceIdentity, entry_name
from idxdata.caching.sweeping import forget_missing, retire
from idxdata.errors import IdxDataError
from idxdata.locks import named_lock, release


@dataclass(frozen=True, slots=True)
class CacheCheck:
    """What `Cache.verify` found: `entry` is its name, `reason` says what was wrong.

    "sound": as it was made. "repaired": it was not, and was made anew from its
    source. "damaged": it was not, and could not be made anew; it is not served.
    """

    entry: str
    state: Literal["sound", "repaired", "damaged"]
    reason: str | None


@dataclass(frozen=True, slots=True)
class _Finding:
    """`reason`: None if the entry is sound. `inode`: of the data that was looked at."""

    reason: str | None
    inode: int | None


def verify(layout: Layout) -> tuple[CacheCheck, ...]:
    """Check and mend all entries; see `Cache.verify`."""
    entry_names = layout.entry_names()
    total = sum(_nbytes(layout.entry(name)) for name in entry_names)
    checks = []
    with shown("verifying", total) as advance:
        for name in entry_names:
            finding = _look(layout.entry(name), advance)
            if finding is not None:
                checks.append(_settle(layout, name, finding))
    return tuple(checks)


def _nbytes(folder: Path) -> int:
    try:
        return (folder / DATA).stat().st_size
    except OSError:
        return 0


def _look(folder: Path, advance: Callable[[int], None]) -> _Finding | None:
    """Read all of the entry; None if it was removed meanwhile, or is not ours."""
    inode = _inode(folder / DATA)
    try:
        opened = open_entry(folder)
    except OtherVersion:
        return None
    except Damaged as error:
        return _Finding(str(error), inode)
    except OSError as error:
        return _Finding(f"cannot be read: {error.strerror}", inode)
    if opened is None:
        return None
    inode = os.fstat(opened.file.fileno()).st_ino
    try:
        found = read_contents(opened.file, opened.region, advance)
    except OSError as error:
        return _Finding(f"{DATA} cannot be read: {error.strerror}", inode)
    finally:
        release(opened.file)
    if found is None:
        return _Finding(f"{DATA} was cut short while it was read", inode)
    if found != opened.meta.contents:
        return _Finding(f"{DATA} has another SHA-256 than when it was made", inode)
    return _Finding(None, inode)


def _settle(layout: Layout, name: str, finding: _Finding) -> CacheCheck:
    if finding.reason is None:
        return CacheCheck(name, "sound", None)
    reason = finding.reason
    trouble = "its source is gone or has another content"
    for source in _sources(layout, name):
        try:
            if _rebuild(layout, name, finding, source):
                return CacheCheck(name, "repaired", reason)
        except (OSError, ValueError, IdxDataError) as error:
            # ValueError: the path has a NUL.
            if not isinstance(error, FileNotFoundError):
                trouble = str(error)
    try:
        _retire_bad(layout, name, finding)
    except OSError as error:
        trouble += f"; it cannot be taken out of service: {error.strerror}"
    forget_missing(layout)
    return CacheCheck(name, "damaged", f"{reason}; {trouble}")


def _sources(layout: Layout, name: str) -> list[SourceIdentity]:
    """What the entry may have been made from, each path once."""
    found = [source for _, source, entry in layout.indexed() if entry == name]
    with suppress(Damaged, OSError):
        opened = open_entry(layout.entry(name))
        if opened is not None:
            release(opened.file)
            found.append(opened.meta.source)
    return list({str(source.path): source for source in found}.values())


def _rebuild(
    layout: Layout, name: str, finding: _Finding, source: SourceIdentity
) -> bool:
    """Make the entry anew from that source; False if it has other content by now."""
    identity = source.now()
    with open_unchanged(identity) as file:
        source_sha256 = hash_source(identity, file)
        if entry_name(source_sha256, identity) != name:
            return False
        _retire_bad(layout, name, finding)
        build_entry(layout, identity, file, source_sha256)
    with suppress(OSError):
        layout.index(identity, source_sha256)
    return True


def _retire_bad(layout: Layout, name: str, finding: _Finding) -> None:
    """Take what was found bad out of service, unless it was replaced meanwhile."""
    layout.make()
    with named_lock(layout.lock(name), note="mends a cache entry"):
        entry = layout.entry(name)
        if _inode(entry / DATA) == finding.inode and os.path.lexists(entry):
            retire(layout, name)


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None
