"""`benchmarks.loop_bench`: turns and verdicts with made-up contenders; one small run."""

import gc
import importlib
import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from benchmarks import loop_bench, loop_measure
from benchmarks.child import Row
from benchmarks.handwritten import Handwritten
from benchmarks.loop_cases import LoopCase, run_loop_case
from benchmarks.loop_contenders import (
    BY_HAND,
    KERAS_MODEL,
    OURS,
    Ours,
    give_weights,
    pairs_in_memory,
)
from benchmarks.loop_measure import Side, run_round, start, steps_of_round, timed
from benchmarks.loop_results import FAILED, SLOWER, UNDECIDED, WITHIN, parse_row, tally
from benchmarks.report.loop_report import write_loop_report
from benchmarks.report.loop_tables import failures, form_rows, other_rows, pair_row
from trainers.errors import LoopError, RecipeError
from trainers.loops import LOOPS, import_loop
from trainers.loops.job import Job
from trainers.recipes import RECIPES, find_recipe
from trainers.weights import initial_weights

ROOT = Path(__file__).parents[1]


class Clock:
    """A clock that moves only when a contender trains."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(loop_measure.time, "perf_counter", made)
    return made


class Fake:
    """Takes `first_s` for the first of all steps, then `step_s` for each."""

    def __init__(self, clock: Clock, step_s: float, first_s: float = 0.0) -> None:
        self.num_parameters = 7
        self.clock, self.step_s, self.first_s = clock, step_s, first_s
        self.calls: list[int | str] = []
        self.loss = 2.0

    def reset(self) -> None:
        self.calls.append("reset")

    def train(self, num_steps: int) -> list[float]:
        self.calls.append(num_steps)
        self.clock.now_s += num_steps * self.step_s + self.first_s
        self.first_s = 0.0
        return [self.loss] * num_steps


def nothing() -> None:
    """No framework to wake."""


def test_first_steps_are_timed_apart(clock: Clock) -> None:
    quick, slow = Fake(clock, 0.01, first_s=3.0), Fake(clock, 0.02)
    sides = start({BY_HAND: lambda: quick, OURS: lambda: slow}, nothing)
    assert sides[BY_HAND].first_step_s == pytest.approx(3.01)
    assert sides[OURS].first_step_s == pytest.approx(0.02)
    # The slower one has the round's length.
    assert steps_of_round(sides, 0.5) == 25


def test_a_round_starts_from_the_initial_weights(clock: Clock) -> None:
    fake = Fake(clock, 0.01)
    side = Side(fake)
    run_round(side, 10)
    run_round(side, 10)
    assert fake.calls == ["reset", 1, 10] * 2
    assert side.steps_per_s == pytest.approx([100, 100])
    assert side.last_loss == 2.0
    assert not side.error


def test_no_garbage_is_collected_while_the_clock_runs(clock: Clock) -> None:
    class Looking(Fake):
        def train(self, num_steps: int) -> list[float]:
            assert not gc.isenabled()
            return super().train(num_steps)

    timed(Looking(clock, 0.01), 1)
    assert gc.isenabled()


def test_one_that_fails_leaves_the_other_running(clock: Clock) -> None:
    good, bad = Fake(clock, 0.01), Fake(clock, 0.01)

    def broken() -> Handwritten:
        raise RuntimeError("no such op\nand its whole graph")

    sides = start({BY_HAND: broken, OURS: lambda: good}, nothing)
    assert sides[BY_HAND].error == "RuntimeError: no such op"
    assert steps_of_round(sides, 0.5) == 50
    bad.loss = float("nan")
    sides[BY_HAND] = Side(bad)
    for side in sides.values():
        run_round(side, 5)
    assert "not finite" in sides[BY_HAND].error
    assert not sides[BY_HAND].steps_per_s
    assert len(sides[OURS].steps_per_s) == 1


def test_two_different_models_are_refused(clock: Clock) -> None:
    one, other = Fake(clock, 0.01), Fake(clock, 0.01)
    other.num_parameters += 1
    with pytest.raises(ValueError, match="different numbers of parameters"):
        start({BY_HAND: lambda: one, OURS: lambda: other}, nothing)


def made_row(
    loop: str, ours: list[float], by_hand: list[float], error: str = ""
) -> Row:
    def side(rates: list[float], reason: str = "") -> Row:
        return {"steps_per_s": rates, "first_step_s": 0.25, "error": reason}

    case = {
        "recipe": "mlp-3x100",
        "loop": loop,
        "num_rounds": 5,
        "round_s": 0.5,
        "num_threads": 1,
    }
    sides = {OURS: side(ours, error), BY_HAND: side(by_hand)}
    return {
        "case": case,
        "record": {"flags": {"threads": 1}, "steps_per_round": 12, "sides": sides},
        "environment": {"packages": {"numpy": "2"}},
        "foreign_load": 0.1,
    }


HAND = [100.0, 104.0, 96.0, 101.0, 99.0]
"""Steps/s that vary by more than what is to be found: pairing takes it out."""


def scaled(times: float, noise: float = 0.001) -> list[float]:
    """Of a contender that takes `times` as long for a step, give or take `noise`."""
    signs = (1, -1, 1, -1, 0)
    return [
        rate / times * (1 + sign * noise)
        for rate, sign in zip(HAND, signs, strict=True)
    ]


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        (scaled(0.8), WITHIN),
        (scaled(1.0), WITHIN),
        (scaled(1.02), WITHIN),
        (scaled(1.04), SLOWER),
        (scaled(2.0), SLOWER),
        (scaled(1.03), UNDECIDED),
        (scaled(1.0, noise=0.1), UNDECIDED),
    ],
)
def test_verdicts(ours: list[float], verdict: str) -> None:
    outcome = parse_row(made_row("jax-jit", ours, HAND))
    assert outcome.verdict == verdict
    assert pair_row(outcome)[-1] == verdict
    assert pair_row(outcome)[2] == "12"


@pytest.mark.parametrize(
    ("ours", "error", "status"),
    [
        (scaled(1.0), "", 0),
        (scaled(1.0, noise=0.1), "", 0),
        (scaled(1.04), "", 1),
        ([], "RuntimeError: no such op", 1),
    ],
)
def test_exit_status(ours: list[float], error: str, status: int) -> None:
    """1 of what is slower or failed; what is undecided is no fault."""
    good = made_row("torch-eager", scaled(1.0), HAND)
    assert (
        loop_bench.exit_status([good, made_row("jax-jit", ours, HAND, error)]) == status
    )


def test_other_contenders_are_in_no_verdict() -> None:
    row = made_row("tf-function", scaled(1.0), HAND)
    side = {"steps_per_s": scaled(2.0, 0), "first_step_s": 0.5, "error": ""}
    row["record"]["sides"][KERAS_MODEL] = side
    outcome = parse_row(row)
    assert outcome.verdict == WITHIN
    ((_, _, name, rate, ratio, first),) = other_rows([outcome])
    assert (name, rate, first) == (KERAS_MODEL, "50", "0.50")
    assert ratio == "2.000 (2.000-2.000)"
    assert loop_bench.exit_status([row]) == 0
    side["error"] = "RuntimeError: no such op"
    assert failures([parse_row(row)])


def test_the_grid_takes_12_minutes() -> None:
    cases = [LoopCase(name, loop, 5, 0.2, 2) for name in RECIPES for loop in LOOPS]
    assert sum(case.estimate_s for case in cases) <= 12 * 60


def test_the_ratio_is_of_times() -> None:
    outcome = parse_row(made_row("jax-jit", scaled(2, 0), HAND))
    assert outcome.ratio is not None
    assert outcome.ratio.ratio == pytest.approx(2)
    assert outcome.ours.step_ms == pytest.approx(20)


def test_tables_and_report_with_a_failure(tmp_path: Path) -> None:
    rows = [
        made_row("torch-eager", scaled(1.0), HAND),
        made_row("tf-eager", scaled(12.0), HAND),
        made_row("keras-jax", [], HAND, error="LoopError: [none] of these"),
        {**made_row("jax-jit", [], []), "error": "stopped after 600 s"},
    ]
    outcomes = [parse_row(row) for row in rows]
    assert [o.verdict for o in outcomes] == [WITHIN, SLOWER, FAILED, FAILED]
    assert len(failures(outcomes)) == 3
    assert form_rows(outcomes)[2] == ("keras-jax", "failed (10)")
    assert tally(outcomes).endswith("1 within 3 %, 1 slower, 2 failed.")
    console = Console(width=200, record=True, file=io.StringIO())
    loop_bench.print_loops(rows, console)
    assert "[none] of these" in console.export_text()
    report = write_loop_report(rows, tmp_path / "rows-1.jsonl")
    text = report.read_text()
    assert "| mlp-3x100 | tf-eager |" in text
    assert "stopped after 600 s" in text
    assert (tmp_path / "loops.png").stat().st_size > 1000


FRAMEWORKS = {
    "torch": "torch-eager",
    "tensorflow": "tf-function",
    "keras": "keras-tf",
    "keras_tape": "tf-function",
    "jax": "jax-jit",
}
"""Files of `handwritten`, and the loop each is compared with."""


def made_pairs(file: str, name: str, count: int) -> Any:
    """`count` batches of 8 bright images, as the file's framework has them."""
    random = np.random.default_rng(0)
    steps: list[tuple[Any, Any]] = []
    for _ in range(count):
        images = random.random((8, 28, 28), np.float32)
        labels = random.integers(0, 10, 8, dtype=np.int64)
        is_one_hot = find_recipe(name).has_one_hot_labels
        steps.append(
            (images, np.eye(10, dtype=np.float32)[labels] if is_one_hot else labels)
        )
    if file == "torch":
        import torch

        return [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in steps]
    if file == "jax":
        import jax.numpy as jnp

        return [(jnp.asarray(x), jnp.asarray(y)) for x, y in steps]
    import tensorflow as tf

    if file == "keras":
        stacked = tuple(np.stack(arrays) for arrays in zip(*steps, strict=True))
        return tf.data.Dataset.from_tensor_slices(stacked).repeat()
    return [(tf.constant(x), tf.constant(y)) for x, y in steps]


