"""Rows of results: what a quoted recipe reached, a JSON file each."""

import json
import os
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from idxdata.atomic import atomic_write
from trainers.errors import QuotedError

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedRow:
    """One quoted recipe, fitted and judged once.

    `how`: what it does, in words. `seeds`: of all that is random, none for what is not.
    `data`: the dataset's digest (`Dataset.digest`), without a test split in it where
    that was not judged by. `num_test`, `wrong`: how many test images were judged, and
    which of them wrongly, ascending. `wall_s`, `cpu_s`: seconds for everything, from the
    first image to the last answer; CPU seconds of all threads and processes. Of networks
    they are those of the members' training, whenever that was, as if all threads had
    been busy, and of judging. `threads`: as asked for. `versions`: of Python and the
    packages that compute. `recipe`: all numbers of the recipe, `quoted_error` a share
    from 0 to 1 among them.

    `held_out`: None where all of the train split was fitted, else `num_folds` and `seed`
    of the part that was not (fold 0), its `num_examples`, and the train split's rows of
    it that were judged wrongly, ascending, `wrong`. Then the test set was not looked at
    if `num_test` is 0; otherwise the part may have `details` of its own.

    `started`: UTC, of networks when judging began, such as "2026-11-29T10:00:00Z".
    `details`: what this recipe alone has to say, such as its loop, or how many each
    member of a committee has wrong.

    Raises `QuotedError` if a field is of another type or contradicts another one.
    """

    schema_version: int = SCHEMA_VERSION
    name: str
    how: str
    seeds: list[int]
    dataset: str
    data: str
    num_test: int
    wrong: list[int]
    wall_s: float
    cpu_s: float
    threads: int
    versions: dict[str, str]
    recipe: dict[str, Any]
    held_out: dict[str, Any] | None
    started: str
    details: dict[str, Any]

    def __post_init__(self) -> None:
        if self.schema_version != SCHEMA_VERSION:
            raise QuotedError(
                "a row of another version",
                expected=SCHEMA_VERSION,
                found=self.schema_version,
            )
        for name, kind in _KINDS.items():
            if not _is(getattr(self, name), kind):
                raise QuotedError(
                    f"{name} is of a wrong type",
                    expected=kind,
                    found=repr(getattr(self, name)),
                )
        _check_wrong("wrong", self.wrong, self.num_test)
        if self.held_out is not None:
            self._check_held_out(self.held_out)
        elif not self.num_test:
            raise QuotedError("a row that judges nothing", expected="test or held out")
        if not _is_share(self.recipe.get("quoted_error")):
            raise QuotedError(
                "quoted_error of recipe is wrong",
                expected="a number from 0 to 1",
                found=repr(self.recipe.get("quoted_error")),
            )
        _check_details("details", self.details, self.num_judged, self.num_wrong)

    def _check_held_out(self, held_out: dict[str, Any]) -> None:
        for name in ("num_folds", "seed", "num_examples"):
            if not _is(held_out.get(name), "a natural number"):
                raise QuotedError(
                    f"{name} of held_out is of a wrong type",
                    expected="a natural number",
                    found=repr(held_out.get(name)),
                )
        if not _is(held_out.get("wrong"), "natural numbers"):
            raise QuotedError("held_out has no list of what is wrong")
        count, num_wrong = held_out["num_examples"], len(held_out["wrong"])
        _check_wrong("wrong of held_out", held_out["wrong"], None)
        if num_wrong > count:
            raise QuotedError(
                "more of held_out is wrong than there is",
                expected=f"at most {count}",
                found=num_wrong,
            )
        details = held_out.get("details", {})
        if not _is(details, "a table"):
            raise QuotedError("details of held_out are no table", found=repr(details))
        _check_details("details of held_out", details, count, num_wrong)

    @property
    def num_judged(self) -> int:
        """Examples that were judged by: of the test split, else the held out ones."""
        if self.num_test or self.held_out is None:
            return self.num_test
        return int(self.held_out["num_examples"])

    @property
    def num_wrong(self) -> int:
        """How many of those are wrong."""
        if self.num_test or self.held_out is None:
            return len(self.wrong)
        return len(self.held_out["wrong"])


_KINDS = {
    "name": "a text",
    "how": "a text",
    "seeds": "natural numbers",
    "dataset": "a text",
    "data": "a text",
    "num_test": "a natural number",
    "wrong": "natural numbers",
    "wall_s": "seconds",
    "cpu_s": "seconds",
    "threads": "a natural number",
    "versions": "a table of texts",
    "recipe": "a table",
    "held_out": "a table or nothing",
    "started": "a text",
    "details": "a table",
}


