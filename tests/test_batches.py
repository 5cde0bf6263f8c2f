"""Batches: right rows, right bits, and memory that is never overwritten too early."""

import gc
import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import Batches, Dataset, DatasetError, Plan, PlanError, Split, batch_digest
from idxdata.buffers import ALIGNMENT, BufferRing


def make(dataset: Dataset, batch_size: int = 64, **options: bool) -> Batches:
    plan = Plan(len(dataset.train), batch_size, seed=3, **options)  # type: ignore[arg-type]
    return Batches(dataset.train, plan)


def test_rows_and_bits_are_numpys(small_dataset: Dataset) -> None:
    batches = make(small_dataset)
    split = small_dataset.train
    for batch in batches.epoch(2):
        rows = batches.plan.indices(2, batch.step)
        # A float32 division, not a multiplication by 1/255.
        assert np.array_equal(
            batch.images, split.images[rows].astype(np.float32) / np.float32(255)
        )
        assert np.array_equal(batch.labels, split.labels[rows])
        assert (batch.images.dtype, batch.labels.dtype) == (np.float32, np.int64)
        assert batch.epoch == 2
        assert batch.images.flags.c_contiguous
        assert batch.images.flags.writeable


def test_every_byte_value_is_divided() -> None:
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    split = Split(images, np.zeros(1, np.uint8))
    batch = Batches(split, Plan(1, 1, seed=0)).batch(0, 0)
    assert np.array_equal(
        batch.images.ravel(), np.arange(256, dtype=np.float32) / np.float32(255)
    )


def test_kept_batches_are_not_overwritten(small_dataset: Dataset) -> None:
    batches = make(small_dataset)
    kept = list(batches.epoch(0))
    views = [batch.images[1:3, ::2] for batch in batches.epoch(0)]
    gc.collect()
    for _ in batches.epoch(1):
        pass
    for batch, view in zip(kept, views, strict=True):
        again = batches.batch(0, batch.step)
        assert np.array_equal(batch.images, again.images)
        assert np.array_equal(batch.labels, again.labels)
        assert np.array_equal(view, again.images[1:3, ::2])


def test_a_loop_goes_round_few_blocks(small_dataset: Dataset) -> None:
    batches = make(small_dataset, 7)
    addresses = {batch.images.ctypes.data for batch in batches.epoch(0)}
    assert batches.num_steps > 40
    assert len(addresses) <= 3


@given(
    steps=st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=40)
)
def test_ring_hands_out_no_block_twice(steps: list[tuple[int, bool]]) -> None:
    # A model: whoever holds an array, or a view of one, finds his own number in it.
    ring = BufferRing((6, 5), np.int64)
    held: dict[int, np.ndarray] = {}
    for number, (place, as_view) in enumerate(steps):
        array = ring.take((3, 5))
        array[...] = number  # type: ignore[assignment]
        assert array.ctypes.data % ALIGNMENT == 0
        held[place] = array.reshape(-1)[2:9] if as_view else array
        del array
        for kept in held.values():
            assert len(np.unique(kept)) == 1
    assert ring.num_blocks <= len(held) + 1


def test_digest_is_of_the_delivered_bytes(small_dataset: Dataset) -> None:
    batches = make(small_dataset, 128)
    digest = hashlib.sha256()
    for step in range(3):
        rows = batches.plan.indices(0, step)
        digest.update(len(rows).to_bytes(8, "little"))
        images = small_dataset.train.images[rows].astype("<f4") / np.float32(255)
        digest.update(images.tobytes())
        digest.update(small_dataset.train.labels[rows].astype("<i8").tobytes())
    assert batches.digest(0) == digest.hexdigest()
    assert batches.digest(1) != batches.digest(0)


def test_digest_refuses_other_dtypes() -> None:
    images, labels = np.zeros((1, 2), np.float32), np.zeros(1, np.int64)
    with pytest.raises(TypeError):
        batch_digest([(images.astype(np.float64), labels)])
    with pytest.raises(TypeError):
        batch_digest([(images, labels.astype(">i4"))])


def test_last_batch_is_short_or_dropped(small_dataset: Dataset) -> None:
    sizes = [len(batch.labels) for batch in make(small_dataset, 128).epoch(0)]
    assert sizes == [128, 128, 44]
    dropped = make(small_dataset, 128, drop_last=True)
    assert [len(batch.labels) for batch in dropped.epoch(0)] == [128, 128]


def test_one_batch_larger_than_the_split(small_dataset: Dataset) -> None:
    (batch,) = make(small_dataset, 1000).epoch(0)
    assert len(batch.labels) == 300


@pytest.mark.parametrize("kind", ["strided", "read-only", "fortran", ">i4 labels"])
def test_any_array_layout(small_dataset: Dataset, kind: str) -> None:
    images, labels = small_dataset.train.images, small_dataset.train.labels
    expected = make(small_dataset).digest(0)
    if kind == "strided":
        wide = np.zeros((300, 28, 56), np.uint8)
        wide[:, :, ::2] = images
        images = wide[:, :, ::2]
    elif kind == "read-only":
        images = images.copy()
        images.flags.writeable = False
    elif kind == "fortran":
        images = np.asfortranarray(images)
    else:
        labels = labels.astype(">i4")
    batches = Batches(Split(images, labels), Plan(300, 64, seed=3))
    assert batches.digest(0) == expected


def test_rows_of_any_rank() -> None:
    flat = Split(np.ones((5, 7), np.uint8), np.arange(5))
    assert Batches(flat, Plan(5, 2, seed=0)).batch(0, 0).images.shape == (2, 7)
    colour = Split(np.ones((5, 4, 4, 3), np.uint8), np.arange(5))
    assert Batches(colour, Plan(5, 2, seed=0)).batch(0, 0).images.shape == (2, 4, 4, 3)


def test_pickled_batches_give_the_same(small_dataset: Dataset) -> None:
    batches = make(small_dataset)
    batches.batch(0, 0)
    assert pickle.loads(pickle.dumps(batches)).digest(1) == batches.digest(1)


def test_mismatches_are_refused(small_dataset: Dataset) -> None:
    with pytest.raises(PlanError) as plan_error:
        Batches(small_dataset.train, Plan(299, 64, seed=0))
    assert (plan_error.value.expected, plan_error.value.found) == (300, 299)
    split = small_dataset.train
    with pytest.raises(DatasetError) as dataset_error:
        Batches(
            Split(split.images.astype(np.int16), split.labels), Plan(300, 1, seed=0)
        )
    assert (dataset_error.value.expected, dataset_error.value.found) == (
        "uint8",
        "int16",
    )
    with pytest.raises(PlanError):
        make(small_dataset).batch(0, 5)


def test_real_batches(mnist_folder: Path) -> None:
    from idxdata import load

    train = load("mnist", folder=mnist_folder).train
    batches = Batches(train, Plan(len(train), 128, seed=1))
    # Every image once an epoch: each byte's sum is the file's.
    total = sum(
        int(np.rint(b.images * 255).sum(dtype=np.int64)) for b in batches.epoch(0)
    )
    assert total == int(train.images.sum(dtype=np.int64))
    assert batches.num_steps == 469
