"""State and restore: what remained comes, all of it and nothing else."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import (
    Augmentation,
    Batches,
    BatchFormat,
    Dataset,
    DatasetError,
    Plan,
    PlanError,
    Split,
)

RANDOM = np.random.default_rng(1)
IMAGES = RANDOM.integers(0, 256, (50, 4, 4), dtype=np.uint8)
LABELS = RANDOM.integers(0, 10, 50, dtype=np.uint8)


def make(batch_size: int = 8, **options: Any) -> Batches:
    """Options are the plan's, but for those of `Batches`."""
    kept = {"prefetch", "augmentation", "format"} & options.keys()
    rest = {name: options.pop(name) for name in kept}
    plan = Plan(50, batch_size, **({"seed": 5} | options))
    return Batches(Split(IMAGES, LABELS), plan, **rest)


def walk(batches: Batches, epochs: int, most: int = 10**6) -> list[tuple[Any, ...]]:
    seen = []
    for batch in batches.stream(epochs):
        seen.append((batch.epoch, batch.step, batch.indices.tolist()))
        if len(seen) == most:
            break
    return seen


@given(stop=st.integers(0, 21), batch_size=st.integers(1, 60), prefetch=st.booleans())
def test_what_remained_comes(stop: int, batch_size: int, prefetch: bool) -> None:
    whole = walk(make(batch_size), 3)
    before = make(batch_size, prefetch=prefetch)
    first = walk(before, 3, stop) if stop else []
    state = json.loads(json.dumps(before.state()))
    after = make(batch_size)
    after.restore(state)
    assert first + walk(after, 3) == whole
    assert walk(after, 3) == []


def test_a_state_is_five_plain_values() -> None:
    batches = make()
    assert len(walk(batches, 3, 9)) == 9
    state = batches.state()
    assert state["data"] == batches.split.digest
    assert {key: state[key] for key in ("seed", "epoch", "step")} == {
        "seed": 5,
        "epoch": 1,
        "step": 2,
    }
    assert all(type(state[key]) is int for key in ("seed", "epoch", "step"))
    assert set(state) == {"seed", "epoch", "step", "data", "order"}


def test_numpy_numbers_make_a_plain_state() -> None:
    batches = make()
    next(iter(batches.epoch(np.int64(2), np.int64(3))))  # type: ignore[arg-type]
    assert json.loads(json.dumps(batches.state()))["step"] == 4


def test_a_finished_epoch_is_the_next_ones_start() -> None:
    batches = make()
    assert len(list(batches.epoch(6))) == batches.num_steps
    assert (batches.state()["epoch"], batches.state()["step"]) == (7, 0)


def test_every_rank_has_the_same_state_at_any_number_of_ranks() -> None:
    """Three ranks stop; two go on with what they left."""
    states = []
    for rank in range(3):
        batches = make(12, rank=rank, num_ranks=3, last_batch="drop")
        walk(batches, 1, 2)
        states.append(batches.state())
    assert states[0] == states[1] == states[2]
    rest = {}
    for rank in range(2):
        batches = make(12, rank=rank, num_ranks=2, last_batch="drop")
        batches.restore(states[0])
        for _, step, rows in walk(batches, 1):
            rest.setdefault(step, []).extend(rows)
    alone = make(12, last_batch="drop")
    alone.restore(states[0])
    assert [rest[step] for step in sorted(rest)] == [
        rows for _, _, rows in walk(alone, 1)
    ]


def test_another_format_may_go_on() -> None:
    batches = make()
    walk(batches, 1, 3)
    other = make(format=BatchFormat(pixels="uint8", layout="nchw"))
    other.restore(batches.state())
    assert next(other.stream(1)).step == 3


def test_no_augmentation_and_one_that_changes_nothing_are_the_same() -> None:
    make(augmentation=Augmentation()).restore(make().state())
    make().restore(make(augmentation=Augmentation()).state())


@pytest.mark.parametrize("dtype", ["i8", "u8", "u2", ">i8"])
def test_labels_of_dtypes_that_idx_lacks_have_a_state(dtype: str) -> None:
    labels = LABELS.astype(dtype)
    batches = Batches(Split(IMAGES, labels), Plan(50, 8, seed=5))
    batches.restore(batches.state())
    changed = labels.copy()
    changed[7] += 1
    other = Batches(Split(IMAGES, changed), Plan(50, 8, seed=5))
    with pytest.raises(DatasetError):
        other.restore(batches.state())


def test_the_last_epoch_has_a_state() -> None:
    batches = make()
    assert len(list(batches.epoch(2**64 - 1))) == batches.num_steps
    again = make()
    again.restore(batches.state())
    assert list(again.stream(2**64)) == []


def test_a_pass_within_a_stream_does_not_lead_it_astray() -> None:
    batches, seen = make(), []
    for batch in batches.stream(3):
        seen.append((batch.epoch, batch.step))
        if batch.step in (0, batches.num_steps - 1):
            list(batches.epoch(7))
    assert seen == [(epoch, step) for epoch in range(3) for step in range(7)]


@pytest.mark.parametrize("epochs", ["2", 1.5, -1, None])
def test_a_stream_of_no_number_of_epochs(epochs: Any) -> None:
    with pytest.raises(PlanError):
        next(make().stream(epochs))


def test_other_data_is_refused(small_dataset: Dataset) -> None:
    state = make().state()
    changed = IMAGES.copy()
    changed[49, 3, 3] ^= 1
    labels = LABELS.copy()
    labels[0] ^= 1
    for split in (Split(changed, LABELS), Split(IMAGES, labels)):
        batches = Batches(split, Plan(50, 8, seed=5))
        walk(batches, 1, 2)
        with pytest.raises(DatasetError) as caught:
            batches.restore(state)
        assert caught.value.found == state["data"]
        assert caught.value.expected == f"the SHA-256 {split.digest}"
        # It stands where it stood.
        assert batches.state()["step"] == 2


OTHERS = {
    "seed": make(seed=6),
    "batch size": make(9),
    "order": make(order="sequential"),
    "last batch": make(last_batch="drop"),
    "augmentation": make(augmentation=Augmentation(shift=1.0)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_plan_is_refused(name: str) -> None:
    with pytest.raises(PlanError):
        OTHERS[name].restore(make().state())
    with pytest.raises(PlanError):
        make().restore(OTHERS[name].state())


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": -1},
        {"epoch": 2**64 + 1},
        {"epoch": "1"},
        {"epoch": 1.0},
        {"step": 7},
        {"step": -1},
        {"step": None},
        {"step": True},
        {"seed": True},
        {"seed": "5"},
        {"order": ""},
        {"more": 1},
    ],
)
def test_an_unsound_state_is_refused(change: dict[str, Any]) -> None:
    batches = make(seed=1)
    with pytest.raises(PlanError):
        batches.restore(batches.state() | change)


@pytest.mark.parametrize("state", [None, [], "{}", {}, {"seed": 5}])
def test_no_state_at_all(state: Any) -> None:
    with pytest.raises(PlanError):
        make().restore(state)
