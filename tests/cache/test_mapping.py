"""Mapped arrays: what they know, and that they forget it when they are written to."""

import copy
import mmap
import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import Cache, CacheError, Split, mapping, open_idx, write_idx
from idxdata.dtypes import DType
from idxdata.mapping import (
    Contents,
    Region,
    from_reference,
    is_unwritten,
    known_contents,
    map_open_file,
    reference,
)
from tests.strategies import Array

on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells what was written to"
)
UINT8: DType = np.dtype("u1")
PAGES = 9
CONTENT = np.random.default_rng(0).integers(0, 256, PAGES * mmap.PAGESIZE, np.uint8)


def map_file(path: str, region: Region) -> Array:
    with open(path, "rb", buffering=0) as file:
        return map_open_file(file, region)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A file of some pages; its real path."""
    place = tmp_path.resolve() / "file"
    place.write_bytes(CONTENT.tobytes())
    return str(place)


@pytest.fixture
def mapped(path: str) -> Array:
    """All of the file but its first 100 bytes, as 2-byte numbers in rows of 4."""
    return map_file(path, Region(100, np.dtype("i2"), (4000, 4)))


@given(data=st.data())
def test_any_region_is_the_file_s_bytes(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.getbasetemp() / "region"
    place.write_bytes(CONTENT.tobytes())
    offset = data.draw(st.integers(0, len(CONTENT) - 1))
    count = data.draw(st.integers(0, len(CONTENT) - offset))
    array = map_file(str(place), Region(offset, UINT8, (count,)))
    assert type(array) is np.ndarray
    assert array.flags.writeable
    assert np.array_equal(array, CONTENT[offset : offset + count])


def test_a_map_outlives_its_descriptor_and_writes_to_nobody(path: str) -> None:
    with open(path, "rb", buffering=0) as file:
        one = map_open_file(file, Region(0, UINT8, (len(CONTENT),)))
        two = map_open_file(file, Region(0, UINT8, (len(CONTENT),)))
    one[:] = 0
    assert np.array_equal(two, CONTENT)
    assert Path(path).read_bytes() == CONTENT.tobytes()


@pytest.mark.parametrize("size", [0, 99, 100, 8099])
def test_a_file_that_is_too_short(size: int, path: str) -> None:
    os.truncate(path, size)
    with pytest.raises(CacheError) as caught:
        map_file(path, Region(100, UINT8, (8000,)))
    assert caught.value.path == path
    assert caught.value.found == f"{size} bytes"


# References


@on_linux
@pytest.mark.parametrize(
    "part",
    [
        lambda a: a,
        lambda a: a[17:900],
        lambda a: a[3],
        lambda a: a.reshape(-1)[5:6],
        lambda a: a.view("u1"),
        lambda a: a.reshape(40, 100, 4)[7],
        lambda a: a[100:][50:][:2],
    ],
)
def test_parts_that_lie_together_have_references(part: object, mapped: Array) -> None:
    view = part(mapped)  # type: ignore[operator]
    found = reference(view)
    assert found is not None
    assert len(pickle.dumps(found)) < 1000
    again = from_reference(pickle.loads(pickle.dumps(found)))
    assert again.dtype == view.dtype
    assert np.array_equal(again, view)
    assert again.shape == view.shape
    again[...] = 0
    assert not np.array_equal(view, again)


@pytest.mark.parametrize(
    "part",
    [lambda a: a[::2], lambda a: a[:, 1:], lambda a: a.T, lambda a: a[::-1], np.array],
)
def test_parts_that_do_not_have_none(part: object, mapped: Array) -> None:
    assert reference(part(mapped)) is None  # type: ignore[operator]


@pytest.mark.parametrize("mode", ["c", "r", None])
def test_arrays_from_elsewhere_have_none(mode: str | None, tmp_path: Path) -> None:
    """NumPy's own map does not tell which file it is of: it may be replaced by now."""
    np.save(tmp_path / "a.npy", CONTENT)
    array = np.load(tmp_path / "a.npy", mmap_mode=mode)
    assert reference(array) is None
    assert known_contents(array) is None
    assert not is_unwritten(array)


@on_linux
@pytest.mark.parametrize(
    "fate", ["gone", "replaced", "written", "truncated", "touched"]
)
def test_a_reference_to_a_file_that_changed_is_refused(
    fate: str, path: str, mapped: Array
) -> None:
    found = reference(mapped)
    assert found is not None
    if fate == "gone":
        os.unlink(path)
    elif fate == "replaced":
        times = os.stat(path)
        Path(path + "2").write_bytes(CONTENT.tobytes())
        os.utime(path + "2", ns=(times.st_atime_ns, times.st_mtime_ns))
        os.replace(path + "2", path)
    elif fate == "written":
        Path(path).write_bytes(CONTENT[::-1].tobytes())
    elif fate == "truncated":
        os.truncate(path, 200)
    else:
        os.utime(path, (0, 0))
    with pytest.raises(CacheError) as caught:
        from_reference(found)
    assert caught.value.path == path
    assert caught.value.hint is not None
    assert "gone" in caught.value.what or fate != "gone"


