"""What is said of rows, and what is drawn."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import quoted_report
from benchmarks.quoted_report import COLUMNS, cells, last_rows, markdown, wrong_images
from idxdata import Dataset, load, write_idx
from tests.training import some_glyphs
from trainers.errors import QuotedError
from trainers.quoted.rows import QuotedRow, write_row


def row(**changes: Any) -> QuotedRow:
    values: dict[str, Any] = {
        "name": "cnn-99.6",
        "how": "a network",
        "seeds": [0],
        "dataset": "small",
        "data": "digest",
        "num_test": 400,
        "wrong": [3, 7],
        "wall_s": 60.0,
        "cpu_s": 50.0,
        "threads": 2,
        "versions": {"python": "3.11"},
        "recipe": {"quoted_error": 0.004, "numbers": {"seeds": 5}},
        "held_out": None,
        "started": "2026-11-29T10:00:00Z",
        "details": {"loop": "torch-eager"},
    }
    return QuotedRow(**values | changes)


def committee(**changes: Any) -> QuotedRow:
    said = {"wrong_of_each": [3, 4, 2], "wrong_of_first": [3, 3, 2], "said": [1, 9]}
    held_out = {"num_folds": 12, "seed": 0, "num_examples": 100, "wrong": [5]}
    return row(
        name="committee-0.23",
        seeds=[0, 0, 1],
        held_out=held_out
        | {"details": {"wrong_of_each": [3, 1], "wrong_of_first": [3, 1]}},
        details=said
        | {
            "loop": "torch-eager",
            "wall_s_of_each": [10.0, 20.0, 30.0],
            "cpu_s_of_each": [9.0, 9.0, 9.0],
        },
        **changes,
    )


def test_rows_of_the_last_numbers_count() -> None:
    old = row(recipe={"quoted_error": 0.004, "numbers": {"seeds": 4}})
    later = "2026-11-29T11:00:00Z"
    again = row(started=later, wrong=[3])
    second = row(started=later, seeds=[1])
    other = row(started=later, details={"loop": "tf-function"})
    held_out = {"num_folds": 12, "seed": 0, "num_examples": 9, "wrong": []}
    chosen = row(num_test=0, wrong=[], held_out=held_out, started=later)
    elsewhere = row(started=later, data="of another", seeds=[2])
    members = row(
        started=later, seeds=[3], details={"loop": "torch-eager", "recipes": []}
    )
    before = [replace(members, started="2026-11-29T10:30:00Z"), elsewhere, old]
    found = last_rows([*before, again, second, other, chosen], "digest")
    assert found == {
        ("cnn-99.6", "tf-function"): [other],
        ("cnn-99.6", "torch-eager"): [again, second],
    }


def test_a_line_of_seeds_and_a_line_of_a_committee() -> None:
    rows = [row(), row(seeds=[1], wrong=[1, 2, 3, 4])]
    line = cells("cnn-99.6", "torch-eager", rows)
    assert len(line) == len(COLUMNS)
    assert line[:3] == (
        "cnn-99.6 torch-eager",
        "0.40 % wrong",
        "0.75 % wrong, mean of 2 seeds",
    )
    assert line[-1] == "2 to 4 of 400, sd 0.35 %"
    line = cells("committee-0.23", "", [committee()])
    assert line[2] == "0.50 % wrong, 2 of 400"
    assert line[-2:] == ("1 min 00 s, CPU 50.0 s", "3 members, alone 2 to 4")
    assert markdown([line]).count("\n") == 3


@pytest.fixture
def small(tmp_path: Path) -> Dataset:
    data = some_glyphs(1200)
    for name, split in (("train", data.train), ("t10k", data.test[:400])):
        write_idx(tmp_path / f"{name}-images-idx3-ubyte", split.images)
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte", np.asarray(split.labels))
    return load(tmp_path)


def test_pictures_are_written(
    tmp_path: Path,
    small: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = tmp_path / "kept"
    write_row(kept, committee(data=small.digest))
    write_row(kept, row(data=small.digest))
    to = tmp_path / "to"
    arguments = ["--data", str(tmp_path), "--results", str(kept), "--to", str(to)]
    monkeypatch.setattr("sys.argv", ["quoted_report", *arguments])
    assert quoted_report.main() == 0
    assert "0.50 % wrong, 2 of 400" in capsys.readouterr().out
    names = {path.name for path in to.iterdir()}
    assert names == {
        "table.md",
        "committee-0.23-curve.png",
        "committee-0.23-wrong.png",
    }
    for name in names - {"table.md"}:
        assert (to / name).read_bytes().startswith(b"\x89PNG")
    titles = [
        axes.get_title()
        for axes in wrong_images(committee(data=small.digest), small).figure.axes
    ]
    label = small.classes[int(small.test.labels[3])]
    assert titles[0] == f"3\n{label}, said 1"
    assert [bool(title) for title in titles] == [True, True] + 6 * [False]


@pytest.mark.parametrize(
    "changes",
    [
        {"num_test": 401},
        {"wrong": [1], "details": {"said": [10]}},
    ],
)
def test_rows_that_are_not_of_the_data(small: Dataset, changes: dict[str, Any]) -> None:
    with pytest.raises(QuotedError, match="400 images of 10 classes"):
        wrong_images(row(**changes), small)


def test_without_rows(
    small: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Those of other data are none."""
    write_row(tmp_path / "kept", row())
    arguments = ["--data", str(tmp_path), "--results", str(tmp_path / "kept")]
    to = tmp_path / "to"
    monkeypatch.setattr("sys.argv", ["quoted_report", *arguments, "--to", str(to)])
    assert quoted_report.main() == 2
    assert "no rows" in capsys.readouterr().err
    assert not to.exists()
