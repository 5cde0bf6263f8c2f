"""Runs, whole: what they tell, what they keep, and how they fail."""

import json
import math
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idxdata import Batches, BatchFormat, Dataset, Fold, Plan, Split, write_idx
from tests.training import SMALL, options, stripes
from trainers import timing
from trainers.checkpoints import Checkpoint, RunFacts, read_weights
from trainers.errors import (
    CheckpointError,
    DeviceError,
    DivergedError,
    LoopError,
    RecipeError,
)
from trainers.folder import RunFolder
from trainers.inference import predict_probabilities
from trainers.layers import Conv, Dense, Dropout, Flatten
from trainers.monitor import Monitor
from trainers.optimizers import SGD
from trainers.options import RunOptions
from trainers.run import run
from trainers.stopping import Best, better, is_over, mean_cross_entropy
from trainers.weights import initial_weights

torch = pytest.importorskip("torch")


@pytest.fixture
def events() -> list[dict[str, Any]]:
    return []


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["event"] for event in events]


def test_a_run_tells_what_it_does(events: list[dict[str, Any]]) -> None:
    record = run(options(), events.append)
    assert kinds(events) == ["start", *["progress", "epoch"] * 3, "record"]
    assert events[-1]["record"] == asdict(record)
    assert json.loads(json.dumps(events)) == events
    start, progress, epoch = events[:3]
    assert (start["epochs"], start["steps"], start["resumed_at"]) == (3, 13, None)
    assert (progress["epoch"], progress["step"], progress["steps"]) == (0, 13, 13)
    assert progress["loss"] == epoch["mean_loss"]
    assert 0 < progress["data_share"] < 1
    assert progress["examples_per_s"] > 0
    assert events[5]["eta_s"] == 0 < progress["eta_s"]
    assert len(record.losses) == 39
    sizes = [16] * 12 + [8]
    for number, entry in enumerate(record.epochs):
        losses = record.losses[number * 13 : number * 13 + 13]
        assert entry.mean_loss == pytest.approx(np.dot(losses, sizes) / 200)
        assert entry.data_s is not None
        parts = entry.data_s + entry.compute_s + entry.loop_s
        assert parts == pytest.approx(entry.total_s)
        assert entry.timed_steps == 13
        assert (entry.validation_loss, entry.validation_accuracy) == (None, None)
    assert record.metrics.accuracy == record.epochs[-1].test_accuracy > 0.9
    assert (record.validation, record.last_metrics) == (None, None)


def test_digests_are_of_what_was_trained_on() -> None:
    data = stripes()
    record = run(options(data=data, seed=3, epochs=2, batch_size=20), lambda _: None)
    plan = Plan(200, 20, seed=3)
    form = BatchFormat(labels="one_hot", num_classes=3)
    assert record.digests.batches == Batches(data.train, plan, format=form).digest(0)
    assert record.digests.data == data.digest
    assert (record.batch_size, len(record.epochs)) == (20, 2)


def test_the_record_says_whether_bits_can_be_compared() -> None:
    layers = (Flatten(), Dropout(0.5, masks="native"), Dense(3, "softmax"))
    for recipe, expected in ((SMALL, True), (replace(SMALL, layers=layers), False)):
        record = run(options(recipe=recipe, epochs=1), lambda _: None)
        assert record.is_bit_comparable is expected


def test_warm_up_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    warm = run(options(epochs=1), lambda _: None)
    monkeypatch.setattr("trainers.run._first_steps", lambda session: 0.0)
    cold = run(options(epochs=1), lambda _: None)
    assert warm.losses == cold.losses
    assert warm.final_weights == cold.final_weights


def test_nothing_is_told_within_timed_regions(
    events: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A clock that only events move: none of their time may be in the record.
    now = 0.0

    def tell(event: dict[str, Any]) -> None:
        nonlocal now
        now += 1.0
        events.append(event)

    monkeypatch.setattr(timing, "TICK_S", 0.0)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now)
    record = run(options(), tell)
    assert kinds(events).count("progress") == 3 * 14
    assert [epoch.total_s for epoch in record.epochs] == [0, 0, 0]


