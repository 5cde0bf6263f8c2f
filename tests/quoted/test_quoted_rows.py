"""Rows and recipes of quoted results: whole, checked, refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.quoted_report import cells, last_rows, markdown
from trainers.errors import QuotedError
from trainers.quoted.quoted_recipes import FOLDER, QUOTED, QuotedRecipe, read_quoted
from trainers.quoted.rows import (
    QuotedRow,
    read_rows,
    row_from_dict,
    row_to_dict,
    write_row,
)

VALUES: dict[str, Any] = {
    "schema_version": 1,
    "name": "svm-0.8",
    "how": "in words",
    "seeds": [],
    "dataset": "mnist",
    "data": "0" * 64,
    "num_test": 10000,
    "wrong": [8, 9999],
    "wall_s": 100.5,
    "cpu_s": 170,
    "threads": 2,
    "versions": {"python": "3.13.0"},
    "recipe": {"quoted_error": 0.008},
    "held_out": None,
    "started": "2026-11-29T10:00:00Z",
    "details": {},
}
HELD_OUT = {"num_folds": 12, "seed": 0, "num_examples": 5000, "wrong": [3, 59999]}
ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results" / "quoted"
MNIST = "ca679089cd9dd461d7b26e36e51216fc71f9271f8082e09656a7c1d29a50483b"
"""Digest of the dataset."""


def row(**changes: Any) -> QuotedRow:
    return row_from_dict(VALUES | changes)


def test_rows_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert read_rows(folder) == []
    later = row(started="2026-11-29T11:00:00Z")
    held_out = row(num_test=0, wrong=[], held_out=HELD_OUT)
    other = row(name="committee-0.23", seeds=[1, 2])
    rows = [later, row(), row(), held_out, other]
    names = [write_row(folder, one).name for one in rows]
    assert names == [
        "svm-0.8-20261129T110000Z.json",
        "svm-0.8-20261129T100000Z.json",
        "svm-0.8-20261129T100000Z-2.json",
        "svm-0.8-held-out-20261129T100000Z.json",
        "committee-0.23-20261129T100000Z.json",
    ]
    found = read_rows(folder)
    assert found[0] == other and found[-1] == later and len(found) == 5
    assert held_out in found
    assert row_to_dict(row()) == VALUES
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)


def test_what_was_judged() -> None:
    assert (row().num_judged, row().num_wrong) == (10000, 2)
    held_out = row(num_test=0, wrong=[], held_out=HELD_OUT | {"wrong": [3]})
    assert (held_out.num_judged, held_out.num_wrong) == (5000, 1)
    both = row(held_out=HELD_OUT | {"wrong": []})
    assert (both.num_judged, both.num_wrong) == (10000, 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema_version": 2}, "another version"),
        ({"name": ""}, "name is of a wrong type"),
        ({"seeds": 1}, "seeds"),
        ({"seeds": [-1]}, "seeds"),
        ({"num_test": True}, "num_test"),
        ({"wrong": [9, 8]}, "ascending numbers below 10000"),
        ({"wrong": [8, 8]}, "ascending numbers"),
        ({"wrong": [10000]}, "below 10000"),
        ({"wall_s": float("nan")}, "wall_s"),
        ({"cpu_s": "1"}, "cpu_s"),
        ({"versions": {"python": 3}}, "versions"),
        ({"recipe": []}, "recipe"),
        ({"held_out": []}, "held_out"),
        ({"held_out": {}}, "num_folds of held_out"),
        ({"held_out": HELD_OUT | {"wrong": None}}, "held_out has no list"),
        ({"held_out": HELD_OUT | {"wrong": [2, 1]}}, "wrong of held_out"),
        ({"held_out": HELD_OUT | {"details": []}}, "details of held_out"),
        (
            {"held_out": HELD_OUT | {"details": {"said": [1]}}},
            "said of details of held_out is not of",
        ),
        ({"details": {"loop": 1}}, "loop of details"),
        ({"details": {"wrong_of_each": [2]}}, "the same members"),
        ({"details": {"wrong_of_each": [3], "wrong_of_first": [3]}}, "end with all"),
        (
            {"details": {"wrong_of_each": [2, 10001], "wrong_of_first": [2, 2]}},
            "at most 10000, found 10001",
        ),
        ({"recipe": {}}, "quoted_error"),
        ({"recipe": {"quoted_error": "1"}}, "quoted_error"),
        ({"held_out": HELD_OUT | {"num_examples": 1}}, "at most 1, found 2"),
        ({"details": {"wrong_of_each": 3}}, "wrong_of_each of details"),
        ({"details": {"said": ["one", "two"]}}, "said of details"),
        ({"details": {"said": [1, 2, 3]}}, "expected 2 classes, found 3"),
        ({"num_test": 0, "wrong": []}, "judges nothing"),
        ({"more": 1}, "missing or unknown: found more"),
    ],
)
def test_damaged_rows(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    path = tmp_path / "row.json"
    path.write_text(json.dumps(VALUES | changes))
    with pytest.raises(QuotedError) as caught:
        read_rows(tmp_path)
    assert words in str(caught.value)
    assert caught.value.path == str(path)


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"name": 1}', "[" * 10**5, "\xff"])
def test_files_that_are_no_rows(tmp_path: Path, text: str) -> None:
    (tmp_path / "row.json").write_text(text, "latin-1")
    with pytest.raises(QuotedError, match="row.json"):
        read_rows(tmp_path)


def test_the_rows_that_are_kept() -> None:
    """The last ones are by the recipes that are there."""
    assert {one.name for one in read_rows(RESULTS)} <= set(QUOTED)
    for (name, _), rows in last_rows(read_rows(RESULTS), MNIST).items():
        for one in rows:
            assert one.recipe == read_quoted(FOLDER / f"{name}.toml").to_dict()


def test_the_page_has_their_figures() -> None:
    """`make quoted-report` writes the table."""
    groups = last_rows(read_rows(RESULTS), MNIST)
    table = markdown([cells(*key, rows) for key, rows in groups.items()])
    assert table in (ROOT / "docs" / "results.md").read_text()


def test_each_name_has_its_recipe() -> None:
    assert sorted(QUOTED) == sorted(path.stem for path in FOLDER.glob("*.toml"))
    for name in QUOTED:
        recipe = read_quoted(FOLDER / f"{name}.toml")
        assert recipe.name == name
        # MNIST's train split: 5,000 held out.
        assert (recipe.num_folds, recipe.held_out_seed) == (12, 0)


RECIPE = """\
quoted_error = 0.5
how = "guessed"
held_out = { num_folds = 3, seed = 1 }
numbers = { a = 1 }
"""


def test_a_recipe_is_read(tmp_path: Path) -> None:
    path = tmp_path / "coin.toml"
    path.write_text(RECIPE)
    assert read_quoted(path) == QuotedRecipe(
        name="coin",
        quoted_error=0.5,
        how="guessed",
        num_folds=3,
        held_out_seed=1,
        numbers={"a": 1},
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("0.5", "1.5", "quoted_error is out of range"),
        ("0.5", "true", "quoted_error is out of range"),
        ('"guessed"', "3", "how is no text"),
        ("num_folds = 3", "num_folds = 1", "num_folds is out of range"),
        ("seed = 1", "seeds = 1", "keys are missing: found seed"),
        ("{ a = 1 }", "1", "numbers is no table"),
        ("{ num_folds = 3, seed = 1 }", "5000", "held_out is no table"),
        ("how", "why", "keys are missing: found how"),
        ("how", "\nmore = 1\nhow", "keys are unknown: found more"),
        ("how =", "how", "not TOML"),
    ],
)
def test_bad_recipes(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "coin.toml"
    path.write_text(RECIPE.replace(old, new, 1))
    with pytest.raises(QuotedError) as caught:
        read_quoted(path)
    assert words in str(caught.value)
    assert caught.value.path == str(path)
