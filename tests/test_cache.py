"""The cache: decoded once, mapped from then on, published whole or not at all."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import (
    Cache,
    CacheError,
    ChecksumError,
    GzipError,
    HeaderError,
    IdxDataError,
    InflateError,
    PayloadSizeError,
    cache,
    open_idx,
    write_idx,
)
from idxdata.cache import default_folder
from tests.gzip_members import member
from tests.reading import MEGABYTE
from tests.strategies import Array, idx_arrays, peak_nbytes, plain, raw_idx

VALUES = np.arange(24, dtype="f4").reshape(2, 3, 4)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "digits-idx3-float.gz"
    write_idx(path, VALUES)
    return path


@pytest.fixture
def here(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def entries(cached: Cache) -> list[Path]:
    return sorted(cached.folder.iterdir()) if cached.folder.exists() else []


def rewrite(path: Path, array: Array, *, later_ns: int = 1000) -> None:
    """Another content for `path`, some time later by the clock of the file system."""
    before = path.stat().st_mtime_ns
    write_idx(path, array)
    os.utime(path, ns=(before + later_ns, before + later_ns))


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
        assert mapped.ctypes.data % 64 == 0 or not mapped.size
    shutil.rmtree(folder)


def test_an_entry_is_two_files(source: Path, here: Cache) -> None:
    here.open(source)
    (entry,) = entries(here)
    assert sorted(path.name for path in entry.iterdir()) == ["data.npy", "meta.json"]
    # Without this package, too:
    stored = np.load(entry / "data.npy")
    assert stored.dtype == np.float32
    assert np.array_equal(stored, VALUES)
    assert ((entry / "data.npy").stat().st_size - VALUES.nbytes) % 64 == 0


def test_meta_tells_where_the_entry_is_from(source: Path, here: Cache) -> None:
    here.open(source)
    (entry,) = entries(here)
    meta = json.loads((entry / "meta.json").read_text())
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

    monkeypatch.setattr(cache, "open_source", unreadable)
    assert np.array_equal(here.open(source), VALUES)
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
    write_idx(path, np.zeros((16, 1 << 20), "i2"), level=1)
    assert peak_nbytes(lambda: here.open(path)) < 6 << 20


# Failures: nothing is left behind


def unsound_sources() -> dict[str, tuple[bytes, type[IdxDataError]]]:
    data = raw_idx(0x0B, (2, 3), bytes(12))
    return {
        "not idx": (b"abcdef", HeaderError),
        "short": (data[:-1], PayloadSizeError),
        "trailing": (data + b"\0", PayloadSizeError),
        "short in gzip": (member(data[:-1]).raw, PayloadSizeError),
        "trailing in gzip": (member(data + b"\0").raw, PayloadSizeError),
        "crc32": (member(data, crc32_error=1).raw, ChecksumError),
        "isize": (member(data, isize_error=1).raw, ChecksumError),
        "truncated": (member(data).raw[:-1], GzipError),
        "foreign bytes": (member(data).raw + b"x", GzipError),
        "deflate": (member(data).raw + member(deflated=b"\x06").raw, InflateError),
    }


@pytest.mark.parametrize("name", unsound_sources())
def test_an_unsound_source_leaves_nothing(
    name: str, tmp_path: Path, here: Cache
) -> None:
    data, kind = unsound_sources()[name]
    path = tmp_path / "a"
    path.write_bytes(data)
    for _ in range(2):
        with pytest.raises(kind) as caught:
            here.open(path)
        assert type(caught.value) is kind
        assert caught.value.path == str(path.resolve())
        assert entries(here) == []


@pytest.mark.parametrize("name", ["not idx", "short", "trailing", "huge"])
def test_what_the_header_tells_is_refused_before_the_folder_is_made(
    name: str, tmp_path: Path, here: Cache
) -> None:
    path = tmp_path / "a"
    huge = member(raw_idx(0x08, (2**31,), b"")).raw
    path.write_bytes(huge if name == "huge" else unsound_sources()[name][0])
    with pytest.raises(IdxDataError):
        here.open(path)
    assert not here.folder.exists()


def test_a_missing_source(tmp_path: Path, here: Cache) -> None:
    with pytest.raises(FileNotFoundError):
        here.open(tmp_path / "missing")
    assert not here.folder.exists()


@pytest.mark.parametrize("folder", ["file", "file/below", "file/below/it"])
def test_a_folder_that_cannot_be_written(
    folder: str, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CacheError) as caught:
        Cache(tmp_path / folder).open(source)
    assert caught.value.path == str(tmp_path / folder)
    assert caught.value.found == "Not a directory"
    assert caught.value.hint is not None
    assert "IDXDATA_CACHE" in caught.value.hint
    assert isinstance(caught.value.__cause__, OSError)
    assert sorted(os.listdir(tmp_path)) == ["digits-idx3-float.gz", "file"]


def test_a_full_device_leaves_nothing(
    tmp_path: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "a"
    write_idx(path, np.arange(1 << 19, dtype="i4"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(CacheError) as caught:
            here.open(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.path == str(here.folder)
    assert entries(here) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_build_leaves_nothing(
    error: type[BaseException],
    source: Path,
    here: Cache,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: object) -> None:
        raise error

    monkeypatch.setattr(cache, "_write_data", interrupted)
    with pytest.raises(error):
        here.open(source)
    assert entries(here) == []
    monkeypatch.undo()
    assert np.array_equal(here.open(source), VALUES)


def while_building(
    monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]
) -> None:
    """Let `action` happen once, between decoding a source and publishing its entry."""
    write_data = cache._write_data

    def write_then_act(*arguments: object) -> object:
        digest = write_data(*arguments)  # type: ignore[arg-type]
        monkeypatch.undo()
        action()
        return digest

    monkeypatch.setattr(cache, "_write_data", write_then_act)


def test_a_source_that_changes_while_it_is_read(
    source: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    while_building(monkeypatch, lambda: rewrite(source, -VALUES))
    with pytest.raises(CacheError) as caught:
        here.open(source)
    assert caught.value.path == str(source.resolve())
    assert caught.value.what == "source changed while it was read"
    assert entries(here) == []
    assert np.array_equal(here.open(source), -VALUES)


def test_a_source_that_vanishes_while_it_is_read(
    source: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is no trouble with the cache folder, and the error must not say so."""
    while_building(monkeypatch, source.unlink)
    with pytest.raises((CacheError, FileNotFoundError)) as caught:
        here.open(source)
    if isinstance(caught.value, CacheError):
        assert caught.value.path == str(source.resolve())
    assert entries(here) == []


