"""Parts of a file: a zip archive's members, and images that are stored on their side."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import Cache, FormatError, read_idx, write_idx
from idxdata.caching import building
from tests.cache_faults.folder import entries, flip_a_byte, forbid_decoding, the_entry
from tests.strategies import Array, idx_arrays, plain

SIDEWAYS = np.arange(3 * 2 * 5, dtype=np.uint8).reshape(3, 2, 5)


def zipped(folder: Path, **arrays: Array) -> Path:
    """An archive of gzip files, as EMNIST's is."""
    path = folder / "gzip.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            write_idx(folder / "one.gz", array)
            archive.write(folder / "one.gz", f"gzip/{name}.gz")
    return path


@given(
    array=idx_arrays(),
    shape=st.tuples(*[st.integers(0, 5)] * 3),
    packed=st.booleans(),
)
def test_images_are_turned_upright(
    array: Array,
    shape: tuple[int, int, int],
    packed: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    array = np.resize(array, shape)
    folder = tmp_path_factory.mktemp("upright")
    path = folder / ("a.gz" if packed else "a")
    write_idx(path, array)
    cache = Cache(folder / "cache")
    for _ in range(2):
        upright = cache.open(path, transposed=True)
        assert plain(upright) == plain(array.swapaxes(1, 2))
        assert upright.flags.c_contiguous
        assert plain(cache.open(path)) == plain(array)
    assert len(cache.entries()) == 2
    shutil.rmtree(folder)


def test_images_of_more_than_one_piece(tmp_path: Path, here: Cache) -> None:
    images = np.random.default_rng(0).integers(0, 256, (12_000, 28, 31), np.uint8)
    write_idx(tmp_path / "a", images)
    upright = here.open(tmp_path / "a", transposed=True)
    assert np.array_equal(upright, images.swapaxes(1, 2))
    assert here.entries()[0].shape == (12_000, 31, 28)


@pytest.mark.parametrize("shape", [(4,), (4, 2), (2, 2, 2, 1)])
def test_only_lists_of_images_can_be_transposed(
    shape: tuple[int, ...], tmp_path: Path, here: Cache
) -> None:
    write_idx(tmp_path / "a", np.zeros(shape, np.uint8))
    with pytest.raises(FormatError) as caught:
        here.open(tmp_path / "a", transposed=True)
    assert caught.value.path == str(tmp_path / "a")
    assert caught.value.expected == "3 dims"
    assert not here.folder.exists()


def test_each_member_is_an_entry(
    tmp_path: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = np.arange(3, dtype=np.uint8)
    path = zipped(tmp_path, images=SIDEWAYS, labels=labels)
    hashed = []
    hash_source = building.hash_source
    monkeypatch.setattr(
        building, "hash_source", lambda *args: hashed.append(1) or hash_source(*args)
    )
    for _ in range(2):
        images = here.open(path, member="gzip/images.gz", transposed=True)
        assert np.array_equal(images, SIDEWAYS.swapaxes(1, 2))
        assert np.array_equal(here.open(path, member="gzip/labels.gz"), labels)
    # Half a gigabyte is hashed once, not once for each member.
    assert len(hashed) == 1
    assert len(entries(here)) == 2
    forbid_decoding(monkeypatch)
    assert here.find(path, member="gzip/labels.gz") is not None
    assert here.find(path, member="gzip/images.gz") is None
    assert here.find(path) is None


def test_a_member_that_is_not_there(tmp_path: Path, here: Cache) -> None:
    path = zipped(tmp_path, images=SIDEWAYS)
    with pytest.raises(FormatError, match="no such zip member"):
        here.open(path, member="gzip/labels.gz")
    with pytest.raises(FormatError, match="not a zip archive"):
        here.open(tmp_path / "one.gz", member="a")
    assert not here.folder.exists()


def test_an_archive_that_was_replaced_is_decoded_anew(
    tmp_path: Path, here: Cache
) -> None:
    path = zipped(tmp_path, images=SIDEWAYS)
    here.open(path, member="gzip/images.gz")
    zipped(tmp_path, images=SIDEWAYS[:2])
    assert here.open(path, member="gzip/images.gz").shape == (2, 2, 5)


def test_a_damaged_part_is_mended(tmp_path: Path, here: Cache) -> None:
    path = zipped(tmp_path, images=SIDEWAYS, labels=np.arange(3, dtype=np.uint8))
    here.open(path, member="gzip/images.gz", transposed=True)
    flip_a_byte(the_entry(here) / "data.npy", -1)
    (check,) = here.verify()
    assert check.state == "repaired"
    images = here.open(path, member="gzip/images.gz", transposed=True)
    assert np.array_equal(
        images, read_idx(path, member="gzip/images.gz").swapaxes(1, 2)
    )


def test_parts_are_pruned_and_their_index_with_them(
    tmp_path: Path, here: Cache
) -> None:
    path = zipped(tmp_path, images=SIDEWAYS)
    here.open(path, member="gzip/images.gz")
    assert len(here.prune(max_bytes=0)) == 1
    assert not list((here.folder / "sources").iterdir())