def test_validation_chooses_and_patience_stops(
    events: list[dict[str, Any]], tmp_path: Path
) -> None:
    data = stripes(60, noise=0.6)
    given = options(
        data=data,
        validation=4,
        patience=2,
        epochs=60,
        seed=5,
        checkpoint_folder=tmp_path / "run",
    )
    record = run(given, events.append)
    losses = [epoch.validation_loss for epoch in record.epochs]
    chosen = record.validation
    assert chosen is not None
    assert chosen.best_epoch == int(np.argmin(losses))
    assert chosen.best_loss == min(losses)
    assert len(losses) == chosen.best_epoch + 3 < 60
    assert chosen.stopped_early
    assert kinds(events)[-2] == "stopped"
    is_best = [event["is_best"] for event in events if event["event"] == "epoch"]
    assert is_best == [losses[i] == min(losses[: i + 1]) for i in range(len(losses))]
    # The best weights are in the file, and what is judged: by another way.
    recipe, best = read_weights(tmp_path / "run" / "best.npz")
    held_out = Fold(4, 0, seed=5, part="held_out").rows(np.arange(15), 60)
    assert chosen.num_examples == 15
    found = predict_probabilities(
        recipe, best, "torch-eager", data.train.images[held_out]
    )
    right = found[np.arange(15), data.train.labels[held_out]]
    assert -np.log(right).mean() == pytest.approx(chosen.best_loss, rel=1e-5)
    test = predict_probabilities(recipe, best, "torch-eager", data.test.images)
    accuracy = float((test.argmax(1) == data.test.labels).mean())
    assert record.metrics.accuracy == accuracy
    assert record.last_metrics is not None
    assert record.last_metrics.accuracy == record.epochs[-1].test_accuracy
    assert json.loads((tmp_path / "run" / "record.json").read_text()) == asdict(record)
    # Resumed, it stays where it stopped.
    again = run(replace(given, resume=True), events.append)
    assert again.losses == record.losses
    assert again.validation == chosen
    assert again.metrics == record.metrics


def test_the_test_split_chooses_nothing(tmp_path: Path) -> None:
    data = stripes(60, noise=0.6)
    blank = Split(np.zeros_like(data.test.images), data.test.labels[::-1].copy())
    records = [
        run(options(data=given, validation=4, patience=2, epochs=30), lambda _: None)
        for given in (data, Dataset("x", data.train, blank, data.classes))
    ]
    assert records[0].losses == records[1].losses
    assert records[0].validation == records[1].validation


@pytest.mark.parametrize(
    ("losses", "patience", "epochs"),
    [
        ([3, 2, 1], 1, 3),
        ([3, 2, 2, 1], 1, 3),  # as good is not better
        ([3, 2, 2, 1], 2, 4),
        ([1, 2, 3, 4], 3, 4),
        ([1, 2, 3, 4], None, 4),
    ],
)
def test_patience(losses: list[float], patience: int | None, epochs: int) -> None:
    best, done = None, 0
    for number, loss in enumerate(losses):
        if is_over(best, number, patience):
            break
        best, done = better(best, number, loss), number + 1
    assert done == epochs
    first = losses.index(min(losses[:epochs]))
    assert best == Best(first, losses[first])


