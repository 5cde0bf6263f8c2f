"""Some rows: `read_idx(f, rows=s)` equals `read_idx(f)[s]`, and costs what it needs."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idxdata import (
    FormatError,
    LimitError,
    PayloadSizeError,
    read_idx,
    rows,
    write_idx,
)
from idxdata.writer import idx_pieces
from tests.reading import CONTAINERS, MEGABYTE, SMALL, Counted, Pipe
from tests.strategies import Array, idx_arrays, peak_nbytes, plain, raw_idx

pytestmark = pytest.mark.usefixtures("each_engine")

ends = st.none() | st.integers(-9, 9) | st.sampled_from([-(2**70), 2**70])
steps = st.none() | st.integers(-8, 8).filter(bool) | st.sampled_from([-(2**70), 2**70])
slices = st.builds(slice, ends, ends, steps)


def raw_of(array: Array) -> bytes:
    return b"".join(idx_pieces(array))


@given(
    array=idx_arrays(),
    chosen=slices,
    container=st.sampled_from(sorted(CONTAINERS)),
    chunk=st.sampled_from([1, 16, 40, 1 << 20]),
    seek=st.sampled_from([1, 1 << 16]),
    unproven=st.sampled_from([8, 1 << 20]),
)
@settings(max_examples=400)
def test_rows_equal_the_slice_of_the_whole(
    array: Array, chosen: slice, container: str, chunk: int, seek: int, unproven: int
) -> None:
    data = CONTAINERS[container](raw_of(array))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "_CHUNK_NBYTES", chunk)
        patch.setattr(rows, "_SEEK_NBYTES", seek)
        patch.setattr(rows, "_UNPROVEN_NBYTES", unproven)
        back = read_idx(data, rows=chosen)
    assert plain(back) == plain(array[chosen])
    assert back.flags.c_contiguous
    assert back.flags.owndata
    assert back.flags.writeable
    assert back.dtype.isnative


@pytest.mark.parametrize("source", [bytes, io.BytesIO, Pipe])
@pytest.mark.parametrize("container", ["raw", "gzip", "xz"])
def test_every_slice_of_a_few_rows(source: Any, container: str) -> None:
    array = np.arange(5 * 3, dtype=">i2").reshape(5, 3)
    data = CONTAINERS[container](raw_of(array))
    numbers = (None, -6, -5, -2, 0, 1, 4, 5, 6)
    for start in numbers:
        for stop in numbers:
            for step in (None, -7, -2, -1, 1, 2, 3):
                chosen = slice(start, stop, step)
                back = read_idx(source(data), rows=chosen)
                assert np.array_equal(back, array[chosen]), chosen
                assert back.shape == array[chosen].shape


def test_labels_and_numpy_integers(tmp_path: Path) -> None:
    write_idx(tmp_path / "a.gz", np.arange(9, dtype="u1"))
    chosen = slice(np.int64(1), np.uint8(8), np.int32(3))
    assert read_idx(tmp_path / "a.gz", rows=chosen).tolist() == [1, 4, 7]


def test_things_that_are_no_slice() -> None:
    for wrong in (3, (0, 3), range(3), np.arange(3)):
        with pytest.raises(TypeError, match="slice"):
            read_idx(SMALL["u1"], rows=wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="zero"):
        read_idx(SMALL["u1"], rows=slice(None, None, 0))
    with pytest.raises(TypeError):
        read_idx(SMALL["u1"], rows=slice("a"))


# What it costs


@pytest.mark.parametrize(
    ("chosen", "most"),
    [
        (slice(0), 0),
        (slice(10), 10),
        (slice(-10, None), 10),
        (slice(0, None, 100), 20),
        (slice(None, None, -500), 4),
        (slice(5, 50, 2), 45),
    ],
)
def test_a_raw_file_gives_only_those_rows(chosen: slice, most: int) -> None:
    array = np.arange(2000, dtype="i4")[:, None] + np.zeros(256, "i4")
    file = Counted(raw_of(array))
    assert np.array_equal(read_idx(file, rows=chosen), array[chosen])
    # The header, its first bytes twice, and a look beyond the last row.
    assert file.num_read <= most * 1024 + 64


@pytest.mark.parametrize("container", ["gzip", "xz"])
@pytest.mark.parametrize(
    "chosen", [slice(100), slice(99, None, -1), slice(0, 100, 9), slice(50, 100)]
)
def test_packed_data_is_decoded_up_to_the_last_row(
    chosen: slice, container: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (500, 2048), np.uint8)
    file = Pipe(CONTAINERS[container](raw_of(noise)), MEGABYTE)
    assert np.array_equal(read_idx(file, rows=chosen), noise[chosen])
    assert file.num_read < 100 * 2048 + 300_000


@pytest.mark.volume
@pytest.mark.parametrize("container", ["raw", "gzip", "zip", "gzip in zip"])
@pytest.mark.parametrize("chosen", [slice(3, 5), slice(None, None, 900)])
@pytest.mark.parametrize("row", [4096, 8 * MEGABYTE])
def test_memory_is_for_the_rows_asked_for(
    row: int, chosen: slice, container: str, tmp_path: Path
) -> None:
    """Also where a single row is larger than what is pulled at a time."""
    num_rows = 32 * MEGABYTE // row
    (tmp_path / "a").write_bytes(
        CONTAINERS[container](raw_idx(0x08, (num_rows, row), bytes(num_rows * row)))
    )
    nbytes = len(range(num_rows)[chosen]) * row
    peak = peak_nbytes(lambda: read_idx(tmp_path / "a", rows=chosen))
    # gzip in zip proves no size, so its array begins with 16 MiB, hardly touched.
    assert peak < max(nbytes, (container == "gzip in zip") << 24) + 3 * MEGABYTE


@pytest.mark.parametrize("step", [-1, -3])
def test_reversing_needs_little_memory(step: int, tmp_path: Path) -> None:
    array = np.arange(16 * MEGABYTE // 4, dtype="i4").reshape(-1, 64)
    write_idx(tmp_path / "a", array)
    chosen = slice(None, None, step)
    assert np.array_equal(read_idx(tmp_path / "a", rows=chosen), array[chosen])
    peak = peak_nbytes(lambda: read_idx(tmp_path / "a", rows=chosen))
    assert peak < array[chosen].nbytes + 3 * MEGABYTE


def test_max_nbytes_is_for_the_rows_asked_for() -> None:
    data = raw_idx(0x0B, (5, 3), bytes(30))
    assert read_idx(data, rows=slice(2), max_nbytes=12).nbytes == 12
    assert read_idx(data, rows=slice(0), max_nbytes=0).nbytes == 0
    with pytest.raises(LimitError) as caught:
        read_idx(data, rows=slice(2), max_nbytes=11)
    assert caught.value.found == "12 bytes of int16 (5, 3)"


# What is checked


def test_the_size_of_the_whole_is_checked_first() -> None:
    for excess in (-1, 1):
        with pytest.raises(PayloadSizeError):
            read_idx(raw_idx(0x08, (5, 2), bytes(10 + excess)), rows=slice(1))


@pytest.mark.parametrize("container", ["gzip", "xz"])
def test_what_lies_behind_the_last_row_is_not_checked(container: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 4096), np.uint8)
    damaged = CONTAINERS[container](raw_of(noise))[:-1] + b"?"
    assert np.array_equal(read_idx(damaged, rows=slice(9)), noise[:9])
    for chosen in (slice(190, None), slice(None, 9, -1), slice(1, None, 2)):
        with pytest.raises(FormatError):
            read_idx(damaged, rows=chosen)


def test_a_file_that_shrinks_while_it_is_read() -> None:
    class Shrinking(io.BytesIO):
        def readinto(self, out: Any, /) -> int:
            count = super().readinto(out)
            self.truncate(20)
            return count

    data = raw_idx(0x08, (10, 100), bytes(1000))
    for chosen in (slice(None), slice(5, 6), slice(9, None, -2)):
        with pytest.raises(PayloadSizeError):
            read_idx(Shrinking(data), rows=chosen)
