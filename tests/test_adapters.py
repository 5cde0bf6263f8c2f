"""Every framework gets the same bits in the same order, whatever way they come in."""

import json
from typing import Any

import numpy as np
import pytest

from idxdata import Augmentation, Batches, BatchFormat, Plan, PlanError
from idxdata.plan import indices_digest
from tests.adapting import (
    FORMATS,
    FRAMEWORKS,
    Case,
    Pairs,
    adapter,
    as_numpy,
    digest,
    digest_from,
    random_split,
)

for framework in FRAMEWORKS:
    pytest.importorskip(framework)

RANKS = [(0, 1), (0, 2), (1, 2), (2, 3)]
WAYS = ("tensors", "dataset", "resident")


def restored(batches: Batches, epoch: int, step: int) -> Batches:
    """By a state that has been through JSON, as that of an ended run."""
    epoch, step = epoch + step // batches.num_steps, step % batches.num_steps
    state = batches.state() | {"epoch": epoch, "step": step}
    batches.restore(json.loads(json.dumps(state)))
    return batches


def one_epoch(framework: str, way: str, batches: Batches, step: int = 0) -> Pairs:
    """Epoch 2 from a step on."""
    module = adapter(framework)
    match way:
        case "tensors":
            return as_numpy(module.tensors(batches, 2, step))
        case "dataset":
            return as_numpy(module.dataset(restored(batches, 2, step), 3))
        case "resident":
            return as_numpy(module.resident(batches).tensors(2, step))
    raise AssertionError(way)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("format", FORMATS)
def test_an_epoch_is_the_same_bits(framework: str, way: str, format: str) -> None:
    batches = Case(format).batches()
    pairs = one_epoch(framework, way, batches)
    assert len(pairs) == batches.num_steps == 5
    for images, labels in pairs:
        assert images.shape[1:] == batches.image_shape
        assert labels.shape[1:] == batches.label_shape
        assert (images.dtype, labels.dtype) == (
            batches.image_dtype,
            batches.label_dtype,
        )
    assert digest(pairs) == batches.digest(2)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("rank", "num_ranks"), RANKS)
@pytest.mark.parametrize("step", [0, 1, 4, 5])
def test_ranks_and_resume_points(
    framework: str, way: str, rank: int, num_ranks: int, step: int
) -> None:
    batches = Case("unit", rank, num_ranks).batches()
    pairs = one_epoch(framework, way, batches, step)
    assert len(pairs) == 5 - step
    assert digest(pairs) == digest_from(batches, 2, step)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("way", WAYS)
def test_ranks_together_are_the_global_batches(framework: str, way: str) -> None:
    whole = one_epoch(framework, way, Case("unit").batches())
    for num_ranks in (2, 3):
        parts = [
            one_epoch(framework, way, Case("unit", rank, num_ranks).batches())
            for rank in range(num_ranks)
        ]
        joined = [
            tuple(np.concatenate(arrays) for arrays in zip(*batch, strict=True))
            for batch in zip(*parts, strict=True)
        ]
        assert digest(joined) == digest(whole)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("format", ["unit", "one mean"])
def test_plans_that_pad_give_a_mask_in_every_step(
    framework: str, way: str, format: str
) -> None:
    batches = Case(format, 1, 3, "pad").batches()
    triples = one_epoch(framework, way, batches, 1)
    masks = [mask for _, _, mask in triples]
    assert [mask.dtype for mask in masks] == [np.bool_] * 4
    assert [mask.tolist() for mask in masks] == [[True] * 8] * 3 + [[False] * 8]
    assert digest(triples) == digest_from(batches, 2, 1)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_datasets_go_on_through_epochs_and_start_again(framework: str) -> None:
    batches = restored(Case("unit").batches(), 1, 3)
    dataset = adapter(framework).dataset(batches, 4)
    assert len(dataset) == 2 + 5 + 5
    for _ in range(2):
        pairs = as_numpy(dataset)
        assert digest(pairs[:2]) == digest_from(batches, 1, 3)
        assert digest(pairs[2:7]) == batches.digest(2)
        assert digest(pairs[7:]) == batches.digest(3)
    # Another number of epochs, which have all passed:
    assert as_numpy(adapter(framework).dataset(restored(batches, 1, 3), 1)) == []


