"""What a run is asked to do: nonsense is one clear `ValueError`."""

from typing import Any

import pytest

from trainers.errors import LoopError
from trainers.launch import Launch
from trainers.options import MAX_THREADS, RunOptions
from trainers.recipes import RECIPES

RECIPE = RECIPES["mlp-512"]
RANK = Launch("torchrun", 0, 2, 0, 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"recipe": "mlp-512"}, "recipe is a Recipe"),
        ({"loop": None}, "loop is the name"),
        ({"data": 3}, "data is a name"),
        ({"checkpoint_folder": 3}, "checkpoint_folder is a path"),
        ({"checkpoint_folder": ""}, "checkpoint_folder is empty"),
        ({"checkpoint_s": "30"}, "checkpoint_s is a number"),
        ({"num_threads": 0}, "num_threads"),
        ({"num_threads": MAX_THREADS + 1}, "at most 1024"),
        ({"epochs": "3"}, "epochs is an integer"),
        ({"precision": "bfloat16"}, "precision is one of"),
    ],
)
def test_options_of_wrong_types_and_out_of_range(
    change: dict[str, Any], words: str
) -> None:
    arguments: dict[str, Any] = {"recipe": RECIPE, "loop": "torch-eager", **change}
    with pytest.raises(ValueError, match=words):
        RunOptions(**arguments)


@pytest.mark.parametrize(
    ("loop", "launch"),
    [("torch-compile", None), ("tf-function", None), ("torch-eager", RANK)],
)
def test_mixed_precision_is_for_one_loop_alone(
    loop: str, launch: Launch | None
) -> None:
    kind: dict[str, Any] = {"recipe": RECIPE, "precision": "mixed_bfloat16"}
    assert RunOptions(loop="torch-eager", **kind).precision == "mixed_bfloat16"
    with pytest.raises(LoopError, match="mixed_bfloat16"):
        RunOptions(loop=loop, launch=launch, **kind)


def test_the_most_threads() -> None:
    options = RunOptions(recipe=RECIPE, loop="torch-eager", num_threads=MAX_THREADS)
    assert options.num_threads == MAX_THREADS