@on_linux
@pytest.mark.parametrize("fate", ["gone", "replaced", "touched"])
def test_a_map_whose_file_is_another_one_by_now_has_none(
    fate: str, path: str, mapped: Array
) -> None:
    """So that it is pickled as data: a reference to it would be refused."""
    assert reference(mapped) is not None
    if fate == "gone":
        os.unlink(path)
    elif fate == "replaced":
        Path(path + "2").write_bytes(CONTENT[::-1].tobytes())
        os.replace(path + "2", path)
    else:
        os.utime(path, (0, 0))
    assert reference(mapped) is None
    split = Split(mapped, np.zeros(len(mapped), "u1"))
    assert np.array_equal(pickle.loads(pickle.dumps(split)).images, mapped)


def test_subclasses_are_more_than_their_bytes(mapped: Array) -> None:
    masked = np.ma.masked_array(mapped, mask=np.ones(mapped.shape, bool))
    assert reference(masked) is None
    assert not is_unwritten(masked)
    split = Split(masked, np.zeros(len(mapped), "u1"))
    assert pickle.loads(pickle.dumps(split)).images.mask.all()


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
@pytest.mark.parametrize("shape", [(0,), (0, 28, 28), (3, 0, 4)])
def test_arrays_without_elements_are_aligned(
    dtype: str, shape: tuple[int, ...], path: str
) -> None:
    kept = [map_file(path, Region(0, np.dtype(dtype), shape)) for _ in range(9)]
    for array in kept:
        assert (array.shape, array.dtype) == (shape, np.dtype(dtype))
        assert array.flags.writeable
        assert array.ctypes.data % 64 == 0


# Written or not


@on_linux
def test_reading_is_not_writing(mapped: Array) -> None:
    assert is_unwritten(mapped)
    assert mapped.sum() == mapped.copy().sum()
    assert is_unwritten(mapped)


@on_linux
@pytest.mark.parametrize("row", [0, 1, 1700, 3999])
@pytest.mark.parametrize("by", ["array", "view", "out", "the same value", "fork"])
def test_one_written_element_is_noticed(row: int, by: str, mapped: Array) -> None:
    if by == "array":
        mapped[row] = 0
    elif by == "view":
        mapped.reshape(-1).view("u1")[8 * row + 7] ^= 1
    elif by == "out":
        np.negative(mapped[row], out=mapped[row])
    elif by == "the same value":
        mapped[row, 2] = mapped[row, 2]
    else:
        mapped[row] = 0
        child = os.fork()
        if not child:
            os._exit(is_unwritten(mapped))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not is_unwritten(mapped)
    assert reference(mapped) is None


@on_linux
def test_what_is_pages_away_stays_unwritten(mapped: Array) -> None:
    mapped[0] = 0
    assert is_unwritten(mapped[1000:])
    assert is_unwritten(mapped[1000::3])
    assert reference(mapped[1000:]) is not None


@on_linux
@pytest.mark.parametrize("entries_at_a_time", [1, 2, 3, 4, 9, 100])
def test_many_pages_are_looked_at_in_pieces(
    entries_at_a_time: int, mapped: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapping, "_PAGEMAP_PIECE_NBYTES", 8 * entries_at_a_time)
    assert is_unwritten(mapped)
    mapped[-1] = 0
    assert not is_unwritten(mapped)
    assert is_unwritten(mapped[:3000])


@pytest.mark.parametrize("how", ["no pagemap", "empty", "another system"])
def test_where_it_cannot_be_told_it_is_not_claimed(
    how: str, mapped: Array, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "another system":
        monkeypatch.setattr(sys, "platform", "darwin")
    else:
        monkeypatch.setattr(mapping, "_PAGEMAP", str(tmp_path / "pagemap"))
    if how == "empty":
        (tmp_path / "pagemap").write_bytes(b"")
    assert not is_unwritten(mapped)
    assert reference(mapped) is None


# Known contents


@on_linux
def test_contents_are_those_of_the_whole_unwritten_array(path: str) -> None:
    known = Contents("ab", 0, 9)
    with open(path, "rb", buffering=0) as file:
        array = map_open_file(file, Region(64, UINT8, (20, 500)), contents=known)
    assert known_contents(array) == known_contents(array[:]) == known
    for part in (array[1:], array[:, :], array.reshape(-1), array.view("i1"), array.T):
        expected = known if part.shape == array.shape and part.dtype == UINT8 else None
        assert known_contents(part) == expected
    found = reference(array)
    assert found is not None
    assert known_contents(from_reference(found)) == known
    array[7, 7] += 1
    assert known_contents(array) is None


@on_linux
def test_entries_and_raw_files(tmp_path: Path) -> None:
    """An entry keeps its lock through a reference; a raw file has no lock to keep."""
    cache = Cache(tmp_path / "cache")
    array = np.arange(1000, dtype="i2")
    write_idx(tmp_path / "words", array)
    write_idx(tmp_path / "bytes", array.view("u1"))
    opened = cache.open(tmp_path / "words")
    known = known_contents(opened)
    assert known is not None
    assert (known.minimum, known.maximum) == (0, 999)
    found = reference(opened)
    assert found is not None
    del opened
    assert not cache.entries()[0].is_in_use
    again = from_reference(found)
    assert cache.prune(max_bytes=0) == ()
    assert np.array_equal(again, array)
    del again
    assert len(cache.prune(max_bytes=0)) == 1
    with pytest.raises(CacheError):
        from_reference(found)
    raw = open_idx(tmp_path / "bytes")
    assert known_contents(raw) is None
    found = reference(copy.copy(raw[1:]))
    assert found is None
    found = reference(raw[1:])
    assert found is not None
    assert np.array_equal(from_reference(found), array.view("u1")[1:])
