"""The cache: decoded once, mapped from then on, found by what a source is or holds."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import Cache, cache, open_idx, write_idx
from idxdata.cache import default_folder
from idxdata.caching import building
from tests.cache_faults.folder import (
    VALUES,
    entries,
    flip_a_byte,
    forbid_decoding,
    index_files,
    rewrite,
    the_entry,
)
from tests.reading import MEGABYTE
from tests.strategies import Array, idx_arrays, peak_nbytes, plain

# Entries


@given(array=idx_arrays(), packed=st.booleans())
def test_any_array_comes_back(
    array: Array, packed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    path = folder / ("a.gz" if packed else "a")
    write_idx(path, array)
    for _ in range(2):
        mapped = Cache(folder / "cache").open(path)
        assert plain(mapped) == plain(array)
        assert type(mapped) is np.ndarray
        assert mapped.dtype.isnative
        assert mapped.flags.c_contiguous
        assert mapped.flags.writeable
        assert mapped.ctypes.data % 64 == 0
    shutil.rmtree(folder)


def test_an_entry_is_two_files(source: Path, here: Cache) -> None:
    here.open(source)
    entry = the_entry(here)
    assert sorted(path.name for path in entry.iterdir()) == ["data.npy", "meta.json"]
    # Without this package, too:
    stored = np.load(entry / "data.npy")
    assert stored.dtype == np.float32
    assert np.array_equal(stored, VALUES)
    assert ((entry / "data.npy").stat().st_size - VALUES.nbytes) % 64 == 0


def test_meta_tells_where_the_entry_is_from(source: Path, here: Cache) -> None:
    here.open(source)
    meta = json.loads((the_entry(here) / "meta.json").read_text())
    packed = source.read_bytes()
    assert meta["source"] == {
        "path": str(source.resolve()),
        "nbytes": len(packed),
        "mtime_ns": source.stat().st_mtime_ns,
        "ctime_ns": source.stat().st_ctime_ns,
        "inode": source.stat().st_ino,
    }
    assert meta["dtype"] == "float32"
    assert meta["shape"] == [2, 3, 4]
    assert meta["source_sha256"] == hashlib.sha256(packed).hexdigest()
    assert meta["minimum"] is meta["maximum"] is None
    assert meta["idx_sha256"] == hashlib.sha256(gzip.decompress(packed)).hexdigest()


def test_writing_to_an_array_is_seen_by_nobody(source: Path, here: Cache) -> None:
    one, two = here.open(source), here.open(source)
    one[:] = -1
    assert np.array_equal(two, VALUES)
    assert np.array_equal(here.open(source), VALUES)


def test_a_hit_does_not_read_the_source(
    source: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.open(source)

    def unreadable(*_: object, **__: object) -> None:
        raise AssertionError("the source is read")

    for module in (building, cache):
        monkeypatch.setattr(module, "open_source", unreadable)
        monkeypatch.setattr(module, "open_unchanged", unreadable)
    for opened in (here.open(source), here.find(source), open_idx(source, cache=here)):
        assert opened is not None
        assert np.array_equal(opened, VALUES)
    rewrite(source, VALUES)
    with pytest.raises(AssertionError):
        here.open(source)


def test_all_names_of_a_file_are_one_source(
    source: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = source.with_name("link")
    link.symlink_to(source)
    monkeypatch.chdir(source.parent)
    for path in (source, str(source), link, source.name, Path("cache/..") / "link"):
        assert np.array_equal(here.open(path), VALUES)
    assert len(entries(here)) == 1


@pytest.mark.parametrize("change", ["mtime", "size", "path"])
def test_a_changed_source_is_decoded_anew(
    change: str, source: Path, here: Cache
) -> None:
    old = here.open(source)
    path = source
    if change == "mtime":
        rewrite(source, -VALUES, later_ns=1)
    elif change == "size":
        rewrite(source, -VALUES[:1], later_ns=0)
    else:
        path = source.with_name("another.gz")
        write_idx(path, -VALUES)
        os.utime(path, ns=(0, source.stat().st_mtime_ns))
    new = here.open(path)
    assert np.array_equal(new, -VALUES[: len(new)])
    assert np.array_equal(old, VALUES)
    assert len(entries(here)) == 2


def test_a_replaced_file_of_the_same_size_and_time_is_another_source(
    tmp_path: Path, here: Cache
) -> None:
    """A coarse clock, or an archive whose files all have one date, makes these."""
    path = tmp_path / "a"
    write_idx(path, VALUES)
    os.utime(path, ns=(0, 0))
    assert np.array_equal(here.open(path), VALUES)
    write_idx(path, -VALUES)
    os.utime(path, ns=(0, 0))
    assert np.array_equal(here.open(path), -VALUES)


def test_building_needs_little_memory(tmp_path: Path, here: Cache) -> None:
    path = tmp_path / "large.gz"
    write_idx(path, np.zeros((48, 1 << 20), "i2"), level=1)
    assert peak_nbytes(lambda: here.open(path)) < 20 << 20


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4"])
def test_meta_has_the_range_of_a_list_of_integers(
    dtype: str, tmp_path: Path, here: Cache
) -> None:
    """Over several pieces of the decoder, with either sign."""
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    array = np.full(5 << 20, 7, dtype)
    array[[0, -1]] = low + 1, high - 1
    path = tmp_path / "a"
    write_idx(path, array)
    here.open(path)
    meta = json.loads((the_entry(here) / "meta.json").read_text())
    assert (meta["minimum"], meta["maximum"]) == (low + 1, high - 1)
    assert meta["idx_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert np.array_equal(here.open(path), array)


# The same content elsewhere


@pytest.mark.parametrize("how", ["copy", "hard link", "moved", "touched"])
def test_known_content_is_not_decoded_again(
    how: str, source: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.open(source)
    forbid_decoding(monkeypatch)
    other = source.with_name("other")
    if how == "copy":
        shutil.copy(source, other)
    elif how == "hard link":
        os.link(source, other)
    elif how == "moved":
        source.rename(other)
    else:
        os.utime(source, ns=(1, 1))
        other = source
    assert np.array_equal(here.open(other), VALUES)
    assert np.array_equal(here.open(other), VALUES)
    assert len(entries(here)) == 1
    assert len(index_files(here)) == 2


def test_the_same_array_in_other_bytes_is_another_entry(
    source: Path, here: Cache
) -> None:
    raw = source.with_name("raw")
    write_idx(raw, VALUES)
    assert np.array_equal(here.open(source), here.open(raw))
    assert len(entries(here)) == 2
    assert len({e.idx_sha256 for e in here.entries()}) == 1


@pytest.mark.parametrize("at", range(0, 400, 7))
def test_a_damaged_index_file_is_written_anew(
    at: int, source: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.open(source)
    (index,) = index_files(here)
    sound = index.read_bytes()
    flip_a_byte(index, at % len(sound))
    forbid_decoding(monkeypatch)
    assert np.array_equal(here.open(source), VALUES)
    assert index.read_bytes() == sound or json.loads(sound) == json.loads(
        index.read_bytes()
    )


# In place


@pytest.mark.parametrize("alignment", [1, 2, 4, 8, 16, 32, 64])
@pytest.mark.parametrize("ndim", [1, 3, 15])
@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_alignment(
    alignment: int, ndim: int, name: str, tmp_path: Path, here: Cache
) -> None:
    """A raw file is mapped where it lies if that suits, and is in the cache if not."""
    array = np.arange(6, dtype="u1").reshape((6,) + (1,) * (ndim - 1))
    write_idx(tmp_path / name, array)
    mapped = open_idx(tmp_path / name, cache=here, alignment=alignment)
    assert np.array_equal(mapped, array)
    assert mapped.ctypes.data % alignment == 0
    in_place = name == "a" and (4 + 4 * ndim) % alignment == 0
    assert here.folder.exists() == (not in_place)
    # What is in the cache by then serves those who ask for less.
    assert np.array_equal(open_idx(tmp_path / name, cache=here), array)


@pytest.mark.parametrize("alignment", [0, -1, 3, 24, 128, 1.5, None, "8"])
def test_an_alignment_that_is_none(
    alignment: object, source: Path, here: Cache
) -> None:
    with pytest.raises(ValueError, match="alignment"):
        open_idx(source, cache=here, alignment=alignment)  # type: ignore[arg-type]


# Where it is


def test_the_environment_names_the_folder(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = tmp_path / "chosen"
    monkeypatch.setenv("IDXDATA_CACHE", str(chosen))
    assert default_folder() == Cache().folder == chosen
    open_idx(source)
    assert len(entries(Cache())) == 1
    monkeypatch.setenv("IDXDATA_CACHE", "~/chosen")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Cache().folder == chosen


def test_an_argument_goes_before_the_environment(
    source: Path, here: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDXDATA_CACHE", str(tmp_path / "unused"))
    open_idx(source, cache=here)
    assert Cache(str(here.folder)).folder == here.folder
    assert len(entries(here)) == 1
    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "/home/u/.cache/idxdata"),
        ("linux", {"XDG_CACHE_HOME": "/xdg"}, "/xdg/idxdata"),
        ("linux", {"XDG_CACHE_HOME": ""}, "/home/u/.cache/idxdata"),
        ("linux", {"IDXDATA_CACHE": ""}, "/home/u/.cache/idxdata"),
        ("linux", {"IDXDATA_CACHE": "/c", "XDG_CACHE_HOME": "/xdg"}, "/c"),
        ("darwin", {"XDG_CACHE_HOME": "/xdg"}, "/home/u/Library/Caches/idxdata"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/idxdata"),
        ("win32", {}, "/home/u/AppData/Local/idxdata"),
    ],
)
def test_default_folder(
    platform: str,
    variables: dict[str, str],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("IDXDATA_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/u", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert default_folder() == Path(expected)


def test_nothing_is_made_before_it_is_needed(here: Cache) -> None:
    assert not here.folder.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc what is in memory")
@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_a_slice_touches_only_its_pages(name: str, tmp_path: Path) -> None:
    """Resident memory of a fresh process grows by the slice, not by the file."""
    rows = np.random.default_rng(0).integers(0, 9, (32, MEGABYTE), np.uint8)
    write_idx(tmp_path / name, rows, level=1)
    cache = Cache(tmp_path / "cache")
    open_idx(tmp_path / name, cache=cache)  # makes the entry
    program = (
        "import sys, idxdata\n"
        "def resident():\n"
        "    lines = open('/proc/self/status').read().splitlines()\n"
        "    return sum(int(l.split()[1]) for l in lines if l.startswith('RssFile'))\n"
        "array = idxdata.open_idx(sys.argv[1], cache=idxdata.Cache(sys.argv[2]))\n"
        "before = resident()\n"
        "total = int(array[10:12].sum())\n"
        "print(total, resident() - before)\n"
    )
    total, grown_kib = map(
        int,
        subprocess.run(
            [sys.executable, "-c", program, tmp_path / name, cache.folder],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split(),
    )
    assert total == rows[10:12].sum()
    assert 2048 <= grown_kib < 2048 + 1024
