"""What breaks caches elsewhere: forks, second writes, odd folders, files and paths."""

import errno
import json
import os
import pickle
import shutil
import signal
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from idxdata import Cache, CacheError, Split, locks, open_idx, read_idx, write_idx
from idxdata.cache import default_folder
from idxdata.caching import sweeping
from idxdata.caching.entries import META, Damaged, Meta, _facts_sha256
from idxdata.caching.layout import Layout, host_tag
from idxdata.locks import Lock
from tests.cache_faults.folder import (
    VALUES,
    entries,
    flip_a_byte,
    index_files,
    rewrite,
    the_entry,
)

DEEP = b"[" * 200_000


def states(here: Cache) -> list[str]:
    return [check.state for check in here.verify()]


# Locks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("what", ["entries", "prune", "verify"])
def test_a_fork_while_entries_are_looked_at_keeps_no_lock(
    what: str, source: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lives on; readers must not wait for it, nor the entry count as in use."""
    here.open(source)
    children = []
    flock = locks.fcntl.flock

    def lock_and_fork(file: object, operation: int) -> None:
        flock(file, operation)  # type: ignore[arg-type]
        if operation != locks.fcntl.LOCK_UN:
            child = os.fork()
            if not child:
                signal.pause()
            children.append(child)

    monkeypatch.setattr(locks.fcntl, "flock", lock_and_fork)
    try:
        getattr(here, what)()
        monkeypatch.undo()
        assert children
        with open(the_entry(here) / "data.npy", "rb") as file:
            flock(file, locks.fcntl.LOCK_EX | locks.fcntl.LOCK_NB)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_no_locks_are_told_of_where_the_cache_is_called(
    source: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idxdata.locks.try_exclusive", lambda _: Lock.UNAVAILABLE)
    for call in (here.open, lambda path: open_idx(path, cache=here)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call(source)
        assert [warning.filename for warning in caught] == [__file__]
        shutil.rmtree(here.folder)


# Sources


def test_a_second_write_through_a_map_is_noticed(tmp_path: Path, here: Cache) -> None:
    path = tmp_path / "a"
    write_idx(path, np.zeros(1000, "f4"))
    mapped = np.memmap(path, ">f4", "r+", offset=8)
    mapped[0] = 1
    time.sleep(0.03)
    before = path.stat().st_mtime_ns
    assert open_idx(path, cache=here)[0] == 1
    mapped[0] = 2
    if path.stat().st_mtime_ns == before:
        mapped.flush()
        if path.stat().st_mtime_ns == before and is_on_tmpfs(path):
            pytest.skip("a file system that does not write back")
    assert open_idx(path, cache=here)[0] == read_idx(path)[0] == 2


def is_on_tmpfs(path: Path) -> bool:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    over = [m for m in mounts if path.resolve().is_relative_to(m[1])]
    return bool(max(over, key=lambda m: len(m[1]))[2] == "tmpfs")


@pytest.mark.parametrize("name", ["a", "a.gz"])
@pytest.mark.parametrize("by", ["open", "open_idx"])
def test_a_source_that_is_replaced_between_looking_and_opening(
    by: str, name: str, tmp_path: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    write_idx(path, np.zeros(9, "u1"))
    find = Layout.find_sha256
    left = [3]

    def find_then_replace(*arguments: object) -> str | None:
        if left[0]:
            left[0] -= 1
            rewrite(path, np.full(9, 3 - left[0], "u1"))
        return find(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Layout, "find_sha256", find_then_replace)
    opened = here.open(path) if by == "open" else open_idx(path, cache=here)
    assert opened.tolist() == [3] * 9


@pytest.mark.parametrize("by", ["open", "find"])
def test_paths_are_not_bytes(by: str, source: Path, here: Cache) -> None:
    with pytest.raises(TypeError, match="fsdecode"):
        getattr(here, by)(os.fsencode(source))
    with pytest.raises(TypeError, match="fsdecode"):
        open_idx(os.fsencode(source), cache=here)  # type: ignore[arg-type]


# Folders


def test_a_folder_is_absolute(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IDXDATA_CACHE", "named")
    for cache in (Cache("relative"), Cache()):
        monkeypatch.chdir(tmp_path)
        images = cache.open(source)
        split = pickle.dumps(Split(images, np.zeros(len(images), "u1")))
        monkeypatch.chdir("/")
        assert np.array_equal(pickle.loads(split).images, VALUES)
        assert cache.folder.is_relative_to(tmp_path)
    assert Cache("~/x").folder == tmp_path / "home" / "x"


@pytest.mark.parametrize("folder", ["", b"x", 3])
def test_a_folder_that_is_none(folder: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        Cache(folder)  # type: ignore[arg-type]


def test_a_link_to_the_folder_may_be_changed(source: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    link.symlink_to(tmp_path / "first")
    images = Cache(link).open(source)
    split = pickle.dumps(Split(images, np.zeros(len(images), "u1")))
    link.unlink()
    link.symlink_to(tmp_path / "second")
    assert np.array_equal(pickle.loads(split).images, VALUES)


def test_no_such_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDXDATA_CACHE", "~nosuchuser/x")
    for make in (default_folder, Cache, lambda: Cache("~nosuchuser/x")):
        with pytest.raises(CacheError) as caught:
            make()
        assert "IDXDATA_CACHE" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (errno.EMFILE, "descriptor"),
        (errno.ENFILE, "descriptor"),
        (errno.ENOMEM, "address space"),
        (errno.EPERM, "another user's"),
        (errno.EACCES, "this user"),
        (errno.ENOSPC, "with room"),
        (errno.EROFS, "with room"),
    ],
)
def test_hints_tell_what_to_do(code: int, hint: str, here: Cache) -> None:
    with pytest.raises(CacheError) as caught, Layout(here.folder).errors():
        raise OSError(code, os.strerror(code))
    assert hint in str(caught.value.hint)
    assert caught.value.found == os.strerror(code)


# Files that are not what they were


def test_deeply_nested_files_are_unreadable(source: Path, here: Cache) -> None:
    here.open(source)
    for path in index_files(here):
        path.write_bytes(DEEP)
    assert np.array_equal(here.open(source), VALUES)
    flip_a_byte(the_entry(here) / "data.npy", 150)
    assert states(here) == ["repaired"]
    for path in index_files(here):
        path.write_bytes(DEEP)
    (the_entry(here) / META).write_bytes(DEEP)
    assert here.entries() == ()
    assert np.array_equal(here.open(source), VALUES)
    (the_entry(here) / META).write_bytes(DEEP)
    here.prune()
    assert entries(here) == []


def test_a_path_with_a_nul_in_the_index(source: Path, here: Cache) -> None:
    here.open(source)
    (index,) = index_files(here)
    known = json.loads(index.read_text())
    known["source"]["path"] = "a\0b"
    index.write_text(json.dumps(known))
    flip_a_byte(the_entry(here) / "data.npy", 150)
    assert states(here) == ["repaired"]
    index.write_text(json.dumps(known))
    here.prune()
    assert not index.exists()


@pytest.mark.parametrize("what", ["file", "link"])
@pytest.mark.parametrize("by", ["open", "verify", "prune"])
def test_something_else_in_the_place_of_an_entry(
    by: str, what: str, source: Path, here: Cache
) -> None:
    here.open(source)
    entry = the_entry(here)
    shutil.rmtree(entry)
    if what == "file":
        entry.write_bytes(b"x")
    else:
        entry.symlink_to(source.parent / "nowhere")
    if by == "verify":
        assert states(here) == ["repaired"]
    elif by == "prune":
        assert here.prune() == ()
        assert entries(here) == []
    assert np.array_equal(here.open(source), VALUES)
    assert states(here) == ["sound"]
    assert entries(here) == [entry]


def test_our_entry_of_another_version_is_not_served(source: Path, here: Cache) -> None:
    here.open(source)
    meta = the_entry(here) / META
    facts = json.loads(meta.read_text())
    facts["format_version"] = 99
    del facts["facts_sha256"]
    facts["facts_sha256"] = _facts_sha256(facts)
    meta.write_text(json.dumps(facts))
    with pytest.raises(Damaged):
        Meta.from_json(meta.read_bytes(), the_entry(here).name)
    assert here.find(source) is None
    assert np.array_equal(here.open(source), VALUES)
    assert json.loads(meta.read_text())["format_version"] != 99


# Prune


def test_prune_goes_on_past_what_it_may_not_delete(
    here: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(3):
        write_idx(tmp_path / str(i), np.full(9, i, "i2"))
        here.open(tmp_path / str(i))
    kept = here.entries()[0].name
    remove = sweeping.remove_unused

    def refuse_one(layout: Layout, name: str) -> bool:
        if name == kept:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        return remove(layout, name)

    monkeypatch.setattr(sweeping, "remove_unused", refuse_one)
    with pytest.raises(CacheError) as caught:
        here.prune(max_bytes=0)
    assert caught.value.found == os.strerror(errno.EPERM)
    assert "2 others were deleted" in str(caught.value.hint)
    assert [entry.name for entry in entries(here)] == [kept]
    assert len(index_files(here)) == 1


def test_prune_deletes_damaged_entries_that_are_not_in_use(
    source: Path, here: Cache
) -> None:
    mapped = here.open(source)
    (the_entry(here) / META).write_bytes(b"{")
    assert here.prune(max_bytes=0) == ()
    assert len(entries(here)) == 1
    del mapped
    assert here.prune(max_bytes=0) == ()
    assert entries(here) == []


def test_prune_forgets_sources_that_are_others_by_now(
    source: Path, here: Cache
) -> None:
    for i in range(5):
        os.utime(source, (i, i))
        here.open(source)
    shutil.copy(source, source.with_name("gone"))
    here.open(source.with_name("gone"))
    source.with_name("gone").unlink()
    assert len(index_files(here)) == 6
    here.prune()
    assert len(index_files(here)) == 1
    assert here.find(source) is not None


def test_an_old_builder_that_holds_its_lock_is_not_swept(here: Cache) -> None:
    """A clock that jumps by days makes any build old."""
    layout = Layout(here.folder)
    layout.make()
    name = "ab" * 16
    part = layout.part(name)
    assert host_tag() in part.name
    part.mkdir()
    os.utime(part, (0, 0))
    with locks.named_lock(layout.lock(name)):
        here.prune()
        assert part.exists()
    here.prune()
    assert not part.exists()
