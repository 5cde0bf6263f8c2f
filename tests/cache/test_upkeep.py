"""What is in a cache, what is in use, and what is deleted."""

import multiprocessing
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from idxdata import Cache, CacheError, locks, write_idx
from idxdata.caching import sweeping
from idxdata.caching.layout import Layout, host_tag
from idxdata.caching.sweeping import CacheEntry, list_entries
from idxdata.locks import Lock
from tests.cache_faults.folder import (
    entries,
    index_files,
    line,
    listed,
    start,
    tell,
    the_entry,
    while_building,
)
from tests.strategies import Array

HOUR_S = 3600


def fill(here: Cache, count: int, *, hours_apart: float = 2) -> list[Path]:
    """Entries of 1,000 bytes, the first one used the longest ago."""
    paths = []
    for i in range(count):
        path = here.folder.parent / f"source{i}"
        write_idx(path, np.full(1000, i, "u1"))
        here.open(path)
        paths.append(path)
    for entry, path in zip(sorted_by_source(here), paths, strict=True):
        age_s = (count - paths.index(path)) * hours_apart * HOUR_S
        os.utime(entry / "meta.json", (time.time() - age_s,) * 2)
    return paths


def sorted_by_source(here: Cache) -> list[Path]:
    found = sorted(here.entries(), key=lambda entry: entry.source)
    return [here.folder / "entries" / entry.name for entry in found]


def sources(here: Cache) -> list[str]:
    return [Path(entry.source).name for entry in here.entries()]


def test_entries_tell_what_is_there(tmp_path: Path, here: Cache) -> None:
    assert here.entries() == ()
    before = time.time()
    path = tmp_path / "a.gz"
    array = np.arange(12, dtype="i4").reshape(3, 4)
    write_idx(path, array)
    mapped = here.open(path)
    (entry,) = here.entries()
    assert entry.name == the_entry(here).name
    assert entry.source == str(path.resolve())
    assert (entry.shape, entry.dtype) == ((3, 4), "int32")
    assert entry.nbytes == sum(f.stat().st_size for f in the_entry(here).iterdir())
    assert before - 1 <= entry.created_s <= time.time() + 1
    assert before - 1 <= entry.last_used_s <= time.time() + 1
    assert entry.is_in_use
    del mapped
    assert not here.entries()[0].is_in_use


def test_use_is_noted_once_an_hour(here: Cache) -> None:
    (path,) = fill(here, 1, hours_apart=0.9)
    before = here.entries()[0].last_used_s
    here.open(path)
    assert here.entries()[0].last_used_s == before
    os.utime(the_entry(here) / "meta.json", (time.time() - 2 * HOUR_S,) * 2)
    here.open(path)
    assert time.time() - here.entries()[0].last_used_s < HOUR_S / 2


# Prune


def test_least_recently_used_go_first(here: Cache) -> None:
    paths = fill(here, 4)
    here.open(paths[0])  # which now is the last
    sizes = sum(entry.nbytes for entry in here.entries())
    assert here.prune(max_bytes=sizes) == ()
    removed = here.prune(max_bytes=sizes - 1)
    assert [Path(entry.source).name for entry in removed] == ["source1"]
    removed = here.prune(max_bytes=removed[0].nbytes + 9)
    assert [Path(entry.source).name for entry in removed] == ["source2", "source3"]
    assert sources(here) == ["source0"]
    assert len(entries(here)) == len(index_files(here)) == 1
    assert here.open(paths[1])[0] == 1


def test_older_than_is_in_seconds(here: Cache) -> None:
    fill(here, 4)
    assert here.prune(older_than=9 * HOUR_S) == ()
    assert len(here.prune(older_than=5 * HOUR_S)) == 2
    assert sources(here) == ["source2", "source3"]
    assert len(here.prune(older_than=0, max_bytes=10**9)) == 2


@pytest.mark.parametrize("arguments", [{"max_bytes": -1}, {"older_than": -0.5}])
def test_negative_arguments(arguments: dict[str, int], here: Cache) -> None:
    with pytest.raises(ValueError, match="negative"):
        here.prune(**arguments)


def test_an_entry_in_use_is_kept(here: Cache) -> None:
    """As long as any view of it lives, also after the array itself is gone."""
    paths = fill(here, 2)
    mapped = here.open(paths[0])
    part = mapped.view("i1")[5:7]
    del mapped
    assert len(here.prune(max_bytes=0)) == 1
    assert sources(here) == ["source0"]
    assert part.tolist() == [0, 0]
    del part
    assert len(here.prune(max_bytes=0)) == 1


