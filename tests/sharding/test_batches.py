"""Batches of a sharded split are those of the same data in one file, to the bit."""

import json
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idxdata import (
    Augmentation,
    Batches,
    BatchFormat,
    Fold,
    Plan,
    Split,
    Stratified,
)
from idxdata.gathering import Gatherer
from idxdata.sharding import maps
from tests.adapting import MEANS, STDS, random_split
from tests.sharding.making import Both, both, even

GREY, COLOURED = random_split(90, 6, 5), random_split(70, 4, 5, 3)

FORMS: tuple[dict[str, Any], ...] = (
    {},
    {"pixels": "uint8", "labels": "int32"},
    {"pixels": "standard", "mean": 0.1, "std": 0.3},
    {"layout": "nchw", "labels": "one_hot", "num_classes": 10},
    {"layout": "flat", "pixels": "uint8"},
    {"layout": "nhwc"},
)
COLOURED_FORMS = (
    *FORMS,
    {"pixels": "standard", "mean": MEANS, "std": STDS, "layout": "nchw"},
    {"pixels": "uint8", "layout": "nchw"},
)
AUGMENTATIONS = (
    None,
    Augmentation(shift=2, rotate=20, erase=(0.5, 0.5)),
    Augmentation(elastic=(8, 2), scale=0.1, shear=0.1),
)


def cut(place: Path, split: Split, cuts: Sequence[int]) -> Both:
    return both(Path(tempfile.mkdtemp(dir=place)), split, cuts)


@st.composite
def cuts_of(draw: st.DrawFn, count: int) -> list[int]:
    return [0, *sorted(draw(st.lists(st.integers(0, count), max_size=12))), count]


@settings(max_examples=40)
@given(st.data())
def test_any_cuts_give_the_digest_of_one_file(place: Path, data: st.DataObject) -> None:
    coloured = data.draw(st.booleans())
    split = COLOURED if coloured else GREY
    pair = cut(place, split, data.draw(cuts_of(len(split))))
    form = data.draw(st.sampled_from(COLOURED_FORMS if coloured else FORMS))
    options = {
        "format": BatchFormat(**form),
        "augmentation": data.draw(st.sampled_from(AUGMENTATIONS)),
        "prefetch": data.draw(st.booleans()),
    }
    plan = Plan(
        len(split),
        data.draw(st.integers(1, 30)) * 2,
        seed=data.draw(st.integers(0, 2**64 - 1)),
        last_batch=data.draw(st.sampled_from(("drop", "pad"))),
    )
    num_ranks = data.draw(st.sampled_from((1, 2)))
    if plan.num_steps == 0:
        return
    for rank in range(num_ranks):
        own = plan.with_rank(rank, num_ranks)
        one, many = (
            Batches(part, own, **options) for part in (pair.whole, pair.sharded)
        )
        for epoch in (0, 3):
            assert many.digest(epoch) == one.digest(epoch)


@settings(max_examples=20)
@given(st.data())
def test_a_state_goes_from_one_file_to_shards_and_back(
    place: Path, data: st.DataObject
) -> None:
    pair = cut(place, GREY, data.draw(cuts_of(len(GREY))))
    plan = Plan(90, 8, seed=3, order=Stratified.by(GREY.labels))
    stop = data.draw(st.integers(1, 30))
    for parts in ((pair.whole, pair.sharded), (pair.sharded, pair.whole)):
        before, after = (Batches(part, plan) for part in parts)
        stream = before.stream(3)
        for _ in range(stop):
            next(stream)
        after.restore(json.loads(json.dumps(before.state())))
        rest, again = list(stream), list(after.stream(3))
        assert [batch.step for batch in rest] == [batch.step for batch in again]
        for batch, other in zip(rest, again, strict=True):
            assert np.array_equal(batch.images, other.images)
            assert np.array_equal(batch.labels, other.labels)


@given(st.data())
def test_slices_keep_their_own_rows(place: Path, data: st.DataObject) -> None:
    pair = cut(place, GREY, data.draw(cuts_of(len(GREY))))
    rows = data.draw(st.slices(len(GREY)).filter(lambda rows: len(GREY.labels[rows])))
    one, many = pair.whole[rows], pair.sharded[rows]
    assert many.digest == one.digest
    plan = Plan(len(one), 7, seed=1)
    options = {"augmentation": AUGMENTATIONS[1]}
    assert Batches(many, plan, **options).digest(1) == Batches(  # type: ignore[arg-type]
        one,
        plan,
        **options,  # type: ignore[arg-type]
    ).digest(1)


@pytest.mark.parametrize("room", [0, 2])
@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_where_no_more_may_be_mapped(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    room: int,
    augmentation: Augmentation | None,
) -> None:
    pair = both(tmp_path, GREY, [0, 10, 10, 40, 55, 90])
    most = len(maps.FileMap.live) + room
    monkeypatch.setattr(maps, "max_maps", lambda: most)
    plan = Plan(90, 16, seed=1)
    one, many = (
        Batches(part, plan, augmentation=augmentation)
        for part in (pair.whole, pair.sharded)
    )
    assert many.digest(0) == one.digest(0)
    assert pair.images.num_mapped == room


def test_compressed_shards(tmp_path: Path) -> None:
    pair = both(tmp_path, GREY, even(90, 4), suffix=".gz")
    plan = Plan(90, 16, seed=1, subset=Fold(3, 0, seed=1, part="train"))
    one, many = Batches(pair.whole, plan), Batches(pair.sharded, plan)
    assert pair.images.num_mapped == 0
    assert many.digest(0) == one.digest(0)
    assert pair.images.num_mapped == 4


def test_a_batch_maps_what_it_has_rows_of(tmp_path: Path) -> None:
    pair = both(tmp_path, GREY, even(90, 45))
    plan = Plan(90, 6, seed=1, order="sequential")
    batches = Batches(pair.sharded, plan)
    assert pair.images.num_mapped == 0
    batches.batch(0, 1)
    assert pair.images.num_mapped == 3


def test_threads_that_touch_the_same_shards_at_once(tmp_path: Path) -> None:
    expected = Batches(GREY, Plan(90, 90, seed=1)).batch(0, 0).images
    for number in range(5):
        pair = both(tmp_path / str(number), GREY, even(90, 90))
        batches = Batches(pair.sharded, Plan(90, 90, seed=1))
        with ThreadPoolExecutor(8) as threads:
            made = list(threads.map(lambda _, b=batches: b.batch(0, 0), range(16)))
        for batch in made:
            assert np.array_equal(batch.images, expected)
        assert pair.images.num_mapped == 90


def test_rows_out_of_range_are_refused(tmp_path: Path) -> None:
    pair = both(tmp_path, GREY, even(90, 4))
    gatherer = Gatherer(pair.sharded, BatchFormat())
    images, labels = np.empty((1, 6, 5), np.float32), np.empty(1, np.int64)
    for row in (-1, 90, 2**62):
        with pytest.raises(IndexError, match=str(row)):
            gatherer.fill(np.array([row]), images, labels, seed=0, epoch=0)


def test_images_of_no_pixels(tmp_path: Path) -> None:
    split = Split(np.empty((9, 0, 4), np.uint8), GREY.labels[:9])
    pair = both(tmp_path, split, even(9, 3))
    plan = Plan(9, 4, seed=1)
    assert Batches(pair.sharded, plan).digest(0) == Batches(split, plan).digest(0)
