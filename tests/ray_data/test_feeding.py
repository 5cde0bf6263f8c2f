"""What Ray Data gives to frameworks, to map_batches and to training workers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import idxdata
from idxdata import BatchFormat, DatasetError, Plan
from tests.adapting import FORMATS
from tests.ray_data.local import local_ray
from tests.ray_data.shards import Shards, in_order, make_shards, same_bits, write

pytest.importorskip("ray")

import ray
import ray.data
from ray.exceptions import UserCodeException

from idxdata.adapters import ray as adapter

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", autouse=True)
def running_ray() -> Iterator[None]:
    with local_ray():
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    folder = tmp_path_factory.mktemp("shards")
    return make_shards(folder, (60, 30, 7), row_shape=(9, 8), containers=("raw", "gz"))


def dataset(made: Shards, **options: Any) -> Any:
    paths = [list(map(str, paths)) for paths in (made.image_paths, made.label_paths)]
    return adapter.read_idx(*paths, row_column="row", override_num_blocks=5, **options)


def check(batches: Any, made: Shards) -> None:
    found = in_order(
        {name: np.asarray(column) for name, column in batch.items()}
        for batch in batches
    )
    assert same_bits(found["image"], made.images)
    assert same_bits(found["label"], made.labels)


def test_numpy(made: Shards) -> None:
    check(dataset(made).iter_batches(batch_size=16, batch_format="numpy"), made)


def test_torch(made: Shards) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("pydantic")
    batches = list(dataset(made).iter_torch_batches(batch_size=16))
    assert batches[0]["image"].dtype == torch.uint8
    assert tuple(batches[0]["image"].shape) == (16, 9, 8)
    check(batches, made)


def test_tensorflow(made: Shards) -> None:
    tf = pytest.importorskip("tensorflow")
    batches = list(dataset(made).iter_tf_batches(batch_size=16))
    assert batches[0]["image"].dtype == tf.uint8
    check(batches, made)


def test_to_tf(made: Shards) -> None:
    tf = pytest.importorskip("tensorflow")
    pairs = dataset(made).to_tf("image", ["label", "row"], batch_size=16)
    assert pairs.element_spec[0].dtype == tf.uint8
    assert tuple(pairs.element_spec[0].shape) == (None, 9, 8)
    check(({"image": images, **columns} for images, columns in pairs), made)


def test_map_batches_sees_the_same_arrays(made: Shards) -> None:
    def digits(batch: dict[str, Any]) -> dict[str, Any]:
        assert batch["image"].dtype == np.uint8
        assert batch["image"].shape[1:] == (9, 8)
        return {"ink": batch["image"].sum((1, 2), np.int64), "row": batch["row"]}

    mapped = dataset(made).map_batches(digits, batch_format="numpy", batch_size=10)
    found = in_order(mapped.iter_batches(batch_format="numpy"))
    assert same_bits(found["ink"], made.images.sum((1, 2), np.int64))


@pytest.mark.parametrize("name", [name for name in FORMATS if "channel" not in name])
def test_converted_is_what_batches_deliver(name: str, made: Shards) -> None:
    split = idxdata.Split(made.images, made.labels)
    plan = Plan(len(split), len(split), seed=0, order="sequential")
    expected = idxdata.Batches(split, plan, format=FORMATS[name]).batch(0, 0)
    mapped = dataset(made).map_batches(
        adapter.convert(FORMATS[name]), batch_format="numpy", batch_size=16
    )
    found = in_order(mapped.iter_batches(batch_size=13, batch_format="numpy"))
    assert same_bits(found["image"], expected.images)
    assert same_bits(found["label"], expected.labels)


def test_convert_other_columns_and_none(made: Shards) -> None:
    convert = adapter.convert(columns=("x", "y"))
    images, labels = made.images[:3], made.labels[:3]
    batch = {"x": images, "y": labels, "z": labels}
    split = idxdata.Split(images, labels)
    pixels, numbers = split.to_numpy(layout="stored")
    found = convert(batch)
    assert list(found) == ["x", "y", "z"]
    assert same_bits(found["x"], pixels)
    assert same_bits(found["y"], numbers)
    assert found["z"] is labels
    assert list(convert({"x": images})) == ["x"]
    empty = convert({"x": images[:0], "y": labels[:0]})
    assert (empty["x"].shape, empty["x"].dtype) == ((0, 9, 8), np.float32)
    assert (empty["y"].shape, empty["y"].dtype) == ((0,), np.int64)


def test_a_conversion_that_cannot_be(made: Shards, tmp_path: Path) -> None:
    path = write(tmp_path / "a", made.images.astype("i2"))

    def converted() -> Any:
        convert = adapter.convert(BatchFormat())
        return adapter.read_idx(str(path)).map_batches(convert, batch_format="numpy")

    with pytest.raises(UserCodeException, match="expected uint8, found int16"):
        converted().materialize()
    context = ray.data.DataContext.get_current()
    context.raise_original_map_exception = True
    try:
        with pytest.raises(DatasetError) as caught:
            converted().materialize()
    finally:
        context.raise_original_map_exception = False
    assert caught.value.expected == "uint8"


@ray.remote
class Trainer:
    """One of several that train: it sees its part only."""

    def read(self, part: Any, epochs: int) -> list[list[dict[str, Any]]]:
        return [
            [
                {name: column.numpy() for name, column in batch.items()}
                for batch in part.iter_torch_batches(batch_size=8)
            ]
            for _ in range(epochs)
        ]


@pytest.mark.parametrize("equal", [False, True])
def test_streaming_split_gives_each_worker_its_part(equal: bool, made: Shards) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("pydantic")
    parts = dataset(made).streaming_split(2, equal=equal)
    trainers = [Trainer.options(num_cpus=0).remote() for _ in parts]  # type: ignore[attr-defined]
    read = [
        trainer.read.remote(part, 2)
        for trainer, part in zip(trainers, parts, strict=True)
    ]
    for epoch in zip(*ray.get(read), strict=True):
        batches = [batch for part in epoch for batch in part]
        if not equal:
            check(batches, made)
            continue
        found = in_order(batches)  # the odd row of 97 is left out
        assert len(found["row"]) == 96
        assert same_bits(found["image"], made.images[found["row"]])
        assert same_bits(found["label"], made.labels[found["row"]])
