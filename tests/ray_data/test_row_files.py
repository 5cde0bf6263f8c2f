"""Some rows of files, by the way that reads the least."""

import gzip
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import idxdata
from idxdata import Cache, ChecksumError, DatasetError, HeaderError, PayloadSizeError
from idxdata.adapters._row_files import RowFile, look_at, read_ranges
from tests.ray_data.serving import CountingServer, serving
from tests.ray_data.shards import CONTAINERS, idx_bytes, same_bits, write
from tests.strategies import Array, idx_arrays

fsspec = pytest.importorskip("fsspec")
NATIVE = np.arange(3000, dtype="i2").reshape(100, 5, 6)


@pytest.fixture(scope="module")
def server() -> Iterator[CountingServer]:
    pytest.importorskip("aiohttp")
    with serving() as running:
        yield running


def look(path: Path | str, *, stream: bool = False) -> RowFile:
    return look_at([str(path)], stream=stream)[0]


@given(
    array=idx_arrays(),
    container=st.sampled_from(sorted(CONTAINERS)),
    stream=st.booleans(),
    data=st.data(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_are_those_of_read_idx(
    array: Array, container: str, stream: bool, data: st.DataObject, place: Path
) -> None:
    path = write(place / "rows", array, container)
    file = pickle.loads(pickle.dumps(look(path, stream=stream)))
    bound = st.integers(0, len(array))
    pairs = st.tuples(bound, bound).map(sorted)
    ranges = [tuple(pair) for pair in data.draw(st.lists(pairs, max_size=4))]
    whole = idxdata.read_idx(path)
    assert file.num_rows == len(whole)
    assert file.row_nbytes * len(whole) == whole.nbytes
    # The pieces are held while others are read: none is overwritten.
    for (start, stop), rows in zip(
        ranges, list(read_ranges(file, ranges)), strict=True
    ):
        assert same_bits(rows, whole[start:stop])
        assert rows.flags.c_contiguous


def test_the_way_follows_from_the_file(tmp_path: Path, server: CountingServer) -> None:
    raw, packed = write(tmp_path / "a", NATIVE), write(tmp_path / "b", NATIVE, "gz")
    server.files = {"raw": raw.read_bytes(), "packed": packed.read_bytes()}
    assert look(raw).access == look(raw, stream=True).access == "map"
    assert look(packed).access == "cache"
    assert look(packed, stream=True).access == "stream"
    assert look(f"{server.url}/raw").access == "ranges"
    assert look(f"{server.url}/packed").access == "stream"
    assert look(f"{server.url}/stream/raw").access == "stream"


def test_of_remote_files_only_the_rows_are_fetched(server: CountingServer) -> None:
    # Larger than what file systems read ahead.
    array = np.random.default_rng(0).integers(0, 256, (20_000, 900), dtype=np.uint8)
    server.files = {"a": idx_bytes(array)}
    server.sent.clear()
    file = look(f"{server.url}/a")
    assert server.nbytes_sent("a") < 20_000
    server.sent.clear()
    ranges = [(7, 9), (19_999, 20_000), (0, 19_000)]
    for (start, stop), rows in zip(ranges, read_ranges(file, ranges), strict=True):
        assert same_bits(rows, array[start:stop])
    assert server.nbytes_sent("a") == sum(stop - start for start, stop in ranges) * 900
    assert server.sent[0] == ("a", 12 + 7 * 900, 12 + 9 * 900 - 1)


@pytest.mark.parametrize("container", CONTAINERS)
def test_remote_files_of_every_kind(container: str, server: CountingServer) -> None:
    server.files = {"a": CONTAINERS[container](idx_bytes(NATIVE))}
    for way in ("", "stream/")[: 1 if container == "zip" else 2]:
        file = look(f"{server.url}/{way}a")
        first, last = read_ranges(file, [(3, 50), (50, 100)])
        assert same_bits(first, NATIVE[3:50])
        assert same_bits(last, NATIVE[50:])


def test_a_remote_file_that_became_shorter(server: CountingServer) -> None:
    server.files = {"a": idx_bytes(NATIVE)}
    file = look(f"{server.url}/a")
    server.files = {"a": idx_bytes(NATIVE)[:-100]}
    with pytest.raises(PayloadSizeError) as caught:
        list(read_ranges(file, [(0, 2), (90, 100)]))
    assert caught.value.path == f"{server.url}/a"
    assert caught.value.offset == 16 + 90 * 60


def test_a_file_that_was_replaced(tmp_path: Path) -> None:
    for container in CONTAINERS:
        path = write(tmp_path / "a", NATIVE, container)
        for stream in (False, True):
            file = look(path, stream=stream)
            write(path, NATIVE[:50], container)
            with pytest.raises(DatasetError, match="another one by now") as caught:
                next(read_ranges(file, [(0, 2)]))
            assert caught.value.path == str(path)
            write(path, NATIVE, container)


def test_a_raw_file_that_became_shorter(tmp_path: Path) -> None:
    path = write(tmp_path / "a", NATIVE)
    file = look(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(PayloadSizeError):
        next(read_ranges(file, [(0, 2)]))


def test_what_lies_behind_the_rows_is_not_decoded(tmp_path: Path) -> None:
    random = np.random.default_rng(0).integers(0, 256, (500, 1000), dtype=np.uint8)
    data = bytearray(gzip.compress(idx_bytes(random), 1))
    data[-6] ^= 1  # in the CRC-32
    path = tmp_path / "a.gz"
    path.write_bytes(data)
    file = look(path, stream=True)
    (rows,) = read_ranges(file, [(0, 100)])
    assert same_bits(rows, random[:100])
    pieces = read_ranges(file, [(0, 400), (400, 500)])
    next(pieces)
    with pytest.raises(ChecksumError) as caught:
        next(pieces)  # before the last rows are handed out
    assert caught.value.path == str(path)
    with pytest.raises(ChecksumError):
        next(read_ranges(look(path), [(0, 100)]))


def test_a_cache_of_ones_own(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    path = write(tmp_path / "a", NATIVE, "gz")
    for _ in range(2):
        (rows,) = read_ranges(look(path), [(5, 9)], cache)
        assert same_bits(rows, NATIVE[5:9])
        assert len(cache.entries()) == 1


def test_headers_are_checked_at_once_also_of_many(tmp_path: Path) -> None:
    paths = [str(write(tmp_path / f"{number}", NATIVE)) for number in range(40)]
    assert [file.path for file in look_at(paths)] == paths
    Path(paths[31]).write_bytes(b"\0\0\x0a\x01")
    Path(paths[22]).write_bytes(idx_bytes(NATIVE)[:-1])
    with pytest.raises(PayloadSizeError) as short:
        look_at(paths)
    assert short.value.path == paths[22]
    with pytest.raises(HeaderError) as header:
        look_at(paths[25:])
    assert (header.value.path, header.value.offset) == (paths[31], 2)
    with pytest.raises(FileNotFoundError):
        look_at([str(tmp_path / "missing")])
