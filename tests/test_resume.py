"""Killed and resumed, a run ends with the bits of one that was left alone."""

import io
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from idxdata import Dataset, Split
from tests.training import SMALL, options, stripes
from trainers import timing
from trainers.checkpoints import read_checkpoint, read_weights, save_checkpoint
from trainers.commands.live import Live
from trainers.errors import CheckpointError
from trainers.inference import predict_probabilities
from trainers.layers import AveragePool, Conv, Dense, Dropout, Flatten, MaxPool
from trainers.loops import LOOPS
from trainers.recipes import RECIPES, Recipe
from trainers.run import run
from trainers.session import Session

ROOT = Path(__file__).parents[1]


def need(loop: str) -> None:
    for package in {LOOPS[loop].adapter, *(["keras"] if LOOPS[loop].backend else [])}:
        pytest.importorskip(package)


@contextmanager
def child(*runs: dict[str, Any]) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.training", *map(json.dumps, runs)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def kill(given: dict[str, Any], chance: random.Random) -> None:
    """Run until a moment by chance, and kill."""
    wanted = chance.randint(2, 15)
    count = 0
    with child(given) as process:
        assert process.stdout is not None
        for line in process.stdout:
            count += '"event": "checkpoint"' in line
            if count == wanted:
                time.sleep(chance.random() * 0.01)
                break
    # On a busy machine it may come to its end before it is killed.
    assert process.returncode in (-9, 0)


def records(*runs: dict[str, Any]) -> list[dict[str, Any]]:
    with child(*runs) as process:
        stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr[-2000:]
    events = [json.loads(x) for x in stdout.splitlines() if x.startswith('{"event"')]
    return [event["record"] for event in events if event["event"] == "record"]


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
@pytest.mark.long
@pytest.mark.parametrize(
    ("loop", "kills", "precision"),
    [
        ("torch-eager", 2, "float32"),
        ("tf-function", 1, "float32"),
        ("jax-jit", 1, "float64"),
    ],
)
def test_killed_and_resumed(
    loop: str, kills: int, precision: str, tmp_path: Path
) -> None:
    need(loop)
    chance = random.Random()
    given = {"loop": loop, "precision": precision, "validation": 3, "epochs": 6}
    kept = given | {
        "checkpoint_folder": str(tmp_path),
        "checkpoint_s": 0,
        "resume": True,
    }
    for _ in range(kills):
        kill(kept, chance)
    resumed, alone = records(kept, given)
    assert len(resumed["resumed_at"]) == kills
    assert resumed["losses"] == alone["losses"]
    assert resumed["final_weights"] == alone["final_weights"]
    assert resumed["validation"] == alone["validation"]
    for name in ("metrics", "last_metrics", "digests"):
        assert resumed[name] == alone[name], name
    untimed = ("mean_loss", "test_accuracy", "validation_loss", "validation_accuracy")
    for a, b in zip(resumed["epochs"], alone["epochs"], strict=True):
        assert [a[name] for name in untimed] == [b[name] for name in untimed]


NATIVE = replace(
    SMALL,
    layers=(
        Conv(3, 3, "relu", "same"),
        MaxPool(2),
        Dropout(0.3, masks="native"),
        Flatten(),
        Dense(8, "relu"),
        Dropout(0.5, masks="native"),
        Dense(3, "softmax"),
    ),
)


class Stop(BaseException):
    """What no one catches."""


