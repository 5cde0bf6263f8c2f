"""What loops are fed with: hashed as it is given to them, and timed."""

import importlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from idxdata import Augmentation, Batches, BatchFormat, Fold, Plan
from tests.training import SMALL, options, stripes
from trainers import feeding
from trainers.feeding import Feed
from trainers.loops import find_loop, import_loop
from trainers.run import run
from trainers.session import Session


@pytest.mark.parametrize("loop", ["torch-eager", "keras-tf"])
def test_batches_are_digested_as_they_are_fed(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = find_loop(loop).adapter
    pytest.importorskip(name)
    adapter: Any = importlib.import_module(f"idxdata.adapters.{name}")
    data = stripes(40)
    asked = options(loop=loop, data=data, seed=3)
    feed = Session(asked, data, lambda _: None).feed
    feed.train.restore(feed.state(2, 1))
    before = feed.train.state()
    form = BatchFormat(labels="one_hot", num_classes=3)
    given = Batches(data.train, Plan(40, 16, seed=3), format=form).digest(0)
    assert feed.tensor_digest() == given
    assert feed.train.state() == before
    fed = {"torch-eager": "tensors", "keras-tf": "dataset"}[loop]
    make = getattr(adapter, fed)

    def dark(*args: Any) -> Any:
        pairs = make(*args)
        if fed == "dataset":
            return pairs.map(lambda images, labels: (images * 0, labels))
        return ((images * 0, labels) for images, labels in pairs)

    monkeypatch.setattr(adapter, fed, dark)
    assert feed.tensor_digest() != given


@pytest.mark.parametrize("loop", ["torch-eager", "tf-function", "keras-tf", "jax-jit"])
def test_what_is_trained_on_alone_is_augmented(loop: str) -> None:
    pytest.importorskip(find_loop(loop).adapter)
    data = stripes(40)
    augmentation = Augmentation(shift=1, rotate=30)
    recipe = replace(SMALL, augmentation=augmentation)
    feed = Feed(data, recipe, find_loop(loop), seed=3, validation=4)
    form = BatchFormat(labels="one_hot", num_classes=3)
    plan = Plan(40, 16, seed=3, subset=Fold(4, 0, seed=3, part="train"))
    plain = Batches(data.train, plan, format=form)
    changed = Batches(data.train, plan, format=form, augmentation=augmentation)
    assert feed.tensor_digest() == changed.digest(0) != plain.digest(0)
    assert feed.held_out is not None
    for batches in (feed.test, feed.held_out):
        assert batches.augmentation is None


@pytest.mark.parametrize(
    ("loop", "place"),
    [("torch-eager", "cpu"), ("tf-function", "CPU:0"), ("jax-jit", None)],
)
def test_batches_made_on_a_device_are_the_same_bits(
    loop: str, place: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The device is the CPU here: what a GPU adds is the copying.
    adapter = find_loop(loop).adapter
    pytest.importorskip(adapter)
    monkeypatch.setitem(feeding._GPU, adapter, place)
    data = stripes(40)
    feed = Session(options(loop=loop, data=data, seed=3), data, lambda _: None).feed
    assert feed.tensor_digest("cuda") == feed.tensor_digest("cpu")
    last = feed.num_steps - 1
    made, given = (next(iter(feed.train_pairs(2, last, d))) for d in ("cuda", "cpu"))
    for a, b in zip(made, given, strict=True):
        assert np.array_equal(np.asarray(a), np.asarray(b))
    # The split is copied once, each epoch's order anew.
    assert len(feed._residents) == 1


@pytest.fixture
def moved_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """The process's clock; what is returned moves it on by so many seconds."""
    clock, moved = time.perf_counter, 0.0

    def move(seconds: float) -> None:
        nonlocal moved
        moved += seconds

    monkeypatch.setattr(time, "perf_counter", lambda: clock() + moved)
    return move


@pytest.mark.parametrize("loop", ["torch-eager", "keras-tf"])
def test_all_of_an_epoch_is_timed(
    loop: str, moved_clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(find_loop(loop).adapter)
    train_pairs, init = Feed.train_pairs, Feed.__init__
    module = import_loop(find_loop(loop))
    configure = module.configure

    def slow_pairs(*args: Any) -> Any:
        moved_clock(1e4)
        return train_pairs(*args)

    def slow_init(*args: Any) -> None:
        moved_clock(1e5)
        init(*args)

    def slow_configure(job: Any) -> Any:
        moved_clock(1e6)
        return configure(job)

    monkeypatch.setattr(Feed, "train_pairs", slow_pairs)
    monkeypatch.setattr(Feed, "__init__", slow_init)
    monkeypatch.setattr(module, "configure", slow_configure)
    record = run(options(loop=loop, epochs=2), lambda _: None)
    for epoch in record.epochs:
        assert epoch.total_s == pytest.approx(1e4, rel=0.1)
        assert epoch.loop_s == pytest.approx(1e4, rel=0.1)
    assert record.import_s < 1e4
    assert record.build_s == pytest.approx(1e6, rel=0.01)
