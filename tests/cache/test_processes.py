"""Many processes on one cache: one decodes, and killing any of them does no harm."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from idxdata import Cache, write_idx
from idxdata.caching import building
from idxdata.locks import Lock
from tests.cache_faults.folder import (
    VALUES,
    entries,
    line,
    listed,
    start,
    tell,
    the_entry,
    while_building,
)
from tests.cache_faults.kill import kill_often, leftovers
from tests.cache_faults.stress import run
from tests.strategies import Array

NUM_KILLS = int(os.environ.get("IDXDATA_TEST_KILLS", "20"))


RACER = """
import os, sys
from idxdata import Cache
from idxdata.caching import building
folder, path = sys.argv[1:]
decode = building.write_data
def decode_and_say(*arguments, **named):
    os.write(1, b"decodes ")
    return decode(*arguments, **named)
building.write_data = decode_and_say
print("ready", flush=True)
sys.stdin.readline()
print(int(Cache(folder).open(path).sum()), flush=True)
"""


def test_processes_that_ask_at_once_decode_once(tmp_path: Path, here: Cache) -> None:
    path = tmp_path / "large.gz"
    array = np.arange(1 << 21, dtype="i4") % 1000
    write_idx(path, array, level=1)
    racers = [start(RACER, here.folder, path) for _ in range(8)]
    for racer in racers:
        assert line(racer) == "ready"
    for racer in racers:
        tell(racer)
    outputs = [racer.communicate(timeout=60)[0] for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 8
    assert sorted(outputs) == [f"{array.sum()}\n"] * 7 + [f"decodes {array.sum()}\n"]
    assert the_entry(here).name.isalnum()
    assert listed(here.folder / "locks") == []


def test_another_waits_until_the_builder_was_killed(
    tmp_path: Path, here: Cache
) -> None:
    path = tmp_path / "a"
    array: Array = np.arange(9, dtype="i4")
    write_idx(path, array)
    stuck = """
    import sys
    from idxdata import Cache
    from idxdata.caching import building
    building._publish = lambda *_: (print("decoded", flush=True), sys.stdin.readline())
    Cache(sys.argv[1]).open(sys.argv[2])
    """
    with start(stuck, here.folder, path) as builder:
        assert line(builder) == "decoded"
        with start(RACER, here.folder, path) as waiter:
            assert line(waiter) == "ready"
            tell(waiter)
            (held,) = listed(here.folder / "locks")
            assert held.read_text() == f"process {builder.pid}, which decodes a"
            assert [found.suffix for found in entries(here)] == [".part"]
            assert waiter.poll() is None
            builder.kill()
            assert line(waiter) == "decodes 36"
    assert the_entry(here).name.isalnum()


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_at_any_moment(tmp_path: Path) -> None:
    rounds = kill_often(tmp_path, count=NUM_KILLS, seed=1, nbytes=4 << 20)
    assert [r.fault for r in rounds if r.fault] == []
    assert leftovers(tmp_path / "cache") == []


def test_opened_pruned_verified_and_replaced_at_once(tmp_path: Path) -> None:
    outputs = run(tmp_path, seconds=1.5, num_workers=4)
    assert all("open" in output for output in outputs)
    Cache(tmp_path / "cache").prune(max_bytes=0)
    assert entries(Cache(tmp_path / "cache")) == []


# Where there are no locks


def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system that answers ENOLCK."""
    monkeypatch.setattr("idxdata.locks.try_exclusive", lambda _: Lock.UNAVAILABLE)
    monkeypatch.setattr("idxdata.caching.entries.share", lambda _: False)


def test_no_locks_are_told_of_and_done_without(
    source: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_locks(monkeypatch)
    with pytest.warns(RuntimeWarning, match="has no locks"):
        mapped = here.open(source)
    assert np.array_equal(mapped, VALUES)
    assert np.array_equal(here.open(source), VALUES)
    assert the_entry(here).name.isalnum()


@pytest.mark.filterwarnings("ignore:.*has no locks:RuntimeWarning")
def test_without_locks_the_first_entry_stays(
    source: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: list[Array] = []
    inodes = []

    def another_is_first() -> None:
        without_locks(monkeypatch)
        first.append(Cache(here.folder).open(source))
        inodes.extend(path.stat().st_ino for path in entries(here)[-1:])

    while_building(monkeypatch, another_is_first)
    without_locks(monkeypatch)
    second = here.open(source)
    assert np.array_equal(first[0], VALUES)
    assert np.array_equal(second, VALUES)
    assert the_entry(here).stat().st_ino == inodes[0]


def test_an_entry_that_is_always_removed(
    source: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody prunes all the time: that is said, after some attempts."""
    monkeypatch.setattr(building, "map_entry", lambda _: None)
    with pytest.raises(OSError, match="removed whenever it is made"):
        here.open(source)


def test_machines_that_do_not_see_each_other_s_locks(
    source: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each believes that it builds alone; what is published is one of them, whole."""
    other: list[Array] = []

    def build_elsewhere() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("platform.node", lambda: "another machine")
            patch.setattr(building, "named_lock", unseen_lock)
            other.append(Cache(here.folder).open(source))

    while_building(monkeypatch, build_elsewhere)
    monkeypatch.setattr(building, "named_lock", unseen_lock)
    assert np.array_equal(here.open(source), VALUES)
    assert np.array_equal(other[0], VALUES)
    assert the_entry(here).name.isalnum()


@contextmanager
def unseen_lock(*_: object, **__: object) -> Iterator[Lock]:
    yield Lock.HELD
