"""`make parity` on small batches: every recipe in every loop, by the same code.

One process for each backend of Keras, of which a process has one.
"""

import numpy as np
import pytest

from tests.parity.children import Case, Results, cases_of, run_child
from tests.parity.measure import Setting
from tests.parity.more_recipes import ALL_RECIPES
from tests.parity.reference_loop import REFERENCE
from tests.parity.verdicts import RecipeVerdict, judge_recipe
from trainers.loops import LOOPS

# All children run for the first test.
pytestmark = [pytest.mark.timeout(1800), pytest.mark.long]

SETTING = Setting(batch_size=16, num_single=1, num_whole=1)

RECIPES = [name for name, recipe in ALL_RECIPES.items() if recipe.is_bit_comparable]

GROUPS = (
    (REFERENCE.name, "torch-eager", "torch-compile", "keras-torch"),
    ("tf-eager", "tf-function", "tf-xla", "keras-tf"),
    ("jax-jit", "keras-jax"),
)

COMPILED_BY_CPP = "torch-compile"
"""Compiles C++ for some ten seconds a recipe: here two of them, all in `make parity`."""


def wanted(loop: str) -> list[str]:
    return ["mlp-dropout", "conv-all-layers"] if loop == COMPILED_BY_CPP else RECIPES


@pytest.fixture(scope="module")
def verdicts() -> dict[str, RecipeVerdict]:
    results = Results()
    for group in GROUPS:
        cases: list[Case] = []
        for precision in ("float64", "float32"):
            of_group = (case for loop in group for case in cases_of(loop, wanted(loop)))
            cases += [case for case in of_group if case[2] == precision]
        run_child(cases, SETTING, results)
    return {
        name: judge_recipe(
            name, [loop for loop in LOOPS if name in wanted(loop)], results
        )
        for name in RECIPES
    }


def test_every_loop_is_in_a_group() -> None:
    loops = [loop for group in GROUPS for loop in group]
    assert sorted(loops) == sorted([REFERENCE.name, *LOOPS])


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("recipe", RECIPES)
def test_loop_is_the_reference(
    verdicts: dict[str, RecipeVerdict], recipe: str, loop: str
) -> None:
    if recipe not in wanted(loop):
        pytest.skip("in `make parity` only")
    (verdict,) = [one for one in verdicts[recipe].loops if one.loop == loop]
    assert verdict.holds, verdict
    numbers = (verdict.loss, verdict.float64_losses, verdict.excess)
    assert all(number is not None and np.isfinite(number) for number in numbers)


@pytest.mark.parametrize("recipe", RECIPES)
def test_all_pairs_of_loops_agree(
    verdicts: dict[str, RecipeVerdict], recipe: str
) -> None:
    verdict = verdicts[recipe]
    assert len(verdict.digests) == 1
    assert [pair.name for pair in verdict.pairs] == ["float64_losses", "excess"]
    for pair in verdict.pairs:
        assert pair.holds, pair