_KINDS_OF_DETAILS = {
    "loop": "a text",
    "wrong_of_each": "natural numbers",
    "wrong_of_first": "natural numbers",
    "said": "natural numbers",
}
"""Of those that reports look at."""


def is_by_same_numbers(a: QuotedRow, b: QuotedRow) -> bool:
    """Whether both are of one quoted recipe, and of the same recipes of members."""
    return (a.name, a.recipe, a.details.get("recipes")) == (
        b.name,
        b.recipe,
        b.details.get("recipes"),
    )


def row_to_dict(row: QuotedRow) -> dict[str, Any]:
    """All fields of `row` as JSON values."""
    return asdict(row)


def row_from_dict(values: object) -> QuotedRow:
    """The row of such values. Raises `QuotedError` for what is none."""
    if not isinstance(values, dict):
        raise QuotedError("no row", expected="a table", found=repr(values)[:60])
    names = {field.name for field in fields(QuotedRow)}
    if set(values) != names:
        found = sorted(names ^ set(map(str, values)))
        raise QuotedError("fields are missing or unknown", found=", ".join(found))
    return QuotedRow(**values)


def write_row(folder: str | os.PathLike[str], row: QuotedRow) -> Path:
    """A new file in `folder`, which is made if it is not there; its path.

    It is called `<name>-<started>.json`, with `held-out` between them where the test set
    was not looked at. Raises `OSError`.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    part = "" if row.num_test else "-held-out"
    stem = f"{row.name}{part}-{row.started.replace('-', '').replace(':', '')}"
    path, count = place / f"{stem}.json", 1
    while path.exists():
        count += 1
        path = place / f"{stem}-{count}.json"
    with atomic_write(path) as file:
        file.write(json.dumps(row_to_dict(row)).encode() + b"\n")
    return path


def read_rows(folder: str | os.PathLike[str]) -> list[QuotedRow]:
    """All rows in `folder`, by name and start; none if there is no folder.

    Raises `OSError`, and `QuotedError` with the path for a .json file that is no row.
    """
    found = [_read_row(path) for path in Path(folder).glob("*.json")]
    return sorted(found, key=lambda row: (row.name, row.started))


def _read_row(path: Path) -> QuotedRow:
    try:
        return row_from_dict(json.loads(path.read_bytes()))
    except QuotedError as error:
        error.path = os.fspath(path)
        raise
    except (ValueError, RecursionError) as error:
        raise QuotedError(f"not JSON: {error}", path=path) from error


def _is(value: object, kind: str) -> bool:
    match kind:
        case "a text":
            return isinstance(value, str) and bool(value)
        case "a natural number":
            return type(value) is int and value >= 0
        case "natural numbers":
            return isinstance(value, list) and all(
                type(one) is int and one >= 0 for one in value
            )
        case "seconds":
            # NaN is not, as it is not less than anything.
            return type(value) in (int, float) and 0 <= value < float("inf")  # type: ignore[operator]
        case "a table of texts":
            return isinstance(value, dict) and all(
                isinstance(text, str) for text in value.values()
            )
        case "a table or nothing":
            return value is None or isinstance(value, dict)
    return isinstance(value, dict)


def _is_share(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1  # type: ignore[operator]


def _check_details(
    where: str, details: dict[str, Any], num_judged: int, num_wrong: int
) -> None:
    for name, kind in _KINDS_OF_DETAILS.items():
        if name in details and not _is(details[name], kind):
            raise QuotedError(
                f"{name} of {where} is of a wrong type",
                expected=kind,
                found=repr(details[name]),
            )
    each, first = (details.get(f"wrong_of_{part}", []) for part in ("each", "first"))
    if len(each) != len(first):
        raise QuotedError(
            f"wrong_of_each and wrong_of_first of {where} are not of the same members",
            expected=len(each),
            found=len(first),
        )
    if max([*each, *first], default=0) > num_judged:
        raise QuotedError(
            f"more is wrong in {where} than was judged",
            expected=f"at most {num_judged}",
            found=max([*each, *first]),
        )
    if first[-1:] not in ([], [num_wrong]):
        raise QuotedError(
            f"wrong_of_first of {where} does not end with all members",
            expected=num_wrong,
            found=first[-1],
        )
    if len(details.get("said", range(num_wrong))) != num_wrong:
        raise QuotedError(
            f"said of {where} is not of what is wrong",
            expected=f"{num_wrong} classes",
            found=len(details["said"]),
        )


def _check_wrong(name: str, wrong: list[int], count: int | None) -> None:
    is_ascending = all(one < two for one, two in pairwise(wrong))
    if not is_ascending or (count is not None and wrong and wrong[-1] >= count):
        raise QuotedError(
            f"{name} is no list of examples",
            expected="ascending numbers" + ("" if count is None else f" below {count}"),
        )
