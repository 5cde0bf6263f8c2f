"""Batches: right rows, right bits, and memory that is never overwritten too early."""

import gc
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idxdata import (
    Augmentation,
    Batches,
    BatchFormat,
    Dataset,
    DatasetError,
    Plan,
    PlanError,
    Split,
    batch_digest,
    service_time,
)
from idxdata.buffers import ALIGNMENT


def make(dataset: Dataset, batch_size: int = 64, **options: Any) -> Batches:
    plan = Plan(len(dataset.train), batch_size, seed=3)
    return Batches(dataset.train, plan, **options)


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


def test_fresh_batches_have_memory_of_their_own(small_dataset: Dataset) -> None:
    batches = make(small_dataset, fresh=True)
    for batch in batches.epoch(0):
        assert batch.images.ctypes.data % ALIGNMENT == 0
    kept = [batch.images.ctypes.data for batch in list(batches.epoch(0))]
    assert len(set(kept)) == batches.num_steps
    assert batches.digest(0) == make(small_dataset).digest(0)


def test_indices_are_the_plans(small_dataset: Dataset) -> None:
    for batch in make(small_dataset).epoch(1):
        rows = batch.indices
        assert np.array_equal(rows, make(small_dataset).plan.indices(1, batch.step))
        assert np.array_equal(small_dataset.train.labels[rows], batch.labels)
        assert batch.mask is None


def test_padded_batches_have_a_mask(small_dataset: Dataset) -> None:
    plan = Plan(300, 64, seed=3, last_batch="pad")
    *whole, last = Batches(small_dataset.train, plan).epoch(0)
    assert [len(batch.labels) for batch in (*whole, last)] == [64] * 5
    for batch in whole:
        assert batch.mask is not None and batch.mask.all()
    assert last.mask is not None
    assert last.mask.tolist() == [True] * 44 + [False] * 20


@pytest.mark.parametrize("batch_size", [1, 7, 64, 300, 1000])
@pytest.mark.parametrize("start_step", [0, 1, 4])
def test_a_pass_may_begin_anywhere(
    batch_size: int, start_step: int, small_dataset: Dataset
) -> None:
    batches = make(small_dataset, batch_size)
    start = min(start_step, batches.num_steps)
    steps = [(batch.epoch, batch.step) for batch in batches.epoch(2, start)]
    assert steps == [(2, step) for step in range(start, batches.num_steps)]


@pytest.mark.parametrize("start_step", [-1, 6])
def test_a_pass_cannot_begin_outside(start_step: int, small_dataset: Dataset) -> None:
    with pytest.raises(PlanError):
        next(make(small_dataset).epoch(0, start_step))


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("batch_size", [7, 300])
def test_prefetching_changes_nothing(
    batch_size: int, fresh: bool, small_dataset: Dataset
) -> None:
    plain = make(small_dataset, batch_size)
    ahead = make(small_dataset, batch_size, prefetch=True, fresh=fresh)
    for epoch, start in ((0, 0), (0, 1), (3, plain.num_steps)):
        pairs = zip(plain.epoch(epoch, start), ahead.epoch(epoch, start), strict=True)
        for one, two in pairs:
            assert (one.epoch, one.step) == (two.epoch, two.step)
            assert np.array_equal(one.images, two.images)
            assert np.array_equal(one.labels, two.labels)


def test_a_prefetching_pass_can_be_left(small_dataset: Dataset) -> None:
    batches = make(small_dataset, prefetch=True)
    threads = threading.active_count()
    for batch in batches.epoch(0):
        if batch.step == 1:
            break
    del batch
    gc.collect()
    assert threading.active_count() == threads
    assert batches.state()["step"] == 2


def test_an_error_in_the_thread_reaches_the_consumer(
    small_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = make(small_dataset, prefetch=True)
    passing = batches.epoch(0)
    next(passing)

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(batches._gatherer, "fill_unchecked", fail)
    with pytest.raises(MemoryError):
        list(passing)


def test_threads_may_ask_at_once(small_dataset: Dataset) -> None:
    batches = make(small_dataset)
    steps = [(epoch, step) for epoch in range(20) for step in range(5)]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda where: batches.batch(*where), steps))
    for (epoch, step), batch in zip(steps, made, strict=True):
        assert np.array_equal(batch.images, batches.batch(epoch, step).images)


def test_time_in_the_service_is_measured(small_dataset: Dataset) -> None:
    batches = make(small_dataset)
    for batch in batches.epoch(4):
        if batch.step == 2:
            time.sleep(0.05)
    measured = batches.time
    assert (measured.epoch, measured.num_batches) == (4, 5)
    assert measured.total_s >= 0.05
    assert 0 < measured.service_s <= measured.total_s - 0.05
    assert measured.share == measured.service_s / measured.total_s
    assert next(batches.epoch(0)).step == 0
    assert batches.time.num_batches == 1


