"""Bounded work: what a few bytes can claim, and what it may cost."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from idxdata import (
    HeaderError,
    LimitError,
    PayloadSizeError,
    open_idx,
    read_header,
    read_idx,
    write_idx,
)
from tests.gzip_members import (
    member,
    stored,
)
from tests.reading import MEGABYTE
from tests.strategies import (
    DTYPE_NAMES,
    peak_nbytes,
    raw_idx,
)

pytestmark = pytest.mark.usefixtures("each_engine")


@pytest.mark.parametrize("name", ["a", "a.gz"])
@pytest.mark.parametrize("function", [read_idx, open_idx])
@pytest.mark.parametrize(
    "shape",
    [(2**32 - 1,), (2**31, 2**31), (1000, 1000, 1000), (60_000, 28, 28)],
)
def test_a_tiny_file_cannot_claim_memory(
    shape: tuple[int, ...],
    function: Callable[[Path], object],
    name: str,
    tmp_path: Path,
) -> None:
    path = tmp_path / name
    data = raw_idx(0x08, shape, bytes(4))
    path.write_bytes(gzip.compress(data) if name == "a.gz" else data)

    def refuse() -> None:
        with pytest.raises(PayloadSizeError) as caught:
            function(path)
        assert caught.value.offset == 4 + 4 * len(shape)

    assert peak_nbytes(refuse) < 3 * MEGABYTE


@pytest.mark.parametrize("over", [False, True])
def test_the_bound_of_deflate_is_checked_to_the_byte(
    over: bool, tmp_path: Path
) -> None:
    """Up to 1032 times its size a file is believed, and then found to be short."""
    path = tmp_path / "a.gz"
    # Stored, so that the size of the file does not depend on what it claims.
    size = len(member(deflated=bytes(5 + 8 + 4)))
    data = raw_idx(0x08, (1032 * size - 8 + over,), bytes(4))
    path.write_bytes(member(data, deflated=stored(data, final=True)).raw)
    assert path.stat().st_size == size
    with pytest.raises(PayloadSizeError) as caught:
        read_idx(path)
    assert ("possible" in str(caught.value.found)) == over


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_dims_whose_product_overflows_to_the_right_size(
    name: str, tmp_path: Path
) -> None:
    data = raw_idx(0x08, (4 * 5 * 5581, 8681 * 49_477, 384_773), bytes(4))
    (tmp_path / name).write_bytes(gzip.compress(data) if name == "a.gz" else data)
    for function in (read_header, read_idx, open_idx):
        with pytest.raises(HeaderError) as caught:
            function(tmp_path / name)
        assert caught.value.offset == 4


@pytest.mark.parametrize("name", ["a", "a.gz"])
@pytest.mark.parametrize("shape", [(0, 2**32 - 1), (2**32 - 1, 0), (0,), (3, 0, 5)])
def test_empty_arrays_with_huge_dims(
    shape: tuple[int, ...], name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    for dtype in DTYPE_NAMES:
        write_idx(path, np.empty(shape, dtype))
        os.utime(path, ns=(0, DTYPE_NAMES.index(dtype)))
        for array in (read_idx(path), open_idx(path)):
            assert (array.shape, array.dtype.name) == (shape, dtype)


@pytest.mark.parametrize("function", [read_idx, open_idx])
def test_a_bomb_behind_a_small_header(
    function: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(raw_idx(0x08, (10, 28, 28), b""))
        for _ in range(64):
            file.write(bytes(MEGABYTE))

    def refuse() -> None:
        with pytest.raises(PayloadSizeError):
            function(path)

    assert peak_nbytes(refuse) < 3 * MEGABYTE


@pytest.mark.volume
@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_reading_needs_the_array_and_little_more(name: str, tmp_path: Path) -> None:
    """However well the file is compressed; MNIST's own compresses 5 to 1."""
    path = tmp_path / name
    array = np.zeros((16, MEGABYTE), "f4")
    write_idx(path, array)
    assert peak_nbytes(lambda: read_idx(path)) < array.nbytes + 3 * MEGABYTE


@pytest.mark.parametrize("name", ["a", "a.gz"])
@pytest.mark.parametrize("dtype", ["<i2", ">i2"])
@pytest.mark.parametrize("shape", [(64, 1 << 18), (1, 1 << 24), (1 << 24, 1)])
def test_writing_needs_little_memory(
    shape: tuple[int, ...], dtype: str, name: str, tmp_path: Path
) -> None:
    """Also where bytes are swapped or rows gathered, and a row may be all there is."""
    path = tmp_path / name
    for array in (np.zeros(shape, dtype), np.zeros(shape, dtype).T):
        assert peak_nbytes(lambda a=array: write_idx(path, a, level=1)) < 4 * MEGABYTE  # type: ignore[misc]


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_max_nbytes_is_a_limit_to_the_byte(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write_idx(path, np.zeros((5, 7), "i2"))
    assert read_idx(path, max_nbytes=70).nbytes == 70
    for limit in (69, 0):
        with pytest.raises(LimitError) as caught:
            read_idx(path, max_nbytes=limit)
        assert caught.value.expected == f"at most {limit} bytes"
        assert str(caught.value.found).startswith("70 bytes")


def test_max_nbytes_of_zero_allows_empty_arrays(tmp_path: Path) -> None:
    write_idx(tmp_path / "a", np.zeros((0, 7), "i2"))
    assert read_idx(tmp_path / "a", max_nbytes=0).shape == (0, 7)