def test_cross_entropy_by_definition() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (7, 4)).astype(np.float32)
    labels = np.arange(7, dtype=np.uint8) % 4
    shares = np.exp(logits.astype(np.float64))
    shares /= shares.sum(axis=1, keepdims=True)
    expected = -np.log(shares[np.arange(7), labels]).mean()
    assert mean_cross_entropy(logits, labels) == pytest.approx(expected, rel=1e-14)
    extreme = np.array([[1e4, 0]], np.float32)
    assert mean_cross_entropy(extreme, np.array([1])) == 1e4


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_stops(
    bad: float,
    events: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from trainers.loops import torch_loop

    seen = 0

    def spoiled(losses: list[Any]) -> list[float]:
        nonlocal seen
        values = torch.stack(losses).tolist()
        seen += len(values)
        # One is the warm-up's.
        return [*values[:-1], bad] if seen - 1 >= 17 else values

    monkeypatch.setattr(timing, "TICK_S", 0.0)
    monkeypatch.setattr(torch_loop, "to_floats", spoiled)
    with pytest.raises(DivergedError) as caught:
        run(options(checkpoint_folder=tmp_path, checkpoint_s=0), events.append)
    error = caught.value
    assert (error.epoch, error.step) == (1, 3)
    saved = [event for event in events if event["event"] == "checkpoint"][-1]
    assert (saved["epoch"], saved["step"]) == (1, 3)
    assert f"{tmp_path / 'last.npz'}, before epoch 1, step 3" in str(error)
    monkeypatch.undo()
    again = run(options(checkpoint_folder=tmp_path, resume=True), lambda _: None)
    assert again.resumed_at == [(1, 3)]
    assert again.losses == run(options(), lambda _: None).losses


def test_weights_that_burst_stop_the_run(tmp_path: Path) -> None:
    recipe = replace(SMALL, layers=(Flatten(), Dense(4, "relu"), Dense(3, "softmax")))
    recipe = replace(recipe, optimizer=SGD(3.4e38))
    with pytest.raises(DivergedError) as caught:
        run(options(recipe=recipe, checkpoint_folder=tmp_path), lambda _: None)
    assert (caught.value.epoch, caught.value.step) == (0, 1)
    assert "before epoch 0, step 0" in str(caught.value)
    _, weights = read_weights(tmp_path / "last.npz")
    assert all(np.isfinite(array).all() for array in weights.values())
    # After the very last step no loss comes that could tell.
    last = replace(recipe, batch_size=200, epochs=1, optimizer=SGD(3.4e38))
    with pytest.raises(DivergedError) as caught:
        run(options(recipe=last), lambda _: None)
    assert (caught.value.epoch, caught.value.step) == (0, 0)
    assert "what the model says after epoch 0, step 0" in str(caught.value)


def test_weights_that_are_no_numbers_are_not_kept(tmp_path: Path) -> None:
    facts = RunFacts(SMALL, "torch-eager", 0, "float32", 0, "d")
    weights = initial_weights(SMALL, 0)
    folder = RunFolder(tmp_path, facts)
    place: dict[str, Any] = {"epoch": 0, "step": 1, "batches": {}, "epochs": []}
    good = Checkpoint(
        facts,
        weights,
        {},
        losses=np.ones(1),
        best=None,
        resumed_at=[],
        made_with={},
        **place,
    )
    assert folder.save(good) is not None
    before = (tmp_path / "last.npz").read_bytes()
    burst = weights | {"1.bias": np.full(8, np.inf, np.float32)}
    assert folder.save(replace(good, weights=burst, step=2)) is None
    assert (tmp_path / "last.npz").read_bytes() == before
    assert "before epoch 0, step 1" in str(folder.hint())


def test_the_first_bad_loss_is_named() -> None:
    monitor = Monitor(
        4, 10, np.full(30, 2), 0, on_event=lambda _: None, hint=lambda: None
    )
    monitor([1.0, 2.0], [2, 2])
    with pytest.raises(DivergedError) as caught:
        monitor([1.0, 2.0, 3.0, math.nan, math.inf], [2] * 5)
    assert (caught.value.epoch, caught.value.step) == (4, 13)


def test_a_folder_that_holds_a_run_is_left_alone(tmp_path: Path) -> None:
    given = options(epochs=1, checkpoint_folder=tmp_path / "new" / "run")
    run(given, lambda _: None)
    before = (tmp_path / "new" / "run" / "last.npz").read_bytes()
    with pytest.raises(CheckpointError, match="holds another run"):
        run(given, lambda _: None)
    for change in ({"seed": 1}, {"precision": "float64"}, {"batch_size": 5}):
        with pytest.raises(CheckpointError, match="of another"):
            run(replace(given, resume=True, **change), lambda _: None)
    assert (tmp_path / "new" / "run" / "last.npz").read_bytes() == before
    done = run(replace(given, resume=True), lambda _: None)
    assert done.resumed_at == [(1, 0)]
    (tmp_path / "new" / "run" / "last.npz").write_bytes(before[:-100])
    with pytest.raises(CheckpointError, match=re.escape("last.npz")):
        run(replace(given, resume=True), lambda _: None)


def test_without_a_checkpoint_resume_begins(tmp_path: Path) -> None:
    given = options(epochs=1, checkpoint_folder=tmp_path, resume=True)
    assert run(given, lambda _: None).resumed_at == []


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    large = replace(
        SMALL,
        image_shape=(28, 28),
        layers=(Conv(2, 7), Flatten(), Dense(3, "softmax")),
    )
    with pytest.raises(RecipeError, match=r"images of \(6, 5\)"):
        run(options(recipe=large), lambda _: None)
    for stem in ("train", "t10k"):
        write_idx(tmp_path / f"{stem}-images-idx3-ubyte", stripes().train.images)
        labels = stripes().train.labels + (9 if stem == "t10k" else 0)
        write_idx(tmp_path / f"{stem}-labels-idx1-ubyte", labels.astype(np.uint8))
    with pytest.raises(ValueError, match="label out of range"):
        run(options(data=tmp_path), lambda _: None)
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError):
            run(options(device="cuda"), lambda _: None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"epochs": 0}, "epochs"),
        ({"batch_size": True}, "batch_size"),
        ({"num_threads": 0}, "num_threads"),
        ({"precision": "float16"}, "float32, float64"),
        ({"device": "tpu"}, "cpu, cuda"),
        ({"validation": 1}, "validation"),
        ({"patience": 2}, "needs a validation part"),
        ({"patience": 0, "validation": 2}, "patience"),
        ({"resume": True}, "checkpoint folder"),
        ({"checkpoint_s": math.nan}, "checkpoint_s"),
    ],
)
def test_options_are_checked(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        options(**changes)


def test_an_unknown_loop_is_refused() -> None:
    with pytest.raises(LoopError, match="torch-eager"):
        RunOptions(recipe=SMALL, loop="torch")


def test_two_runs_at_once_in_one_folder(tmp_path: Path) -> None:
    def run_another(event: dict[str, Any]) -> None:
        if event["event"] == "start":
            with pytest.raises(CheckpointError, match="another run is under way"):
                run(options(checkpoint_folder=tmp_path, seed=9), lambda _: None)

    run(options(checkpoint_folder=tmp_path, epochs=1), run_another)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"last.npz", "record.json"}
