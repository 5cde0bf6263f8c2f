"""PyTorch: loaders with workers of every kind, examples, pinned memory."""

import ctypes
import json
import pickle
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest

from idxdata import Batches, BatchFormat, DatasetError, Plan, load
from tests.adapting import (
    Case,
    adapter,
    as_numpy,
    digest,
    digest_from,
    random_split,
    run_child,
)

torch = pytest.importorskip("torch")
from torch.utils.data import ConcatDataset, DataLoader, Subset

torch_adapter = adapter("torch")

# In a process without TensorFlow and JAX, whose threads do not survive a fork.
WORKERS = """
import json, multiprocessing, sys, warnings
warnings.simplefilter("error")
from torch.utils.data import DataLoader
from idxdata import Augmentation
from tests.adapting import Case, adapter, as_numpy, digest
adapter = adapter("torch")

def main():
    context = sys.argv[1]
    multiprocessing.set_forkserver_preload(["idxdata.adapters.torch"])
    options = dict(num_workers=2, multiprocessing_context=context)
    batches = Case("unit", 1, 2).batches(augmentation=Augmentation(shift=1))
    batches.restore(batches.state() | {"epoch": 1, "step": 2})
    dataset = adapter.dataset(batches, 4)
    loader = DataLoader(dataset, batch_size=None, persistent_workers=True, **options)
    expected = digest(as_numpy(adapter.dataset(batches, 4)))
    walks = [as_numpy(loader) for _ in range(2)]
    split = Case("unit").batches().split
    examples = adapter.examples(split)
    sampler = [[3, 1, 99], [], [4], list(range(100))]
    loader = DataLoader(
        examples, batch_sampler=sampler, collate_fn=adapter.collate, **options
    )
    found = as_numpy(loader)
    print(json.dumps({
        "lengths": [len(walk) for walk in walks],
        "same": [digest(walk) == expected for walk in walks],
        "examples": digest(found) == digest(as_numpy((examples.__getitems__(rows).columns for rows in sampler))),
        "rows": [len(images) for images, _ in found],
    }))

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("context", ["fork", "forkserver", "spawn"])
def test_two_workers(context: str, tmp_path: Path) -> None:
    script = tmp_path / "workers.py"
    script.write_text(WORKERS)
    found = json.loads(run_child(str(script), context))
    assert found == {
        "lengths": [13, 13],
        "same": [True, True],
        "examples": True,
        "rows": [3, 0, 1, 100],
    }


def test_loader_without_workers() -> None:
    batches = Case("unit").batches()
    loader = DataLoader(torch_adapter.dataset(batches, 2), batch_size=None)
    assert len(loader) == 10
    kept = list(loader)
    assert batches._images.num_blocks == 10
    assert digest(as_numpy(kept[:5])) == batches.digest(0)
    assert digest(as_numpy(kept[5:])) == batches.digest(1)


def test_parts_of_workers_are_the_whole() -> None:
    # Three workers and two batches: one has nothing to do.
    for epochs in (0, 1, 2):
        walk = torch_adapter.dataset(Case("unit").batches(), epochs)._walk
        parts = [
            [(b.epoch, b.step) for b in walk.part(worker, 3)] for worker in range(3)
        ]
        whole = [(b.epoch, b.step) for b in walk]
        dealt = [parts[k % 3][k // 3] for k in range(len(whole))]
        assert dealt == whole
        assert sum(map(len, parts)) == len(whole)


@pytest.mark.parametrize("collate", [torch_adapter.collate, None])
@pytest.mark.parametrize("labels", ["int64", "one_hot"])
def test_examples(collate: Any, labels: Any) -> None:
    split = random_split(100, 9, 8)
    classes = 10 if labels == "one_hot" else None
    form = BatchFormat(layout="nchw", labels=labels, num_classes=classes)
    batches = Batches(split, Plan(100, 24, seed=5), format=form)
    examples = torch_adapter.examples(split, form)
    assert len(examples) == 100
    sampler = [batches.plan.indices(1, step).tolist() for step in range(5)]
    found = as_numpy(DataLoader(examples, batch_sampler=sampler, collate_fn=collate))
    assert digest(found) == batches.digest(1)
    image, label = examples[7]
    assert image.shape == (1, 9, 8)
    assert (image.numpy()[0] == split.images[7] / np.float32(255)).all()
    assert (label.numpy().argmax() if classes else label) == split.labels[7]
    assert torch.equal(examples[-1][0], examples[99][0])
    for row in (-101, 100):
        with pytest.raises(IndexError):
            examples[row]
    for row in (1.7, "1", None):
        with pytest.raises(TypeError):
            examples[row]
        with pytest.raises(TypeError):
            examples.__getitems__([row])
    with pytest.raises(TypeError, match="Subset"):
        examples[1:3]
    with pytest.raises(DatasetError):
        torch_adapter.examples(split, BatchFormat(labels="one_hot", num_classes=3))


def test_memory_of_examples_goes_round_and_is_never_overwritten() -> None:
    examples = torch_adapter.examples(random_split(100, 9, 8))
    kept = [examples.__getitems__([k, 99 - k]).columns for k in range(100)]
    fresh = torch_adapter.examples(random_split(100, 9, 8))
    for k, (images, labels) in enumerate(kept):
        again = fresh.__getitems__([k, 99 - k]).columns
        assert torch.equal(images, again[0])
        assert torch.equal(labels, again[1])
    del again
    assert fresh._images.num_blocks <= 2


def test_single_examples_hold_no_memory_of_large_batches() -> None:
    examples = torch_adapter.examples(random_split(100, 9, 8))
    large = examples.__getitems__(range(100)).columns
    examples[0]
    tracemalloc.start()
    try:
        kept = [examples[k] for k in range(100)]
        # A large batch takes 29 kB; an image 300 bytes, and the objects over it 1 kB.
        assert tracemalloc.get_traced_memory()[0] < 500_000
    finally:
        tracemalloc.stop()
    assert torch.equal(torch.stack([image for image, _ in kept]), large[0])


def test_collate_takes_what_any_loader_makes() -> None:
    split, collate = random_split(100, 9, 8), torch_adapter.collate
    examples = torch_adapter.examples(split)
    first, second = (Subset(examples, range(50 * k, 50 * k + 50)) for k in (0, 1))
    options = {"batch_size": 30, "collate_fn": collate}
    expected = list(DataLoader(examples, **options))
    for dataset in (ConcatDataset([first, second]), Subset(examples, range(100))):
        found = list(DataLoader(dataset, **options))
        assert {type(batch) for batch in found} == {tuple}
        assert digest(as_numpy(found)) == digest(as_numpy(expected))
    single = list(DataLoader(examples, batch_size=None, collate_fn=collate))
    assert len(single) == 100
    assert torch.equal(torch.stack([image for image, _ in single[:30]]), expected[0][0])
    # For DataLoader, by mypy: a function of list[Any].
    assert get_type_hints(collate)["batch"] == Sequence[Any]


def test_datasets_of_mapped_data_are_pickled_as_paths(mnist_folder: Path) -> None:
    split = load(mnist_folder).test
    batches = Batches(split, Plan(10_000, 128, seed=1))
    datasets = torch_adapter.dataset(batches, 2), torch_adapter.examples(split)
    for dataset in datasets:
        assert len(pickle.dumps(dataset)) < 10_000
    walk, examples = (pickle.loads(pickle.dumps(dataset)) for dataset in datasets)
    assert digest(as_numpy(walk)[:79]) == batches.digest(0)
    assert torch.equal(examples[5][0], datasets[1][5][0])


class FakeEvent:
    """Of a copy that ends when the test says so."""

    ended = 0

    def __init__(self, number: int) -> None:
        self.number = number

    def query(self) -> bool:
        return self.number < FakeEvent.ended

    def synchronize(self) -> None:
        FakeEvent.ended = max(FakeEvent.ended, self.number + 1)


@pytest.mark.parametrize("lag", [0, 1, 2, 100])
def test_copies_to_a_device_read_memory_that_stays(
    lag: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without a GPU: "copies" are made when their event ends, from what is there then.
    sources: list[tuple[Any, ...]] = []
    made: list[tuple[Any, ...]] = []
    pinned: list[int] = []
    batches = Case("unit").batches()

    def end_copies(stop: int) -> None:
        for number in range(len(made), min(stop, len(sources))):
            made.append(tuple(part.clone() for part in sources[number]))
            sources[number] = ()

    class Event(FakeEvent):
        def synchronize(self) -> None:
            super().synchronize()
            end_copies(self.number + 1)

    def pinned_bytes(nbytes: int) -> Any:
        pinned.append(nbytes)
        return bytearray(nbytes)

    def copy_to(tensors: tuple[Any, ...], device: Any) -> tuple[Any, Any]:
        assert device == torch.device("cuda")
        # Addresses only, as a device has them.
        views = [np.ctypeslib.as_array(_pointer(part), part.shape) for part in tensors]
        sources.append(tuple(map(torch.from_numpy, views)))
        return tensors[:0], Event(len(sources) - 1)

    FakeEvent.ended = 0
    monkeypatch.setattr(torch_adapter, "check_device", lambda _: None)
    monkeypatch.setattr(torch_adapter, "pinned_bytes", pinned_bytes)
    monkeypatch.setattr(torch_adapter, "copy_to", copy_to)
    for step, _ in enumerate(torch_adapter.tensors(batches, 1, device="cuda")):
        assert batches.position == ((1, step + 1) if step < 4 else (2, 0))
        FakeEvent.ended = max(FakeEvent.ended, step + 1 - lag)
        end_copies(FakeEvent.ended)
    assert len(made) == 5
    assert digest(as_numpy(made)) == digest_from(Case("unit").batches(), 1)
    assert len(pinned) <= 2 * (min(lag, torch_adapter.MAX_COPIES) + 2)
    _check_no_more_is_pinned(batches, pinned)


def _check_no_more_is_pinned(batches: Batches, pinned: list[int]) -> None:
    before = len(pinned)
    kept = [list(batches.epoch(0)) for _ in range(2)]
    assert len(kept[0]) == len(kept[1]) == 5
    assert len(pinned) == before


@pytest.mark.parametrize("prefetch", [False, True])
@pytest.mark.parametrize("fault", ["left", "no memory", "no copy"])
def test_copies_that_end_early_leave_the_batches_as_they_were(
    fault: str, prefetch: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = Case("unit").batches(prefetch=prefetch)
    pinned: list[int] = []

    def pinned_bytes(nbytes: int) -> Any:
        pinned.append(nbytes)
        if fault == "no memory":
            raise RuntimeError(fault)
        return bytearray(nbytes)

    def copy_to(tensors: tuple[Any, ...], device: Any) -> tuple[Any, Any]:
        if fault == "no copy":
            raise RuntimeError(fault)
        return tensors, FakeEvent(0)

    monkeypatch.setattr(torch_adapter, "check_device", lambda _: None)
    monkeypatch.setattr(torch_adapter, "pinned_bytes", pinned_bytes)
    monkeypatch.setattr(torch_adapter, "copy_to", copy_to)
    walk = torch_adapter.tensors(batches, 0, device="cuda")
    if fault == "left":
        next(walk)
        walk.close()
    else:
        with pytest.raises(RuntimeError, match=fault):
            next(walk)
    assert pinned
    _check_no_more_is_pinned(batches, pinned)


@pytest.mark.skipif(torch.cuda.is_available(), reason="has CUDA")
def test_a_device_that_is_not_there_is_refused_at_the_call() -> None:
    batches = Case("unit").batches()
    for make in (torch_adapter.tensors, torch_adapter.resident):
        options = {"epoch": 0} if make is torch_adapter.tensors else {}
        with pytest.raises((AssertionError, RuntimeError), match="(?i)cuda"):
            make(batches, device="cuda", **options)
    assert len(list(batches.epoch(0))) == 5


def _pointer(tensor: Any) -> Any:
    kind = {torch.float32: ctypes.c_float, torch.int32: ctypes.c_int32}[tensor.dtype]
    return ctypes.cast(tensor.data_ptr(), ctypes.POINTER(kind))


def test_other_devices() -> None:
    batches = Case("unit").batches()
    shapes = [images.shape for images, _ in torch_adapter.tensors(batches, 0)]
    pairs = list(torch_adapter.tensors(batches, 0, device="meta"))
    assert [images.shape for images, _ in pairs] == shapes
    assert {tensor.device.type for pair in pairs for tensor in pair} == {"meta"}
    assert digest(as_numpy(torch_adapter.tensors(batches, 0, device="cpu"))) == (
        batches.digest(0)
    )


def test_every_byte_on_the_device() -> None:
    split = random_split(256, 1, 1)
    plan = Plan(256, 256, seed=0, order="sequential")
    ((images, _),) = torch_adapter.resident(Batches(split, plan)).tensors(0)
    rule = np.arange(256, dtype=np.float32) / np.float32(255)
    assert (images.numpy().ravel() == rule).all()
