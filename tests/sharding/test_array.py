"""A ShardedArray gives what one array of all its rows would."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import Cache, DatasetError, ShardedArray, Split, idx_digest, write_idx
from idxdata.sharding import maps
from tests.sharding.making import cut_arrays, even, write_shards
from tests.strategies import Array

ROWS = np.arange(60 * 6, dtype=np.uint16).reshape(60, 2, 3).astype(np.uint8)


@pytest.fixture
def array(tmp_path: Path) -> ShardedArray:
    """`ROWS` in five shards, the second and the last of them empty."""
    cuts = [0, 10, 10, 37, 60, 60]
    return ShardedArray.open(write_shards(tmp_path, ROWS, cuts, name="part"))


def same(found: object, expected: Array) -> None:
    assert isinstance(found, np.ndarray | np.generic | ShardedArray)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    assert np.asarray(found).tobytes() == expected.tobytes()


@given(st.data())
def test_any_cuts_any_dtype(place: Path, data: st.DataObject) -> None:
    whole, array = data.draw(cut_arrays(place))
    same(array, whole)
    assert (array.ndim, array.size, array.nbytes, len(array)) == (
        whole.ndim,
        whole.size,
        whole.nbytes,
        len(whole),
    )
    rows = data.draw(st.slices(len(whole)))
    same(array[rows], whole[rows])
    same(pickle.loads(pickle.dumps(array))[rows], whole[rows])
    if len(whole):
        numbers = data.draw(st.lists(st.integers(-len(whole), len(whole) - 1)))
        same(array[numbers], whole[np.array(numbers, np.int64)])
        row = data.draw(st.integers(-len(whole), len(whole) - 1))
        same(array[row], np.asarray(whole[row]))
        path, within = array.shard_of(row)
        same(ShardedArray.open([path])[within], np.asarray(whole[row]))
    chosen = np.random.default_rng(len(whole)).random(len(whole)) < 0.5
    same(array[chosen], whole[chosen])


@given(st.data())
def test_any_cuts_one_digest(place: Path, data: st.DataObject) -> None:
    whole, array = data.draw(cut_arrays(place).filter(lambda two: two[0].ndim > 1))
    if not len(whole):
        return
    labels = np.zeros(len(whole), np.uint8)
    split = Split(array, labels)
    assert split.digests[0] == idx_digest(whole)
    assert split.digest == Split(whole, labels).digest


@given(st.data())
def test_where_no_more_may_be_mapped_rows_are_read(
    place: Path, data: st.DataObject
) -> None:
    whole, array = data.draw(cut_arrays(place))
    room = len(maps.FileMap.live) + data.draw(st.integers(0, 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maps, "max_maps", lambda: room)
        same(array, whole)
        if len(whole):
            rows = data.draw(st.lists(st.integers(0, len(whole) - 1)))
            same(array[rows], whole[np.array(rows, np.int64)])
        assert len(maps.FileMap.live) <= room


def test_what_the_system_does_not_map_is_read(
    array: ShardedArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "_map", lambda descriptor, nbytes: None)
    same(array, ROWS)
    same(array[[3, 50, 3]], ROWS[[3, 50, 3]])
    assert array.num_mapped == 0


def test_nothing_is_mapped_before_it_is_touched(array: ShardedArray) -> None:
    assert array.num_mapped == 0
    part = array[5:30]
    assert (array.num_mapped, part.shape) == (0, (25, 2, 3))
    same(part[7], ROWS[12])
    assert array.num_mapped == part.num_mapped == 1
    same(array[:12], ROWS[:12])
    assert array.num_mapped == 2
    same(array, ROWS)
    assert array.num_mapped == 3  # two are empty


def test_maps_end_with_the_last_that_shares_them(tmp_path: Path) -> None:
    array = ShardedArray.open(write_shards(tmp_path, ROWS, [0, 37, 60], name="part"))
    before = len(maps.FileMap.live)
    part = array[20:40]
    same(part, ROWS[20:40])
    assert len(maps.FileMap.live) == before + 2
    del array
    same(part[:2], ROWS[20:22])
    assert len(maps.FileMap.live) == before + 2
    del part
    assert len(maps.FileMap.live) == before


def test_all_but_slices_are_copies(array: ShardedArray) -> None:
    for taken in (array[3], array[[3]], array[3:5:2], np.asarray(array), *array[:1]):
        assert taken.flags.writeable
        taken[...] = 7
    same(array, ROWS)
    with pytest.raises(ValueError, match="copy"):
        np.asarray(array, copy=False)


def test_tuples_choose_within_rows(array: ShardedArray) -> None:
    for rows in (
        (3, 1),
        (slice(2, 20), 1),
        (slice(None, None, -1), slice(None), 2),
        (..., 0),
        ([1, 40], slice(None), 0),
        (slice(0, 5), ..., 0),
    ):
        same(array[rows], np.asarray(ROWS[rows]))


@pytest.mark.parametrize("rows", [60, -61, [60], [0, -61], [1.0], np.ones(59, bool)])
def test_rows_that_are_not_there(array: ShardedArray, rows: object) -> None:
    with pytest.raises(IndexError):
        array[rows]
    with pytest.raises(IndexError):
        ROWS[rows]  # type: ignore[call-overload]


@pytest.mark.parametrize("rows", [1.0, "3", None])
def test_rows_of_another_kind(array: ShardedArray, rows: object) -> None:
    with pytest.raises(TypeError):
        array[rows]


def test_another_shape_of_the_same_rows(array: ShardedArray) -> None:
    flat = array.reshape(60, -1)
    same(flat, ROWS.reshape(60, 6))
    same(array.reshape((-1, 3, 2, 1))[4:6], ROWS.reshape(60, 3, 2, 1)[4:6])
    assert flat.shares_rows(array)
    for shape in ((30, 12), (60, 5), (-1, -1, 3), (6, 60)):
        with pytest.raises(ValueError, match="reshape"):
            array.reshape(shape)


def test_which_slices_share_rows(array: ShardedArray) -> None:
    assert array[:20].shares_rows(array[19:])
    assert not array[:20].shares_rows(array[20:])
    assert not array.shares_rows(ROWS)
    assert not array.shares_rows(pickle.loads(pickle.dumps(array)))


def test_pickled_as_paths(tmp_path: Path) -> None:
    images = np.zeros((2000, 40, 40), np.uint8)
    paths = write_shards(tmp_path, images, even(2000, 500), name="part")
    array = ShardedArray.open(paths)
    assert len(pickle.dumps(array)) < 100 * len(paths)
    again = pickle.loads(pickle.dumps(array[10:30]))
    assert (again.shape, again.paths) == ((20, 40, 40), array.paths)


def test_paths_outlive_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_idx(tmp_path / "part", ROWS)
    monkeypatch.chdir(tmp_path)
    array = ShardedArray.open(["part"])
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    same(array[4], ROWS[4])


def test_through_the_cache_if_the_alignment_asks_for_it(tmp_path: Path) -> None:
    paths = write_shards(tmp_path / "data", ROWS, [0, 20, 60], name="part")
    for alignment, entries in ((1, 0), (16, 0), (64, 2)):
        cache = Cache(tmp_path / f"cache-{alignment}")
        same(ShardedArray.open(paths, cache=cache, alignment=alignment), ROWS)
        assert len(cache.entries()) == entries


def test_entries_may_be_pruned_while_they_are_mapped(tmp_path: Path) -> None:
    paths = write_shards(tmp_path, ROWS, [0, 20, 60], name="part", suffix=".gz")
    cache = Cache(tmp_path / "cache")
    array = ShardedArray.open(paths, cache=cache)
    same(array, ROWS)
    assert len(cache.prune(max_bytes=0)) == 2
    same(array, ROWS)
    assert cache.entries() == ()
    same(pickle.loads(pickle.dumps(array)), ROWS)
    assert len(cache.entries()) == 2


def test_no_shards() -> None:
    with pytest.raises(DatasetError, match="no shards"):
        ShardedArray.open([])
    with pytest.raises(TypeError, match="bytes"):
        ShardedArray.open([b"part"])  # type: ignore[list-item]