@pytest.mark.parametrize("framework", ["numpy", "torch", "jax"])
def test_a_batch_counts_when_it_is_handed_out(framework: str) -> None:
    batches = Case("unit").batches()
    taken = iter(adapter(framework).dataset(batches, 2))
    for expected in [(0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (1, 1)]:
        next(taken)
        assert batches.position == expected
    # What remains is what another run gives that starts from this state.
    other = Case("unit").batches()
    other.restore(batches.state())
    rest = as_numpy(adapter(framework).dataset(other, 2))
    assert digest(rest) == digest_from(batches, 1, 1) == digest(as_numpy(taken))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_epochs_digest_of_indices_is_the_consumers_too(framework: str) -> None:
    # The bytes of a row tell its number here: image i is i as two bytes.
    numbers = np.arange(100)
    split = random_split(100, 1, 2)
    split.images[:, 0, 0], split.images[:, 0, 1] = numbers % 16, numbers // 16
    batches = Batches(split, Plan(100, 24, seed=5), format=FORMATS["bytes"])
    seen = [
        images[:, 0, 0, 0] + images[:, 0, 0, 1] * np.int64(16)
        for images, _ in as_numpy(adapter(framework).tensors(batches, 3))
    ]
    assert indices_digest(seen) == batches.plan.digest(3)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_augmented_batches(framework: str) -> None:
    batches = Case("unit").batches(augmentation=Augmentation(shift=2, rotate=10))
    plain = Case("unit").batches()
    assert batches.digest(2) != plain.digest(2)
    for way in ("tensors", "dataset"):
        assert digest(one_epoch(framework, way, batches)) == batches.digest(2)
    if framework != "numpy":
        with pytest.raises(PlanError) as caught:
            adapter(framework).resident(batches)
        assert caught.value.what == "augmented batches cannot be made on a device"
    unchanged = Case("unit").batches(augmentation=Augmentation())
    pairs = one_epoch(framework, "resident", unchanged)
    assert digest(pairs) == plain.digest(2)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("options", [{"prefetch": True}, {"fresh": True}])
def test_options_of_batches(framework: str, way: str, options: dict[str, Any]) -> None:
    batches = Case("unit").batches(**options)
    assert digest(one_epoch(framework, way, batches)) == batches.digest(2)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_no_such_epoch_or_step(framework: str) -> None:
    batches = Case("unit").batches()
    for epoch, step in ((-1, 0), (0, -1), (0, 6)):
        with pytest.raises(PlanError):
            next(iter(adapter(framework).tensors(batches, epoch, step)))
        with pytest.raises(PlanError):
            next(iter(adapter(framework).resident(batches).tensors(epoch, step)))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_half_an_epoch_is_refused_at_the_call(framework: str) -> None:
    batches = Case("unit").batches()
    for epochs in ("2", 1.5, None):
        with pytest.raises(TypeError):
            adapter(framework).dataset(batches, epochs)
    assert len(adapter(framework).dataset(batches, np.int64(2))) == 10


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_many_classes_need_no_square_of_them(framework: str) -> None:
    # Their square would be 4 TB of float32.
    form = BatchFormat(labels="one_hot", num_classes=10**6)
    split, plan = random_split(4, 2, 2), Plan(4, 2, seed=1)
    batches = Batches(split, plan, format=form)
    for way in WAYS:
        pairs = one_epoch(framework, way, batches)
        assert digest(pairs) == batches.digest(2)


def test_numpy_is_on_no_other_device() -> None:
    with pytest.raises(ValueError, match="not on 'cuda'"):
        adapter("numpy").resident(Case("unit").batches(), "cuda")