# Many at a time


def test_the_first_entry_stays(
    source: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: list[Array] = []
    while_building(monkeypatch, lambda: first.append(Cache(here.folder).open(source)))
    second = here.open(source)
    assert np.array_equal(first[0], VALUES)
    assert np.array_equal(second, VALUES)
    assert len(entries(here)) == 1


RACER = """
import sys
from idxdata import Cache
folder, path = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
print(int(Cache(folder).open(path).sum()), flush=True)
"""


def test_racing_processes_make_one_entry(tmp_path: Path, here: Cache) -> None:
    path = tmp_path / "large.gz"
    array = np.arange(1 << 20, dtype="i4") % 1000
    write_idx(path, array, level=1)
    command = [sys.executable, "-W", "error", "-c", RACER, str(here.folder), str(path)]
    racers = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    outputs = [racer.communicate(timeout=60)[0] for racer in racers]
    assert outputs == [f"{array.sum()}\n"] * 3
    assert [racer.returncode for racer in racers] == [0] * 3
    (entry,) = entries(here)
    assert not entry.name.endswith(".part")


# Damaged entries


def damaged(here: Cache, source: Path) -> CacheError:
    with pytest.raises(CacheError) as caught:
        here.open(source)
    (entry,) = entries(here)
    assert caught.value.path == str(entry / "data.npy")
    assert caught.value.hint is not None
    assert str(entry) in caught.value.hint
    return caught.value


@pytest.mark.parametrize("length", [0, 5, 100, 128, 129, 223])
def test_truncated_data(length: int, source: Path, here: Cache) -> None:
    here.open(source)
    (entry,) = entries(here)
    os.truncate(entry / "data.npy", length)
    damaged(here, source)
    # The hint helps.
    shutil.rmtree(entry)
    assert np.array_equal(here.open(source), VALUES)


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04", b"\x80\x04N.", b"\x93NUMPY\x09\x00", b"\x93NUMPY\x01\x00v\x00"],
    ids=["zip", "pickle", "version", "header"],
)
def test_other_content(content: bytes, source: Path, here: Cache) -> None:
    here.open(source)
    (entry,) = entries(here)
    (entry / "data.npy").write_bytes(content + bytes(300))
    damaged(here, source)


def test_missing_data(source: Path, here: Cache) -> None:
    here.open(source)
    (entry,) = entries(here)
    (entry / "data.npy").unlink()
    damaged(here, source)


def test_every_position_of_the_npy_header(source: Path, here: Cache) -> None:
    """Damage there is noticed, or does no harm; it never gives another array."""
    here.open(source)
    (entry,) = entries(here)
    sound = (entry / "data.npy").read_bytes()
    for at in range(len(sound) - VALUES.nbytes):
        for value in (0, *b" '(,1Tb>", sound[at] ^ 1, 0xFF):
            changed = sound[:at] + bytes([value]) + sound[at + 1 :]
            (entry / "data.npy").write_bytes(changed)
            try:
                found = plain(here.open(source))
            except CacheError:
                continue
            assert found == plain(VALUES), (at, value)


@pytest.mark.parametrize("header", ["(3, 2, 4)", "(2, 3, 3)", "(2, 3)   "])
def test_an_entry_of_another_shape(header: str, source: Path, here: Cache) -> None:
    here.open(source)
    (entry,) = entries(here)
    content = (entry / "data.npy").read_bytes()
    (entry / "data.npy").write_bytes(content.replace(b"(2, 3, 4)", header.encode()))
    damaged(here, source)


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
