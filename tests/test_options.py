"""What a run is asked to do: nonsense is one clear `ValueError`."""

from typing import Any

import pytest

from trainers.options import MAX_THREADS, RunOptions
from trainers.recipes import RECIPES

RECIPE = RECIPES["mlp-512"]


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
    ],
)
def test_options_of_wrong_types_and_out_of_range(
    change: dict[str, Any], words: str
) -> None:
    arguments: dict[str, Any] = {"recipe": RECIPE, "loop": "torch-eager", **change}
    with pytest.raises(ValueError, match=words):
        RunOptions(**arguments)


def test_the_most_threads() -> None:
    options = RunOptions(recipe=RECIPE, loop="torch-eager", num_threads=MAX_THREADS)
    assert options.num_threads == MAX_THREADS