def test_an_entry_that_is_mapped_while_prune_looks_is_kept(
    here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = fill(here, 1)
    mapped = []

    def list_then_map(layout: Layout) -> tuple[CacheEntry, ...]:
        listed_entries = list_entries(layout)
        mapped.append(here.open(path))
        return listed_entries

    monkeypatch.setattr(sweeping, "list_entries", list_then_map)
    assert here.prune(max_bytes=0) == ()
    assert the_entry(here).name.isalnum()


READER = """
import sys, idxdata
array = idxdata.Cache(sys.argv[1]).open(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
print(int(array.sum()), flush=True)
"""


def test_an_entry_in_use_elsewhere_is_kept(here: Cache) -> None:
    paths = fill(here, 2)
    with start(READER, here.folder, paths[1]) as reader:
        assert line(reader) == "ready"
        assert len(here.prune(max_bytes=0)) == 1
        assert sources(here) == ["source1"]
        tell(reader)
        assert line(reader) == "1000"
    assert reader.returncode == 0
    assert len(here.prune(max_bytes=0)) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_map_is_in_use_as_long_as_a_fork_has_it(here: Cache) -> None:
    (path,) = fill(here, 1)
    mapped = here.open(path)
    context = multiprocessing.get_context("fork")
    go_on = context.Event()
    child = context.Process(target=go_on.wait)
    child.start()
    del mapped
    try:
        assert here.prune(max_bytes=0) == ()
    finally:
        go_on.set()
        child.join()
    assert len(here.prune(max_bytes=0)) == 1


def test_prune_between_finding_and_mapping(
    here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that has opened the files of an entry that is removed starts again."""
    (path,) = fill(here, 1)
    share = locks.share

    def prune_first(descriptor: int) -> bool:
        monkeypatch.undo()
        assert len(here.prune(max_bytes=0)) == 1
        return share(descriptor)

    monkeypatch.setattr("idxdata.caching.entries.share", prune_first)
    mapped = here.open(path)
    assert np.array_equal(mapped, np.zeros(1000, "u1"))
    assert here.entries()[0].is_in_use


def test_without_locks_nothing_is_deleted(
    here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(here, 2)
    monkeypatch.setattr(locks, "try_exclusive", lambda _: Lock.UNAVAILABLE)
    assert [entry.is_in_use for entry in here.entries()] == [None, None]
    with pytest.raises(CacheError) as caught:
        here.prune(max_bytes=0)
    assert "in use" in caught.value.what
    assert len(entries(here)) == 2


# Leftovers


def leave(here: Cache, name: str, *, days_old: float = 0) -> Path:
    part = here.folder / "entries" / name
    part.mkdir(parents=True)
    (part / "data.npy").write_bytes(b"half")
    os.utime(part, (time.time() - days_old * 86_400,) * 2)
    return part


@pytest.mark.parametrize("by", ["prune", "build"])
def test_leftovers_are_swept(by: str, here: Cache, tmp_path: Path) -> None:
    name, token = "ab" * 16, "0" * 16
    gone = [
        leave(here, f".{name}.{host_tag()}.{token}.part"),
        leave(here, f".{name}.another.{token}.part", days_old=1.1),
        leave(here, f".{name}.{token}.old"),
    ]
    kept = [leave(here, f".{name}.another.{token[1:]}1.part", days_old=0.9)]
    (here.folder / "locks").mkdir()
    (here.folder / "locks" / f"{name}.lock").write_bytes(b"process 1, which died")
    index = here.folder / "sources"
    index.mkdir()
    for age_s in (0, 100):
        path = index / f".idxdata-1-{age_s}.part"
        path.write_bytes(b"")
        os.utime(path, (time.time() - age_s,) * 2)
    if by == "prune":
        assert here.prune() == ()
    else:
        write_idx(tmp_path / "a", np.zeros(3, "i2"))
        here.open(tmp_path / "a")
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in kept)
    assert listed(here.folder / "locks") == []
    assert [path.name for path in index_files(here) if path.suffix == ".part"] == [
        ".idxdata-1-0.part"
    ]


def test_a_builder_at_work_is_not_swept(
    here: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    array: Array = np.arange(9, dtype="i2")
    write_idx(path, array)
    seen = []

    def sweep() -> None:
        Cache(here.folder).prune(max_bytes=0)
        seen.extend(entries(here))

    while_building(monkeypatch, sweep)
    assert np.array_equal(here.open(path), array)
    assert [found.suffix for found in seen] == [".part"]


def test_index_files_of_removed_entries_go_too(here: Cache) -> None:
    fill(here, 2)
    shutil.rmtree(entries(here)[0])
    here.prune()
    assert len(index_files(here)) == 1
