"""Who is entered: names, groups, widths."""

from pathlib import Path

import pytest

from benchmarks.contest.contest import points
from benchmarks.contest.entry import Entry, edition_of, located, widened
from trainers.errors import LoopError, RecipeError
from trainers.layers import Conv, Dense
from trainers.recipe_files import recipe_to_toml
from trainers.recipes import RECIPES


def entry(loop: str = "torch-eager", **more: object) -> Entry:
    return Entry(recipe="mlp-3x100", loop=loop, data="glyphs", **more)  # type: ignore[arg-type]


def test_loops_of_one_setting_take_turns_and_no_others() -> None:
    one = entry(epochs=2)
    assert one.group == entry("jax-jit", epochs=2).group == "mlp-3x100, 2 epochs"
    others = [
        entry(),
        entry(epochs=1),
        entry(epochs=2, batch_size=64),
        entry(epochs=2, width=0.5, axis="width"),
        entry(epochs=2, num_threads=2, axis="num_threads"),
        entry(epochs=2, axis="loop"),
    ]
    assert len({one.group, *(other.group for other in others)}) == 1 + len(others)


def test_both_loaders_take_turns_under_names_of_their_own() -> None:
    ours, theirs = (
        entry(axis="loader", loader=loader) for loader in ("service", "tutorial")
    )
    assert ours.group == theirs.group
    assert ours.contender == "torch-eager"
    assert theirs.contender == "torch-eager, tutorial loader"


def test_a_case_has_all_that_the_process_needs() -> None:
    case = entry(alias="twin").case(7)
    assert (case["seed"], case["loop"]) == (7, "torch-eager")
    assert set(case) == {
        "recipe", "loop", "data", "seed", "epochs", "batch_size", "num_threads",
        "precision", "device", "loader", "width", "axis", "planted",
    }  # fmt: skip


def test_an_edited_recipe_file_is_another_group(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = recipe_to_toml(RECIPES["mlp-3x100"])
    path.write_text(text)
    first = edition_of(str(path))
    path.write_text(text.replace("units = 100", "units = 101", 1))
    assert first and first != edition_of(str(path))
    assert entry(edition=first).group == f"mlp-3x100 {first}"
    assert edition_of("mlp-3x100") == ""


def test_paths_are_those_of_whoever_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Contenders run in another folder; a name is no path, whatever lies beside.
    monkeypatch.chdir(tmp_path)
    for name in ("mine.toml", "glyphs"):
        Path(name).touch()
    assert located("mine.toml") == str(tmp_path / "mine.toml")
    assert located("./glyphs") == str(tmp_path / "glyphs")
    assert located("glyphs") == "glyphs"


def test_an_unknown_loop() -> None:
    with pytest.raises(LoopError, match="'torch'"):
        entry("torch")


@pytest.mark.parametrize("name", RECIPES)
def test_twice_as_wide_but_for_the_last_layer(name: str) -> None:
    recipe = RECIPES[name]
    wide = widened(recipe, 2)
    assert wide.num_classes == recipe.num_classes
    assert wide.num_parameters() > 2 * recipe.num_parameters() * 0.9
    for before, after in zip(recipe.layers[:-1], wide.layers[:-1], strict=True):
        if isinstance(before, Dense):
            assert after.units == 2 * before.units  # type: ignore[union-attr]
        elif isinstance(before, Conv):
            assert after.filters == 2 * before.filters  # type: ignore[union-attr]
        else:
            assert before == after
    assert widened(recipe, 1) is recipe


@pytest.mark.parametrize("factor", [0, -1, float("nan")])
def test_a_width_that_is_none(factor: float) -> None:
    with pytest.raises(RecipeError, match="positive"):
        widened(RECIPES["mlp-3x100"], factor)


def test_points_of_an_axis() -> None:
    made = points([entry(), entry("jax-jit")], "batch_size", [32.0, 64.0])
    assert [(e.batch_size, e.loop) for e in made] == [
        (32, "torch-eager"), (32, "jax-jit"), (64, "torch-eager"), (64, "jax-jit"),
    ]  # fmt: skip
    assert all(type(e.batch_size) is int and e.axis == "batch_size" for e in made)
    # The same value in two spellings would enter one contender twice.
    assert len(points([entry()], "num_threads", [1, 1.0, 2])) == 2
    assert len(points([entry()], "width", [0.5, 1])) == 2


@pytest.mark.parametrize("value", [0, 0.5, 1.5, -1])
def test_sizes_are_whole(value: float) -> None:
    for axis in ("batch_size", "num_threads"):
        with pytest.raises(ValueError, match="whole numbers"):
            points([entry()], axis, [value])
