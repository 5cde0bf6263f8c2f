"""Datasets of Ray Data: the bits of `read_idx`, whatever the files and blocks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import idxdata
from idxdata import DatasetError, HeaderError, PayloadSizeError, PlanError
from tests.ray_data.local import local_ray
from tests.ray_data.serving import CountingServer, serving
from tests.ray_data.shards import (
    CONTAINERS,
    Shards,
    idx_bytes,
    in_order,
    make_shards,
    same_bits,
    write,
)

pytest.importorskip("ray")

import ray.data

from idxdata.adapters import ray as adapter

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", autouse=True)
def running_ray() -> Iterator[None]:
    with local_ray():
        yield


@pytest.fixture(scope="module")
def server() -> Iterator[CountingServer]:
    pytest.importorskip("fsspec")
    pytest.importorskip("aiohttp")
    with serving() as running:
        yield running


def batches(dataset: Any) -> Iterator[dict[str, Any]]:
    yield from dataset.iter_batches(batch_size=None, batch_format="numpy")


def columns(dataset: Any) -> dict[str, Any]:
    return in_order(batches(dataset))


def all_of(made: Shards, **options: Any) -> Any:
    paths = [list(map(str, paths)) for paths in (made.image_paths, made.label_paths)]
    return adapter.read_idx(*paths, row_column="row", **options)


CASES = [
    ("uint8", (4, 5), (13, 1, 200, 7), ("raw",)),
    ("int8", (3,), (5, 6), ("gz", "raw")),
    ("int16", (2, 3, 4), (50, 1, 1, 1, 1, 30), ("raw", "xz")),
    ("int32", (1,), (40,), ("zip",)),
    ("float32", (7, 1), (9, 0, 11), ("raw", "gz", "xz", "zip")),
    ("float64", (2, 2), (0, 21), ("gz",)),
    ("uint8", (2, 0, 3), (5, 6), ("raw",)),
]


@pytest.mark.parametrize("num_blocks", [None, 1, 2, 5, 17])
@pytest.mark.parametrize(("dtype", "row_shape", "counts", "containers"), CASES)
def test_the_same_bits_by_any_number_of_blocks(
    dtype: str,
    row_shape: tuple[int, ...],
    counts: tuple[int, ...],
    containers: tuple[str, ...],
    num_blocks: int | None,
    tmp_path: Path,
) -> None:
    made = make_shards(
        tmp_path, counts, row_shape=row_shape, dtype=dtype, containers=containers
    )
    for stream in (False, True) if set(containers) - {"raw"} else (False,):
        dataset = all_of(made, override_num_blocks=num_blocks, stream=stream)
        assert dataset.count() == len(made.images)
        found = dataset.materialize()
        if not stream and num_blocks is not None and num_blocks <= sum(counts):
            assert found.num_blocks() == num_blocks
        read = columns(found)
        assert same_bits(read["image"], made.images)
        assert same_bits(read["label"], made.labels)
        assert same_bits(read["row"], np.arange(len(made.images)))


def test_the_schema_and_sizes_are_known_without_reading(tmp_path: Path) -> None:
    made = make_shards(tmp_path, (30, 20), dtype="int16", containers=("raw", "gz"))
    dataset = all_of(made)
    for path in (*made.image_paths, *made.label_paths):
        path.unlink()
    schema = dataset.schema()
    assert schema.names == ["image", "label", "row"]
    assert schema.types[0].shape == (4, 5)
    assert list(map(str, schema.types[1:])) == ["uint8", "int64"]
    assert dataset.count() == 50
    assert dataset.size_bytes() == 50 * (40 + 1 + 8)
    assert sorted(dataset.input_files()) == sorted(
        map(str, (*made.image_paths, *made.label_paths))
    )


def test_what_is_read_has_the_schema_that_was_told(tmp_path: Path) -> None:
    for row_shape in ((4, 5), (), (2, 0)):
        made = make_shards(tmp_path, (30, 20), row_shape=row_shape, dtype="float32")
        dataset = adapter.read_idx(
            list(map(str, made.image_paths)), columns=("x", "unused")
        )
        told = dataset.schema()
        assert told.names == ["x"]
        assert dataset.materialize().schema() == told


def test_patterns_and_file_urls(tmp_path: Path) -> None:
    made = make_shards(tmp_path, (3, 40, 5), containers=("raw", "gz"))
    for scheme in ("", "file://"):
        dataset = adapter.read_idx(
            f"{scheme}{tmp_path}/*-images.*",
            f"{scheme}{tmp_path}/*-labels.*",
            row_column="row",
        )
        found = columns(dataset)
        assert same_bits(found["image"], made.images)
        assert same_bits(found["label"], made.labels)


def test_no_rows_at_all(tmp_path: Path) -> None:
    made = make_shards(tmp_path, (0, 0))
    for dataset in (all_of(made), all_of(make_shards(tmp_path, (9,)), rows=[])):
        assert dataset.count() == 0
        assert dataset.take_all() == []
        assert dataset.schema().names == ["image", "label", "row"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (slice(5, 60), range(5, 60)),
        (slice(-3, None), range(87, 90)),
        (range(29, 31), range(29, 31)),
        ([(70, 90), (0, 3), (31, 32)], [*range(70, 90), *range(3), 31]),
    ],
)
@pytest.mark.parametrize("containers", [("raw",), ("gz", "raw")])
def test_rows(
    rows: Any, expected: Any, containers: tuple[str, ...], tmp_path: Path
) -> None:
    made = make_shards(tmp_path, (30, 20, 40), containers=containers)
    for options in ({}, {"override_num_blocks": 3}, {"stream": True}):
        dataset = all_of(made, rows=rows, **options)
        assert dataset.count() == len(expected)
        found = columns(dataset)
        assert found["row"].tolist() == sorted(expected)
        assert same_bits(found["image"], made.images[found["row"]])
        assert same_bits(found["label"], made.labels[found["row"]])


def test_rows_come_in_the_order_asked_for(tmp_path: Path) -> None:
    made = make_shards(tmp_path, (30, 20), containers=("raw", "gz"))
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    try:
        pairs = [(40, 50), (10, 45), (0, 4)]
        dataset = all_of(made, rows=pairs, override_num_blocks=4, stream=True)
        found = np.concatenate([batch["row"] for batch in batches(dataset)])
    finally:
        context.execution_options.preserve_order = False
    assert found.tolist() == [row for pair in pairs for row in range(*pair)]


def test_files_without_rows_asked_for_are_not_read(tmp_path: Path) -> None:
    made = make_shards(tmp_path, (30, 20, 40))
    dataset = all_of(made, rows=slice(30, 50))
    for paths in (made.image_paths, made.label_paths):
        paths[0].unlink()
        paths[2].unlink()
    assert same_bits(columns(dataset)["image"], made.images[30:50])


def test_of_remote_files_only_the_rows_are_read(
    tmp_path: Path, server: CountingServer
) -> None:
    made = make_shards(tmp_path, (400, 200), row_shape=(100, 100))
    paths = (*made.image_paths, *made.label_paths)
    server.files = {path.name: path.read_bytes() for path in paths}
    dataset = adapter.read_idx(
        [f"{server.url}/{path.name}" for path in made.image_paths],
        [f"{server.url}/{path.name}" for path in made.label_paths],
        row_column="row",
        rows=[(10, 20), (390, 410)],
        override_num_blocks=3,
    )
    server.sent.clear()
    found = columns(dataset)
    rows = [*range(10, 20), *range(390, 410)]
    assert same_bits(found["image"], made.images[rows])
    assert same_bits(found["label"], made.labels[rows])
    first, second = (server.nbytes_sent(path.name) for path in made.image_paths)
    assert (first, second) == (20 * 10_000, 10 * 10_000)


@pytest.mark.parametrize("container", ["raw", "gz", "xz", "zip"])
@pytest.mark.parametrize("way", ["", "stream/"])
def test_remote_files(
    container: str, way: str, tmp_path: Path, server: CountingServer
) -> None:
    if way and container == "zip":
        pytest.skip("a zip archive needs a file that can seek")
    made = make_shards(tmp_path, (40, 7), dtype="int16", containers=(container,))
    paths = (*made.image_paths, *made.label_paths)
    server.files = {path.name: path.read_bytes() for path in paths}
    urls = [
        [f"{server.url}/{way}{path.name}" for path in paths]
        for paths in (made.image_paths, made.label_paths)
    ]
    found = columns(adapter.read_idx(*urls, row_column="row"))
    assert same_bits(found["image"], made.images)
    assert same_bits(found["label"], made.labels)


def test_columns_not_asked_for_are_not_read(tmp_path: Path) -> None:
    made = make_shards(tmp_path, (30, 20))
    dataset = all_of(made)
    assert dataset.sum("label") == int(made.labels.sum())
    for path in made.image_paths:
        path.unlink()
    found = columns(dataset.select_columns(["row", "label"]))
    assert list(found) == ["row", "label"]
    assert same_bits(found["label"], made.labels)
    renamed = dataset.rename_columns({"label": "y"}).select_columns(["y"])
    assert sorted(row["y"] for row in renamed.take_all()) == sorted(made.labels)
    numbers = dataset.select_columns(["row"]).take_all()
    assert sorted(row["row"] for row in numbers) == list(range(50))


def test_a_limit_that_ray_hands_down_reads_no_more(
    tmp_path: Path, server: CountingServer
) -> None:
    array = np.arange(200_000, dtype="i4").reshape(200, 1000)
    server.files = {"a": idx_bytes(array)}
    dataset = adapter.read_idx(f"{server.url}/a", override_num_blocks=1)
    # Right above the reading, Ray cuts what was read instead.
    dataset = dataset.map(lambda row: row).limit(3)
    server.sent.clear()
    rows = np.array([row["image"] for row in dataset.take_all()])
    assert same_bits(rows, array[:3])
    assert server.nbytes_sent("a") == 3 * 4000


def test_blocks_are_of_the_size_that_ray_asks_for(tmp_path: Path) -> None:
    path = write(tmp_path / "a", np.zeros((1000, 1000), np.uint8))
    packed = write(tmp_path / "b", np.zeros((1000, 1000), np.uint8), "gz")
    context = ray.data.DataContext.get_current()
    before = context.target_max_block_size
    context.target_max_block_size = 100_000
    try:
        for some, stream in ((path, False), (packed, True)):
            dataset = adapter.read_idx(str(some), stream=stream)
            sizes = [len(batch["image"]) for batch in batches(dataset)]
            assert sum(sizes) == 1000
            assert max(sizes) <= 150
    finally:
        context.target_max_block_size = before


def test_many_tiny_files_are_few_tasks(tmp_path: Path) -> None:
    made = make_shards(tmp_path, [1, 0, 2] * 100, containers=("raw", "gz"))
    dataset = all_of(made, override_num_blocks=4).materialize()
    assert dataset.num_blocks() == 4
    assert same_bits(columns(dataset)["image"], made.images)


def test_a_compressed_file_is_decoded_once_a_host(tmp_path: Path) -> None:
    cache = idxdata.Cache(tmp_path / "cache")
    path = write(tmp_path / "a", np.arange(90_000, dtype="i4").reshape(900, 100), "gz")
    for _ in range(2):
        dataset = adapter.read_idx(
            str(path), cache=cache, row_column="row", override_num_blocks=9
        )
        assert same_bits(columns(dataset)["image"], idxdata.read_idx(path))
        assert len(cache.entries()) == 1
    streamed = tmp_path / "another"
    dataset = adapter.read_idx(str(path), cache=idxdata.Cache(streamed), stream=True)
    assert dataset.materialize().count() == 900
    assert not streamed.exists()


def test_what_the_driver_refuses(tmp_path: Path) -> None:
    made = make_shards(tmp_path, (30, 20))
    images, labels = map(str, (made.image_paths[0], made.label_paths[0]))
    with pytest.raises(PlanError):
        adapter.read_idx(images, rows=slice(0, 31))
    with pytest.raises(DatasetError, match="differ in number"):
        adapter.read_idx(images, str(made.label_paths[1]))
    with pytest.raises(DatasetError, match="not a list of integers"):
        adapter.read_idx(images, images)
    other = write(tmp_path / "other", np.zeros((3, 4, 6), np.uint8))
    with pytest.raises(DatasetError, match="rows are not like") as caught:
        adapter.read_idx([images, str(other)])
    assert caught.value.path == str(other)
    for options in ({"columns": ("a", "a")}, {"row_column": "image"}):
        with pytest.raises(ValueError, match="two columns are named"):
            adapter.read_idx(images, labels, **options)
    other.write_bytes(b"\0\0\x0a\x01")
    with pytest.raises(HeaderError) as header:
        adapter.read_idx(str(other))
    assert (header.value.path, header.value.offset) == (str(other), 2)
    other.write_bytes(CONTAINERS["raw"](idx_bytes(made.images))[:-1])
    with pytest.raises(PayloadSizeError):
        adapter.read_idx(str(other))
