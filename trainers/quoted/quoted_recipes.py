"""Quoted recipes: what is quoted, and the numbers that make it; files in recipes/quoted."""

import os
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainers.errors import QuotedError

QUOTED = {
    "mlp-97.7": "networks_quoted",
    "svm-0.8": "svm_quoted",
    "cnn-99.6": "networks_quoted",
    "committee-0.23": "networks_quoted",
}
"""By the name of the file in `recipes/quoted` that has its numbers: the module here whose
`reproduce` runs it."""

FOLDER = Path(__file__).parents[2] / "recipes" / "quoted"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedRecipe:
    """What `recipes/quoted/<name>.toml` says.

    `quoted_error`: the share of the test set that is wrong, as it is quoted. `how`: what
    the recipe does, in words. `num_folds`, `held_out_seed`: what decides is fold 0 of so
    many of the train split, by `idxdata.Fold`. `numbers`: the rest, which the function
    that runs the recipe checks.

    Raises `QuotedError` if a number is of a wrong type or out of range.
    """

    name: str
    quoted_error: float
    how: str
    num_folds: int
    held_out_seed: int
    numbers: dict[str, Any]

    def __post_init__(self) -> None:
        checked_number("quoted_error", self.quoted_error, 0, 1)
        checked_integer("num_folds", self.num_folds, 2)
        checked_integer("seed", self.held_out_seed, 0)
        if not isinstance(self.how, str) or not self.how:
            raise QuotedError("how is no text", found=repr(self.how))
        if not isinstance(self.numbers, dict):
            raise QuotedError("numbers is no table", found=repr(self.numbers))

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return asdict(self)


def read_quoted(path: str | os.PathLike[str]) -> QuotedRecipe:
    """The recipe in a TOML file, called what the file is called.

    Raises `OSError`, and `QuotedError` with the path for what is no quoted recipe.
    """
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text("utf-8-sig"))
        check_keys(table, {"quoted_error", "how", "held_out", "numbers"})
        held_out = table["held_out"]
        if not isinstance(held_out, dict):
            raise QuotedError("held_out is no table", found=repr(held_out))
        check_keys(held_out, {"num_folds", "seed"})
        return QuotedRecipe(
            name=path.stem,
            quoted_error=table["quoted_error"],
            how=table["how"],
            num_folds=held_out["num_folds"],
            held_out_seed=held_out["seed"],
            numbers=table["numbers"],
        )
    except QuotedError as error:
        error.path = os.fspath(path)
        raise
    except (ValueError, RecursionError) as error:  # the first has line and column
        raise QuotedError(f"not TOML: {error}", path=path) from error


def check_keys(table: dict[str, Any], names: set[str]) -> None:
    """Raises `QuotedError` unless `table` has just these."""
    for what, keys in (
        ("missing", names - set(table)),
        ("unknown", set(table) - names),
    ):
        if keys:
            raise QuotedError(f"keys are {what}", found=", ".join(sorted(keys)))


def checked_integer(name: str, value: object, low: int) -> int:
    """`value` if it is an integer of at least `low`, else `QuotedError`."""
    if type(value) is not int or value < low:
        raise QuotedError(
            f"{name} is out of range",
            expected=f"an integer of at least {low}",
            found=repr(value),
        )
    return value


def checked_number(name: str, value: object, low: float, high: float) -> float:
    """`value` as a float if it is a number from `low` to `high`, else `QuotedError`."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        number = float("nan")
    else:
        number = float(value)
    if not low <= number <= high:
        raise QuotedError(
            f"{name} is out of range",
            expected=f"a number from {low} to {high}",
            found=repr(value),
        )
    return number