def made_by_hand(file: str, name: str, num_steps: int) -> Handwritten:
    """With the initial weights of ours; a schedule, and batches, of so many steps."""
    loop = LOOPS[FRAMEWORKS[file]]
    pairs = made_pairs(file, name, num_steps)
    module = importlib.import_module(f"benchmarks.handwritten.{file}")
    made: Handwritten = module.build(name, loop.form, pairs, num_steps)
    recipe = find_recipe(name)
    give_weights(file, made, recipe, initial_weights(recipe, seed=0))
    return made


def made_ours(file: str, name: str, num_steps: int) -> Ours:
    loop = LOOPS[FRAMEWORKS[file]]
    job = Job(find_recipe(name), loop.form, num_steps)
    return Ours(import_loop(loop), job, made_pairs(file, name, num_steps))


# Without what JAX compiles for seconds and other recipes show.
CASES = [
    (file, name)
    for name in RECIPES
    for file in FRAMEWORKS
    if "dropout" not in name and (file != "jax" or name in ("cnn-5x5", "mlp-512"))
]


@pytest.mark.parametrize(("file", "name"), CASES)
def test_losses_by_hand_are_ours(file: str, name: str) -> None:
    """So weights, model, loss, optimiser and a rate that falls by a third a step are."""
    by_hand, ours = made_by_hand(file, name, 3), made_ours(file, name, 3)
    assert by_hand.num_parameters == ours.num_parameters
    found, expected = by_hand.train(3), ours.train(3)
    if file == "keras":
        # All that its fit says is their mean.
        expected = [np.mean(expected)]
    # PyTorch's epsilons are others; RMSprop's is outside the root, a tenth of the loss.
    tolerance = 2e-5
    if file == "torch":
        tolerance = 0.15 if name == "mlp-512" else 1e-3
    assert found == pytest.approx(expected, rel=tolerance)
    by_hand.reset()
    assert by_hand.train(3) == pytest.approx(found, rel=1e-6)


