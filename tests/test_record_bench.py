"""Seconds to an accuracy: what is run, and what is made of rows."""

from pathlib import Path

import pytest

from benchmarks import record_bench
from benchmarks.child import Row
from benchmarks.record_bench import COLUMNS, GOALS, LOOPS, RECIPES, planned, results
from trainers.recipe_files import read_recipe


def row(loop: str, seed: int, wall_s: float, accuracy: float) -> Row:
    epochs = [{"total_s": wall_s / 4}, {"total_s": wall_s / 4}]
    return {
        "case": {"recipe": "x/99.0.toml", "loop": loop, "seed": seed},
        "wall_s": wall_s,
        "record": {"epochs": epochs, "metrics": {"accuracy": accuracy}},
    }


def test_times_are_paired_by_seed_and_the_mean_decides() -> None:
    rows = [
        row("torch-eager", 0, 8.0, 0.9899),
        row("jax-jit", 0, 4.0, 0.9890),
        row("jax-jit", 1, 5.0, 0.9902),
        row("torch-eager", 1, 10.0, 0.9903),
        {"case": {"recipe": "99.0", "loop": "jax-jit", "seed": 2}, "error": "killed"},
        row("torch-eager", 2, 9.0, 0.9899),
    ]
    torch, jax = results(rows, "torch-eager")
    assert (torch.loop, torch.ratio, torch.wall_s.median) == ("torch-eager", None, 9.0)
    assert torch.train_s.median == 4.5
    assert torch.is_reached and not jax.is_reached
    assert jax.ratio is not None
    assert jax.ratio.ratios == (0.5, 0.5)
    assert len(torch.cells()) == len(jax.cells()) == len(COLUMNS)
    assert torch.cells()[-2:] == ("1 of 3", "reached")
    assert jax.cells()[-1] == "not reached"


def test_a_single_run_has_no_spread() -> None:
    (found,) = results([row("jax-jit", 0, 4.0, 0.99)], "torch-eager")
    assert found.ratio is None
    assert found.cells()[6:8] == ("99.000 %", "")


def test_all_loops_take_turns() -> None:
    runs = planned(list(GOALS), LOOPS, "glyphs", 2, 1)
    kept = [run.label for run in runs if run.is_kept]
    assert len(kept) == 2 * 2 * 3
    assert [run.is_kept for run in runs] == 6 * [False] + 12 * [True]
    assert kept[:3] != kept[6:9]
    assert sorted(kept[:3]) == sorted(kept[6:9])


@pytest.mark.parametrize("name", GOALS)
def test_recipes_are_there(name: str) -> None:
    assert read_recipe(RECIPES / f"{name}.toml").is_bit_comparable


@pytest.mark.parametrize(
    "arguments", ["--goals 98", "--loops torch-lazy", "--data ./no"]
)
def test_bad_arguments(
    arguments: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    more = [] if "--data" in arguments else ["--data", "glyphs"]
    monkeypatch.setattr("sys.argv", ["record_bench", *arguments.split(), *more])
    assert record_bench.main() == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert not list(tmp_path.iterdir())