@pytest.mark.parametrize(
    ("recipe", "loop", "stops"),
    [
        *((SMALL, "torch-eager", number) for number in range(1, 25, 5)),
        *((NATIVE, "torch-eager", number) for number in (3, 17)),
        # Epochs of `fit` are whole: first checkpoint, epoch 0, its checkpoint, epoch 1.
        (SMALL, "keras-tf", 4),
    ],
)
def test_stopped_at_any_event(
    recipe: Recipe,
    loop: str,
    stops: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    need(loop)
    monkeypatch.setattr(timing, "TICK_S", 0.0)
    given = options(recipe=recipe, loop=loop, epochs=2, validation=5)
    kept = replace(given, checkpoint_folder=tmp_path, checkpoint_s=0.0, resume=True)
    left = stops

    def stop(event: dict[str, Any]) -> None:
        nonlocal left
        left -= event["event"] in ("checkpoint", "epoch")
        if not left:
            raise Stop

    with pytest.raises(Stop):
        run(kept, stop)
    resumed, alone = run(kept, lambda _: None), run(given, lambda _: None)
    assert resumed.losses == alone.losses
    assert resumed.final_weights == alone.final_weights
    assert resumed.validation == alone.validation
    assert resumed.metrics == alone.metrics


def test_other_circumstances_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    given = options(epochs=1, checkpoint_folder=tmp_path, resume=True)
    run(given, lambda _: None)
    events: list[dict[str, Any]] = []
    run(given, events.append)
    assert events[0]["event"] == "start"
    monkeypatch.setattr(torch, "__version__", "9.9[/]")
    run(replace(given, num_threads=2), events.append)
    (warning,) = (event for event in events if event["event"] == "warning")
    assert "threads 1, now 2; torch" in warning["text"]
    assert "now 9.9[/]: " in warning["text"]
    # Shown as it is, and what is not known too.
    file = io.StringIO()
    with Live(Console(file=file, width=200), is_fold=False) as live:
        for event in (warning, {"event": "row", "x": "[b]"}, {"event": "record"}):
            live(event)
    lines = file.getvalue().splitlines()
    assert lines == [f"warning: {warning['text']}", '{"event": "row", "x": "[b]"}']


def test_a_checkpoint_of_two_places_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    given = options(epochs=2, checkpoint_folder=tmp_path, resume=True)
    facts = Session(given, stripes(), lambda _: None).facts
    run(given, lambda _: None)
    made = read_checkpoint(tmp_path / "last.npz", facts)
    moved = made.state | {"step": made.state["step"] - 1}
    save_checkpoint(tmp_path / "last.npz", replace(made, state=moved))
    with pytest.raises(
        CheckpointError, match="optimiser's step.*expected 26, found 25"
    ):
        run(given, lambda _: None)


CNN = replace(
    SMALL,
    layers=(
        Conv(3, 3, "relu", "same"),
        MaxPool(2),
        Conv(4, 2, "tanh"),
        AveragePool(1),
        Flatten(),
        Dense(3, "softmax"),
    ),
)


def large_stripes() -> Dataset:
    """Images of (24, 20), for built-in recipes."""

    def enlarged(split: Split) -> Split:
        return Split(split.images.repeat(4, 1).repeat(4, 2), split.labels)

    data = stripes(64)
    return Dataset(data.name, enlarged(data.train), enlarged(data.test), data.classes)


@pytest.mark.parametrize(
    ("recipe", "data"),
    [
        (SMALL, stripes()),
        (CNN, stripes()),
        (replace(RECIPES["cnn-5x5"], batch_size=16), large_stripes()),
    ],
    ids=["dense", "convolutions", "cnn-5x5"],
)
def test_trained_in_one_judged_in_another(
    recipe: Recipe, data: Dataset, tmp_path: Path
) -> None:
    loops = ("torch-eager", "tf-function", "keras-tf", "jax-jit")
    for loop in loops:
        need(loop)
    images = data.test.images
    for trained in loops:
        folder = tmp_path / trained
        given = options(recipe=recipe, data=data, loop=trained, epochs=1)
        run(replace(given, checkpoint_folder=folder), lambda _: None)
        found_recipe, weights = read_weights(folder / "last.npz")
        shares = [
            predict_probabilities(found_recipe, weights, judged, images)
            for judged in loops
        ]
        assert np.ptp(shares[0], axis=0).min() > 0.05  # not the same for all images
        for other in shares[1:]:
            np.testing.assert_allclose(other, shares[0], rtol=0, atol=1e-6)
