"""What goes wrong with a cache: never a wrong array, nothing left, words that help."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from idxdata import (
    Cache,
    CacheError,
    ChecksumError,
    GzipError,
    HeaderError,
    IdxDataError,
    InflateError,
    PayloadSizeError,
    read_idx,
    write_idx,
)
from idxdata.caching import building
from tests.cache_faults.folder import (
    VALUES,
    entries,
    forbid_decoding,
    in_namespace,
    index_files,
    rewrite,
    while_building,
)
from tests.gzip_members import member
from tests.strategies import raw_idx

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
    def interrupted(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(building, "write_data", interrupted)
    with pytest.raises(error):
        here.open(source)
    assert entries(here) == []
    monkeypatch.undo()
    assert np.array_equal(here.open(source), VALUES)


def test_a_source_that_changes_while_it_is_read(
    source: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read again; whoever reads it gets what it has by then."""
    while_building(monkeypatch, lambda: rewrite(source, -VALUES))
    assert np.array_equal(here.open(source), -VALUES)
    assert len(entries(here)) == 1


def test_a_source_that_changes_whenever_it_is_read(
    source: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = building.write_data

    def decode_then_change(*arguments: object, **named: object) -> object:
        contents = decode(*arguments, **named)  # type: ignore[arg-type]
        rewrite(source, VALUES)
        return contents

    monkeypatch.setattr(building, "write_data", decode_then_change)
    with pytest.raises(CacheError) as caught:
        here.open(source)
    assert caught.value.path == str(source.resolve())
    assert caught.value.what == "source changed while it was read"
    assert "nobody writes" in str(caught.value.hint)
    assert entries(here) == []


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


@pytest.mark.parametrize("change", ["truncate", "grow", "flip", "replace", "vanish"])
def test_a_source_that_changes_at_any_read(
    change: str, tmp_path: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some megabytes, so that the change comes between two pieces of the decoder."""
    path = tmp_path / "a"
    array = np.arange(3 << 20, dtype="i4")
    decode = building.write_data

    def change_first(*arguments: object, **named: object) -> object:
        if change == "truncate":
            os.truncate(path, 5 << 20)
        elif change == "grow":
            with open(path, "ab") as file:
                file.write(b"x")
        elif change == "flip":
            with open(path, "r+b") as file:
                file.seek(6 << 20)
                file.write(b"\xff")
        elif change == "replace":
            write_idx(path, -array)
        else:
            path.unlink()
        return decode(*arguments, **named)  # type: ignore[arg-type]

    write_idx(path, array)
    with monkeypatch.context() as patch:
        patch.setattr(building, "write_data", change_first)
        with pytest.raises(
            FileNotFoundError if change == "vanish" else (CacheError, PayloadSizeError)
        ) as caught:
            here.open(path)
    assert str(path) in str(caught.value)
    assert entries(here) == []
    if change in ("flip", "replace"):
        assert np.array_equal(here.open(path), read_idx(path))


def test_a_source_that_vanished(source: Path, here: Cache) -> None:
    """Its entry is no answer to a path that does not exist."""
    mapped = here.open(source)
    source.unlink()
    with pytest.raises(FileNotFoundError):
        here.open(source)
    assert np.array_equal(mapped, VALUES)


def test_a_pipe_is_refused(tmp_path: Path, here: Cache) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(IdxDataError) as caught:
        here.open(tmp_path / "pipe")
    assert caught.value.what == "not a regular file"


# A file system without room, or without leave to write

FULL_DISK = """
mount -t tmpfs -o size=2m,mode=700 tmpfs "$2"
exec "$3" - "$1" "$2" <<'PROGRAM'
import sys, os, numpy as np
from pathlib import Path
from idxdata import Cache, CacheError, read_idx
source, folder = map(Path, sys.argv[1:])
cache = Cache(folder / "cache")
filler = folder / "filler"
filler.write_bytes(bytes(1 << 20))
for _ in range(2):
    try:
        cache.open(source / "large")
    except CacheError as error:
        print(error.found, error.path == str(cache.folder))
    print(len(os.listdir(cache.folder / "entries")))
# Entries may be deleted on a full disk, and there is room again.
print(cache.open(source / "small").sum())
print(len(cache.prune(max_bytes=0)))
filler.unlink()
print(int(cache.open(source / "large").sum()))
PROGRAM
"""


def test_a_full_disk(tmp_path: Path) -> None:
    place = tmp_path / "mounted"
    place.mkdir()
    large = np.ones(3 << 19, "u1").reshape(-1, 2)
    write_idx(tmp_path / "large", np.vstack([large]).view("i2"))
    write_idx(tmp_path / "small", np.ones(9, "i2"))
    done = in_namespace(FULL_DISK, tmp_path, place, sys.executable)
    assert done.stderr == ""
    total = int(large.view("i2").sum())
    full = ["No space left on device True", "0"]
    assert done.stdout.splitlines() == [*full, *full, "9", "1", str(total)]


ANY_ROOM = """
mount -t tmpfs -o size=4m,mode=700 tmpfs "$2"
exec "$3" - "$1" "$2" <<'PROGRAM'
import sys
import numpy as np
from pathlib import Path
from idxdata import Cache, CacheError
source, folder = map(Path, sys.argv[1:])
cache, filler = Cache(folder / "cache"), folder / "filler"
served = full = 0
for filled in range(0, 4 << 20, 32 << 10):
    try:
        with open(filler, "wb") as file:
            file.write(bytes(filled))
    except OSError:
        pass
    try:
        array = cache.open(source / "large")
        assert array.shape == (1 << 19,) and (array == 1).all()
        del array
        served += 1
    except CacheError as error:
        assert error.found == "No space left on device", error
        full += 1
    for entry in (folder / "cache").glob("entries/*"):
        assert np.load(entry / "data.npy").sum() == 1 << 19
        assert not entry.name.startswith(".")
    filler.unlink()
    cache.prune(max_bytes=0)
print(served, full)
PROGRAM
"""


def test_a_disk_that_fills_up_anywhere(tmp_path: Path) -> None:
    """From room for everything to room for nothing, in steps of 32 KiB."""
    place = tmp_path / "mounted"
    place.mkdir()
    write_idx(tmp_path / "large", np.ones(1 << 19, "i4"))
    done = in_namespace(ANY_ROOM, tmp_path, place, sys.executable)
    assert done.stderr == ""
    served, full = map(int, done.stdout.split())
    assert served + full == 128
    assert min(served, full) > 40


READ_ONLY = """
mount --bind "$2" "$2"
mount -o remount,bind,ro "$2"
exec "$3" - "$1" "$2" <<'PROGRAM'
import sys
from pathlib import Path
from idxdata import Cache, CacheError
source, cache = Path(sys.argv[1]), Cache(sys.argv[2])
print(int(cache.open(source / "known").sum()))
print(int(cache.open(source / "copy").sum()))
try:
    cache.open(source / "unknown")
except CacheError as error:
    print(error.found, error.path == str(cache.folder), "IDXDATA_CACHE" in error.hint)
print([check.state for check in cache.verify()], len(cache.entries()))
try:
    cache.prune(max_bytes=0)
except CacheError as error:
    print(error.what)
PROGRAM
"""


def test_a_read_only_folder(tmp_path: Path, here: Cache) -> None:
    """What is there is served, also to another path; what is not is one error."""
    for name, value in (("known", 1), ("unknown", 2)):
        write_idx(tmp_path / name, np.full(9, value, "i2"))
    shutil.copy(tmp_path / "known", tmp_path / "copy")
    here.open(tmp_path / "known")
    done = in_namespace(READ_ONLY, tmp_path, here.folder, sys.executable)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "9",
        "9",
        "Read-only file system True True",
        "['sound'] 1",
        "cannot delete a cache entry",
    ]


def test_an_index_that_cannot_be_written_is_done_without(
    source: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.open(source)
    for path in index_files(here):
        path.unlink()
    (here.folder / "sources").rmdir()
    (here.folder / "sources").write_bytes(b"")
    forbid_decoding(monkeypatch)
    assert np.array_equal(here.open(source), VALUES)


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
@pytest.mark.parametrize("mode", [0o700, 0o755, 0o775, 0o1777])
def test_a_shared_folder_lets_in_whom_it_lets_in(
    mode: int, source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(mode)
    before = os.umask(0o077)
    try:
        Cache(folder).open(source)
    finally:
        os.umask(before)
    for path in folder.rglob("*"):
        wanted = mode & (0o1777 if path.is_dir() else 0o666)
        assert path.stat().st_mode & 0o1777 == wanted, path