@pytest.mark.parametrize("file", FRAMEWORKS)
def test_dropout_by_hand(file: str) -> None:
    """Masks are the framework's, so that only what they cannot hide can be seen."""
    by_hand = made_by_hand(file, "mlp-dropout", 2)
    assert by_hand.num_parameters == find_recipe("mlp-dropout").num_parameters()
    losses = [np.mean(by_hand.train(2)) for _ in range(8)]
    assert losses[-1] < 0.8 * losses[0]


def test_ours_runs_as_an_epoch() -> None:
    """What is timed is what users run, the clock of `timed_epoch` included."""
    calls: list[tuple[list[Any], int]] = []

    class Module:
        build = staticmethod(lambda job: job)
        load_weights = staticmethod(lambda trainer, weights: None)

        @staticmethod
        def train_epoch(trainer: Any, pairs: Any, num_steps: int) -> Any:
            calls.append((list(pairs), num_steps))
            return SimpleNamespace(losses=[1.0] * num_steps)

    job = Job(find_recipe("mlp-3x100"), "eager", 10)
    ours = Ours(Module, job, [("a", 0), ("b", 1)])
    assert ours.train(3) == [1.0] * 3
    assert calls == [([("a", 0), ("b", 1), ("a", 0)], 3)]


def test_batches_in_memory_are_different_ones() -> None:
    pairs = pairs_in_memory(find_recipe("mlp-512"), LOOPS["torch-eager"])
    assert len(pairs) == 64
    sums = {float(images.double().sum()) for images, _ in pairs}
    assert len(sums) == 64
    images, labels = pairs[0]
    assert tuple(images.shape) == (256, 28, 28)
    assert tuple(labels.shape) == (256, 10)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(RecipeError, match="mlp-9"):
        LoopCase("mlp-9", "torch-eager", 5, 0.5, 1)
    with pytest.raises(LoopError, match="caffe"):
        LoopCase("mlp-3x100", "caffe", 5, 0.5, 1)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.loop_bench", "--loops", "caffe"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: no loop of that name")


def test_one_case_from_end_to_end(tmp_path: Path) -> None:
    case = LoopCase("mlp-dropout-native", "torch-eager", 2, 0.02, 1)
    row = run_loop_case(case, {"packages": {}}, tmp_path)
    outcome = parse_row(json.loads(json.dumps(row)))
    assert not failures([outcome])
    assert len(outcome.ours.steps_per_s) == len(outcome.by_hand.steps_per_s) == 2
    assert row["record"]["flags"]["threads"] == 1
    assert row["record"]["flags"]["flush_denormal"] is True
