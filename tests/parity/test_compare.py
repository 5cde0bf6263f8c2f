"""The numbers of a verdict on made-up measurements, and what becomes of failures."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from tests.parity import run
from tests.parity.children import Results, cases_of, run_child
from tests.parity.compare import (
    LIMITS,
    Verdict,
    chaos_floor,
    excess,
    gradient_error,
    judge,
)
from tests.parity.measure import Measured, Setting, changed_weights, prepare
from tests.parity.more_recipes import ALL_RECIPES
from tests.parity.reference_loop import REFERENCE
from trainers.errors import RecipeError
from trainers.weights import initial_weights

STEPS = 20

ROUNDING = float(np.spacing(np.float32(1)))


def made_up(distance: float = 0.0) -> Measured:
    """Losses 1 + distance from step 5 on, as of the reference."""
    losses = np.ones(STEPS)
    losses[5:] += distance
    return {
        "digest": np.array("a"),
        "losses": losses,
        "loss": np.array(1.0),
        "logits": np.ones((2, 3)),
        "gradient.0.kernel": np.array([3.0, 4.0]),
        "gradient.0.bias": np.array([1e-20]),
    }


def runs(*tails: float) -> NDArray[np.float64]:
    """(runs, steps): 1, and from step 5 on 1 + tail."""
    curves = np.ones((len(tails), STEPS))
    curves[:, 5:] += np.array(tails)[:, None]
    return curves


def test_floor_is_one_rounding_at_least() -> None:
    np.testing.assert_array_equal(chaos_floor([runs(0)]), np.full(STEPS, ROUNDING))


def test_floor_is_of_all_loops_and_never_falls() -> None:
    back = runs(0, 1e-3)
    back[1, 10:] = 1
    floor = chaos_floor([runs(0, 1e-5), back])
    assert floor[4] == ROUNDING
    np.testing.assert_allclose(floor[5:], 1e-3)


def test_excess_is_in_units_of_the_floor() -> None:
    floor = chaos_floor([runs(0, 1e-3)])
    assert excess(runs(2e-2), runs(0), floor) == pytest.approx(20)
    # Earlier than the floor: then against rounding.
    early = np.ones((1, STEPS))
    early[0, 3:] += 1e-3
    assert excess(early, runs(0), floor) == pytest.approx(1e-3 / ROUNDING)


def test_excess_is_of_the_closest_runs() -> None:
    floor = np.full(STEPS, 1e-6)
    assert excess(runs(0.1, 3e-6), runs(0), floor) == pytest.approx(3)
    assert excess(runs(0.1, 0.2), runs(0, 0.3), floor) == pytest.approx(1e5)


def test_no_number_is_no_excess_of_chaos() -> None:
    assert excess(runs(np.nan), runs(0), np.ones(STEPS)) == np.inf


def test_gradients_are_compared_by_norm() -> None:
    found = made_up()
    found["gradient.0.kernel"] = np.array([3.0, 4.5])
    assert gradient_error(found, made_up()) == pytest.approx(0.1)


def test_a_gradient_of_nothing_is_compared_with_all() -> None:
    found = made_up()
    found["gradient.0.bias"] = np.array([1e-7])
    assert gradient_error(found, made_up()) == pytest.approx(1e-7 / 5)


@pytest.mark.parametrize("change", ["gone", "added", "shape"])
def test_other_gradients_are_infinitely_wrong(change: str) -> None:
    found = made_up()
    if change == "gone":
        del found["gradient.0.bias"]
    elif change == "added":
        found["gradient.1.bias"] = np.zeros(1)
    else:
        found["gradient.0.bias"] = np.zeros(2)
    assert gradient_error(found, made_up()) == np.inf


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", [1.01, float("nan")])
def test_each_limit_is_held(name: str, value: float) -> None:
    numbers: dict[str, Any] = dict.fromkeys(LIMITS, 0.0)
    numbers[name] = value * LIMITS[name]
    assert Verdict("x", "y", **numbers).exceeded == [name]
    numbers[name] = 0.99 * LIMITS[name]
    assert Verdict("x", "y", **numbers).holds


def test_last_step_counts() -> None:
    found = made_up()
    found["losses"][-1] += 1e-9
    verdict = judge("x", "y", made_up(), {"float64": found}, None)
    assert verdict.exceeded == ["float64_losses"]


def test_changed_weights_are_one_ulp_off() -> None:
    setting = Setting(num_steps=4, batch_size=4)
    recipe, dataset = prepare(ALL_RECIPES["mlp-nesterov"], setting)
    weights = initial_weights(recipe, 0)
    sets = changed_weights(dataset, recipe, weights, setting)
    assert len(sets) == setting.num_single + setting.num_whole
    places = []
    for number, changed in enumerate(sets):
        assert list(changed) == list(weights)
        for name, array in changed.items():
            assert array.dtype == np.float32
            ulps = array.view(np.int32).astype(np.int64) - weights[name].view(np.int32)
            if number < setting.num_single:
                assert np.abs(ulps).max(initial=0) <= 1
                places += [(name, *place) for place in np.argwhere(ulps)]
            elif name.endswith("kernel"):
                assert set(np.unique(ulps[weights[name] != 0])) == {-1, 1}
    assert len({str(place) for place in places}) == len(places) == setting.num_single


def test_last_batches_are_short() -> None:
    _, dataset = prepare(ALL_RECIPES["mlp-nesterov"], Setting(batch_size=16))
    assert len(dataset.train) == 49 * 16 + 8


@pytest.mark.parametrize("steps", [0, 2, 101])
def test_steps_that_are_no_epochs(steps: int) -> None:
    with pytest.raises(RecipeError, match="number of steps"):
        Setting(num_steps=steps)


def test_data_that_is_too_small() -> None:
    with pytest.raises(RecipeError, match="too small"):
        prepare(ALL_RECIPES["mlp-512"], Setting(num_steps=10_000))


def test_a_process_that_dies_is_an_error_of_each_case(tmp_path: Path) -> None:
    results = Results()
    cases = cases_of("torch-eager", ["mlp-512", "cnn-5x5"])
    run_child(cases, Setting(data=str(tmp_path / "none")), results)
    assert list(results.errors) == cases
    results = Results()
    run_child([("no-such-loop", "mlp-512", "float64")], Setting(), results)
    (message,) = results.errors.values()
    assert "exit status 1" in message and "no loop of that name" in message


def results_of(losses: dict[str, float], missing: str | None = None) -> Results:
    """Of the recipe mlp-512, by loop the distance of its losses."""
    results = Results()
    results.measured[REFERENCE.name, "mlp-512", "float64"] = made_up()
    for loop, distance in losses.items():
        for precision in ("float64", "float32"):
            results.measured[loop, "mlp-512", precision] = made_up(distance)
    if missing is not None:
        for precision in ("float64", "float32"):
            results.missing[missing, "mlp-512", precision] = f"no {missing} here"
    return results


@pytest.mark.parametrize(
    ("distance", "digest", "holds"),
    [(0, "a", True), (1e-3, "a", False), (0, "b", False)],
)
def test_verdict_of_a_whole_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    distance: float,
    digest: str,
    holds: bool,
) -> None:
    results = results_of({"torch-eager": 0, "tf-xla": distance}, missing="jax-jit")
    results.measured["tf-xla", "mlp-512", "float64"]["digest"] = np.array(digest)
    monkeypatch.setattr(run, "measure_all", lambda *arguments: results)
    loops = ("torch-eager", "tf-xla", "jax-jit")
    recipes = ("mlp-512", "mlp-dropout-native")
    console = Console(width=100, record=True)
    assert run.parity(recipes, loops, Setting(), tmp_path, console) == holds
    text = console.export_text()
    assert "no jax-jit here" in text
    assert "mlp-dropout-native: not bit-comparable" in text
    assert ("BATCHES DIFFER" in text) == (digest != "a")
    assert ("(torch-eager, tf-xla)" in text) and ("1.0e-03 !" in text) == bool(distance)
    assert (tmp_path / "mlp-512.png").stat().st_size > 10_000
    report = (tmp_path / "PARITY.md").read_text()
    assert "![float32 losses](mlp-512.png)" in report
    assert ("Does not hold: mlp-512." in report) != holds
    (row,) = map(json.loads, (tmp_path / "verdicts.jsonl").read_text().splitlines())
    assert row["holds"] == holds
    assert [loop["loop"] for loop in row["loops"]] == ["torch-eager", "tf-xla"]
    rows = (tmp_path / "losses.jsonl").read_text().splitlines()
    assert len(rows) == 5
    assert json.loads(rows[0])["losses"] == [1.0] * STEPS