def test_the_clock_is_read_before_and_after_each_batch(
    small_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = make(small_dataset)
    ticks = iter(range(1000))
    monkeypatch.setattr(service_time, "clock", lambda: next(ticks))
    assert len(list(batches.epoch(0))) == 5
    # 0 at the beginning, then 1-2, 3-4, ... 9-10, and 11 where it ends.
    assert batches.time == service_time.EpochTime(0, 5, 5.0, 11.0)


def test_digest_is_of_the_delivered_bytes(small_dataset: Dataset) -> None:
    batches = make(small_dataset, 128)
    split = small_dataset.train
    pairs = []
    for step in range(3):
        rows = batches.plan.indices(0, step)
        images = split.images[rows].astype(np.float32) / np.float32(255)
        pairs.append((images, split.labels[rows].astype(np.int64)))
    assert batches.digest(0) == batch_digest(pairs)
    assert batches.digest(1) != batches.digest(0)


FORMATS = {
    "bytes": BatchFormat(pixels="uint8", labels="int32"),
    "flat": BatchFormat(layout="flat"),
    "nchw": BatchFormat(pixels="standard", mean=0.1307, std=0.3081, layout="nchw"),
    "one-hot": BatchFormat(layout="nhwc", labels="one_hot", num_classes=10),
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats(name: str, small_dataset: Dataset) -> None:
    batches = make(small_dataset, format=FORMATS[name])
    for batch in batches.epoch(0):
        count = len(batch.indices)
        assert batch.images.shape == (count, *batches.image_shape)
        assert batch.labels.shape == (count, *batches.label_shape)
        assert batch.images.dtype == batches.image_dtype
        assert batch.labels.dtype == batches.label_dtype
        stored = small_dataset.train.images[batch.indices]
        pixels = stored.astype(np.float32) / np.float32(255)
        if name == "nchw":
            pixels = (pixels - np.float32(0.1307)) / np.float32(0.3081)
        if name == "bytes":
            pixels = stored
        assert np.array_equal(batch.images.ravel(), pixels.ravel())
        numbers = batch.labels.argmax(axis=1) if name == "one-hot" else batch.labels
        assert np.array_equal(numbers, small_dataset.train.labels[batch.indices])


def test_augmented_images_depend_on_seed_epoch_and_row_only(
    small_dataset: Dataset,
) -> None:
    augmentation = Augmentation(shift=2.0, rotate=10.0)
    seen = {}
    for batch_size, ranks in ((7, 1), (64, 2), (300, 3)):
        for rank in range(ranks):
            plan = Plan(300, batch_size, seed=3, rank=rank, num_ranks=ranks)
            batches = Batches(small_dataset.train, plan, augmentation=augmentation)
            for batch in batches.epoch(1):
                for row, image in zip(batch.indices, batch.images, strict=True):
                    first = seen.setdefault(int(row), image.copy())
                    assert np.array_equal(first, image)
    assert len(seen) == 300


def test_last_batch_is_short_or_dropped(small_dataset: Dataset) -> None:
    sizes = [len(batch.labels) for batch in make(small_dataset, 128).epoch(0)]
    assert sizes == [128, 128, 44]
    plan = Plan(300, 128, seed=3, last_batch="drop")
    dropped = Batches(small_dataset.train, plan)
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
    options = {"format": FORMATS["nchw"], "prefetch": True, "fresh": True}
    batches = make(small_dataset, **options, augmentation=Augmentation(shift=1.0))
    batches.batch(0, 0)
    again = pickle.loads(pickle.dumps(batches))
    assert again.digest(1) == batches.digest(1)
    assert {name: getattr(again, name) for name in options} == options
    assert again.augmentation == batches.augmentation


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


@pytest.mark.parametrize("label", [10, 3000, -1, -100_000, 10**9])
def test_labels_changed_since_they_were_checked(label: int) -> None:
    labels = np.arange(100) % 10
    split = Split(np.zeros((100, 4, 4), np.uint8), labels)
    form = BatchFormat(labels="one_hot", num_classes=10)
    batches = Batches(split, Plan(100, 50, seed=0), format=form)
    batches.batch(0, 0)
    labels[:] = label
    with pytest.raises(DatasetError) as caught:
        batches.batch(0, 0)
    assert caught.value.expected == "0 to 9"
    assert str(label) in str(caught.value.found)


@pytest.mark.parametrize(
    ("place", "wrong"), [(0, None), (0, "dataset"), (1, 4), (2, "unit"), (3, {})]
)
def test_arguments_of_another_type(
    place: int, wrong: Any, small_dataset: Dataset
) -> None:
    arguments: list[Any] = [small_dataset.train, Plan(300, 64, seed=0), None, None]
    arguments[place] = small_dataset if wrong == "dataset" else wrong
    split, plan, form, augmentation = arguments
    with pytest.raises(TypeError, match="expected a"):
        Batches(split, plan, format=form, augmentation=augmentation)


@pytest.mark.parametrize("epoch", [1.0, "0", -1, 2**64])
def test_a_pass_of_no_epoch(epoch: Any, small_dataset: Dataset) -> None:
    with pytest.raises(PlanError):
        next(make(small_dataset).epoch(epoch))


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
