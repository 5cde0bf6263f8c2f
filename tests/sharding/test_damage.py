"""What is missing, damaged, mixed up or replaced is refused, and the shard is named."""

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idxdata import (
    CacheError,
    DatasetError,
    FormatError,
    HeaderError,
    IdxDataError,
    PayloadSizeError,
    ShardedArray,
    load,
    write_idx,
)
from tests.adapting import random_split
from tests.sharding.making import Both, both, even, write_shards
from tests.strategies import raw_idx

COUNT, NUM_SHARDS = 50, 10
IMAGE = raw_idx(8, (5, 4, 4), bytes(80))


@pytest.fixture
def data(tmp_path: Path) -> Both:
    return both(tmp_path, random_split(COUNT, 4, 4), even(COUNT, NUM_SHARDS))


def opened(folder: Path) -> Any:
    return load(images=folder / "images-*", labels=folder / "labels-*")


def header(**changes: Any) -> bytes:
    fields = {"code": 8, "shape": (5, 4, 4), "payload": bytes(80)} | changes
    return raw_idx(fields["code"], fields["shape"], fields["payload"])


DEFECTS: dict[str, tuple[bytes, type[IdxDataError], str]] = {
    "empty": (b"", HeaderError, "cut short"),
    "magic cut": (IMAGE[:3], HeaderError, "cut short"),
    "header cut": (IMAGE[:15], HeaderError, "cut short"),
    "payload cut": (IMAGE[:-1], PayloadSizeError, "payload size"),
    "payload gone": (IMAGE[:16], PayloadSizeError, "payload size"),
    "one byte more": (IMAGE + b"\0", PayloadSizeError, "payload size"),
    "a page": (b"<!DOCTYPE html><html>", HeaderError, "magic"),
    "dtype code": (header(code=0x0A), HeaderError, "dtype code"),
    "no dims": (b"\0\0\x08\0" + bytes(80), HeaderError, "ndim"),
    "rows claimed": (header(shape=(6, 4, 4)), PayloadSizeError, "payload size"),
    "rows hidden": (header(shape=(4, 4, 4)), PayloadSizeError, "payload size"),
    "other rows": (header(shape=(5, 2, 8)), DatasetError, "shape"),
    "other ndim": (header(shape=(5, 16)), DatasetError, "shape"),
    "other dtype": (header(code=9), DatasetError, "dtype"),
    "more rows": (raw_idx(8, (6, 4, 4), bytes(96)), DatasetError, "differ in number"),
    "overflow": (
        raw_idx(8, (2**32 - 1, 2**32 - 1, 2**32 - 1), b""),
        HeaderError,
        "overflow",
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("number", [0, 4, NUM_SHARDS - 1])
def test_a_damaged_shard_of_images(data: Both, defect: str, number: int) -> None:
    content, kind, text = DEFECTS[defect]
    path = data.folder / f"images-{number}"
    path.write_bytes(content)
    # The first is what all others are compared with; so it is the second that differs.
    named = path
    if number == 0 and defect.startswith("other"):
        named = data.folder / "images-1"
    if defect == "more rows":
        named = data.folder / f"labels-{number}"
    with pytest.raises(kind, match=text) as caught:
        opened(data.folder)
    assert caught.value.path == str(named)


def test_a_product_that_overflows_is_no_size(tmp_path: Path) -> None:
    """Rows of 2^62 bytes: four of them would fit a file without any, modulo 2^64."""
    shape = (2**16, 2**16, 2**15, 2**15)
    first = struct.pack(">BBBB5I", 0, 0, 8, 5, 0, *shape)
    second = struct.pack(">BBBB5I", 0, 0, 8, 5, 4, *shape)
    for number, content in enumerate((first, second)):
        (tmp_path / str(number)).write_bytes(content)
    with pytest.raises((HeaderError, PayloadSizeError)) as caught:
        ShardedArray.open([tmp_path / "0", tmp_path / "1"])
    assert caught.value.path == str(tmp_path / "1")


LABELS: dict[str, tuple[bytes, type[IdxDataError], str]] = {
    "empty": (b"", HeaderError, "cut short"),
    "payload cut": (raw_idx(8, (5,), bytes(4)), PayloadSizeError, "payload size"),
    "one byte more": (raw_idx(8, (5,), bytes(6)), PayloadSizeError, "payload size"),
    "one more": (raw_idx(8, (6,), bytes(6)), DatasetError, "differ in number"),
    "one less": (raw_idx(8, (4,), bytes(4)), DatasetError, "differ in number"),
    "a table": (raw_idx(8, (5, 1), bytes(5)), DatasetError, "list of integers"),
    "floats": (raw_idx(0x0D, (5,), bytes(20)), DatasetError, "list of integers"),
    "other dtype": (raw_idx(9, (5,), bytes(5)), DatasetError, "dtype"),
    "large": (raw_idx(8, (5,), bytes((0, 0, 200, 0, 0))), DatasetError, "range"),
}


@pytest.mark.parametrize("defect", LABELS)
def test_a_damaged_shard_of_labels(data: Both, defect: str) -> None:
    content, kind, text = LABELS[defect]
    path = data.folder / "labels-7"
    path.write_bytes(content)
    with pytest.raises(kind, match=text) as caught:
        load(
            images=data.folder / "images-*",
            labels=data.folder / "labels-*",
            classes="0123456789",
        )
    if defect == "large":
        assert caught.value.hint == f"its image is row 2 of {data.folder}/images-7"
    else:
        assert caught.value.path == str(path)


@pytest.mark.parametrize("name", ["images-3", "labels-3"])
def test_a_partner_that_is_missing(data: Both, name: str) -> None:
    (data.folder / name).unlink()
    with pytest.raises(DatasetError, match="are missing") as caught:
        opened(data.folder)
    assert caught.value.path == str(data.folder / name)


@pytest.mark.parametrize("name", ["images-3", "labels-3"])
def test_a_file_of_a_list_that_is_missing(data: Both, name: str) -> None:
    (data.folder / name).unlink()
    lists = {
        role: [data.folder / f"{role}-{number}" for number in range(NUM_SHARDS)]
        for role in ("images", "labels")
    }
    with pytest.raises(FileNotFoundError) as caught:
        load(**lists)  # type: ignore[arg-type]
    assert caught.value.filename == str(data.folder / name)


@pytest.mark.skipif(os.name != "posix", reason="needs pipes")
def test_what_is_no_file(data: Both) -> None:
    path = data.folder / "images-3"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(FormatError, match="regular file") as caught:
        opened(data.folder)
    assert caught.value.path == str(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(IsADirectoryError) as other:
        opened(data.folder)
    assert other.value.filename == str(path)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


CHANGES: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "shorter": _truncate,
    "replaced": lambda path: write_idx(path, np.ones((5, 4, 4), np.uint8)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_shard_that_changed_since(data: Both, change: str) -> None:
    path = data.folder / "images-3"
    assert data.images[0].shape == (4, 4)
    CHANGES[change](path)
    rows = np.arange(12, 18)
    for read in (
        lambda: data.images[16],
        lambda: data.images[rows],
        lambda: np.asarray(data.images),
        lambda: data.sharded.digest,
    ):
        with pytest.raises(CacheError, match="gone|another") as caught:
            read()
        assert caught.value.path == str(path)
    assert np.array_equal(data.images[:15], data.whole.images[:15])


def test_a_mapped_shard_keeps_its_bytes(data: Both) -> None:
    assert np.array_equal(data.images[16], data.whole.images[16])
    write_idx(data.folder / "images-3", np.ones((5, 4, 4), np.uint8))
    assert np.array_equal(data.images, data.whole.images)


def test_a_damaged_compressed_shard_is_found_when_it_is_touched(
    tmp_path: Path,
) -> None:
    images = np.asarray(random_split(COUNT, 4, 4).images)
    paths = write_shards(tmp_path, images, even(COUNT, 5), name="part", suffix=".gz")
    content = bytearray(paths[2].read_bytes())
    content[-6] ^= 1  # of the CRC-32
    paths[2].write_bytes(content)
    array = ShardedArray.open(paths)
    assert np.array_equal(array[:20], images[:20])
    for _ in range(2):
        with pytest.raises(FormatError, match="CRC-32|crc32") as caught:
            array[[3, 25]]
        assert caught.value.path == str(paths[2])
    assert np.array_equal(array[30:], images[30:])


def test_a_compressed_shard_whose_header_is_wrong(tmp_path: Path) -> None:
    paths = write_shards(
        tmp_path, np.zeros((6, 2, 2), np.uint8), even(6, 3), name="a", suffix=".gz"
    )
    write_idx(paths[1], np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(DatasetError, match="shape") as caught:
        ShardedArray.open(paths)
    assert caught.value.path == str(paths[1])
    paths[1].write_bytes(paths[1].read_bytes()[:12])
    with pytest.raises(FormatError) as cut:
        ShardedArray.open(paths)
    assert cut.value.path == str(paths[1])
