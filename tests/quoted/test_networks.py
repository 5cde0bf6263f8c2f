"""Networks that are quoted: members in processes, judged alone and together."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idxdata import Dataset
from tests.training import stripes
from trainers.checkpoints import read_weights
from trainers.errors import CheckpointError, IdxDataError, LoopError, QuotedError
from trainers.folder import LAST
from trainers.inference import predict_probabilities
from trainers.quoted.job import Job
from trainers.quoted.members import _looks, seen
from trainers.quoted.networks_quoted import NetworkNumbers, find_member, reproduce
from trainers.quoted.quoted_recipes import FOLDER, QUOTED, QuotedRecipe, read_quoted
from trainers.quoted.shifting import shifted
from trainers.quoted.turning import turned

pytest.importorskip("torch")

NUMBERS: dict[str, Any] = {
    "members": ["mlp-3x100"],
    "views": ["plain"],
    "seeds": 3,
    "loops": ["torch-eager"],
    "is_committee": True,
    "fits_held_out": True,
    "shifts": [],
}


def job(**changes: Any) -> Job:
    recipe = QuotedRecipe(
        name="committee-0.23",
        quoted_error=0.5,
        how="for tests",
        num_folds=4,
        held_out_seed=0,
        numbers=NUMBERS | changes.pop("numbers", {}),
    )
    return Job(recipe=recipe, **{"is_held_out": False, "num_threads": 2} | changes)


@pytest.fixture(scope="module")
def noisy() -> Dataset:
    """So hard that members differ."""
    return stripes(200, noise=0.85)


@pytest.mark.long
def test_a_committee_says_the_mean_and_goes_on(tmp_path: Path, noisy: Dataset) -> None:
    events: list[dict[str, Any]] = []
    asked = job(work_folder=tmp_path)
    (row,) = reproduce(asked, noisy, events.append)
    for part, count in (("epochs", 3 * 10), ("judge", 3)):
        told = [event for event in events if event["part"] == part]
        done = [event["done"] for event in told]
        assert (done[0], done[-1], sorted(done)) == (0, count, done)
        assert {event["total"] for event in told} == {count}
        assert told[-1]["text"].startswith("3 of 3 members")
    total = np.zeros((60, 3))
    each = []
    for seed in range(3):
        folder = tmp_path / "all" / f"mlp-3x100-plain-torch-eager-{seed}"
        recipe, weights = read_weights(folder / LAST)
        found = predict_probabilities(recipe, weights, "torch-eager", noisy.test.images)
        each.append(found.argmax(axis=1))
        total += np.log(np.maximum(found, 1e-9))
    labels = noisy.test.labels
    assert row.wrong == np.flatnonzero(total.argmax(axis=1) != labels).tolist()
    assert row.details["wrong_of_each"] == [int((one != labels).sum()) for one in each]
    assert row.details["wrong_of_first"][0] == row.details["wrong_of_each"][0]
    assert row.details["wrong_of_first"][-1] == len(row.wrong)
    assert len({one.tobytes() for one in each}) == 3
    assert (row.seeds, row.num_test, row.data) == ([0, 1, 2], 60, noisy.digest)
    assert all(spent > 0 for spent in row.details["cpu_s_of_each"])

    # What is trained stays: nothing is written again, and a member that is gone, and
    # one that was stopped, become what they were.
    kept = (
        (tmp_path / "all" / "mlp-3x100-plain-torch-eager-0" / LAST).stat().st_mtime_ns
    )
    (tmp_path / "all" / "mlp-3x100-plain-torch-eager-1" / "record.json").unlink()
    for path in (tmp_path / "all" / "mlp-3x100-plain-torch-eager-2").iterdir():
        path.unlink()
    events.clear()
    (again,) = reproduce(asked, noisy, events.append)
    assert max(event["done"] for event in events) == 3 * 10
    assert again.wrong == row.wrong
    assert again.details["wrong_of_each"] == row.details["wrong_of_each"]
    assert (
        tmp_path / "all" / "mlp-3x100-plain-torch-eager-0" / LAST
    ).stat().st_mtime_ns == kept
    assert again.details["cpu_s_of_each"][0] == row.details["cpu_s_of_each"][0]

    # What was trained on other data is never taken for this.
    with pytest.raises(CheckpointError, match="data"):
        list(reproduce(asked, stripes(190, noise=0.85), events.append))


@pytest.mark.long
def test_seeds_alone_and_held_out(noisy: Dataset) -> None:
    """A row for each seed; the test split is not needed."""
    data = Dataset("stripes", noisy.train, None, noisy.classes)
    asked = job(is_held_out=True, numbers={"is_committee": False, "seeds": 2})
    rows = list(reproduce(asked, data, lambda event: None))
    assert [row.seeds for row in rows] == [[0], [1]]
    for row in rows:
        assert (row.num_test, row.wrong) == (0, [])
        assert row.held_out is not None
        assert row.held_out["num_examples"] == 50
        assert row.details["wrong_of_each"] == [row.num_wrong]
        assert row.wall_s >= row.details["wall_s_of_each"][0] > 0


@pytest.mark.long
def test_held_out_images_may_be_kept_out_of_both(
    tmp_path: Path, noisy: Dataset
) -> None:
    """Then the members that were chosen are those that the test set judges."""
    shifts = [[0, 0], [1, 0], [0, -1]]
    views = ["plain", "upright-wide"]
    numbers = {
        "fits_held_out": False,
        "seeds": 1,
        "views": views,
        "shifts": shifts,
        "turns": [20.0],
    }
    asked = job(numbers=numbers, work_folder=tmp_path, is_held_out=True)
    (chosen,) = reproduce(asked, noisy, lambda event: None)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob(LAST)}
    assert len(kept) == 2
    asked = job(numbers=numbers, work_folder=tmp_path)
    (row,) = reproduce(asked, noisy, lambda event: None)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob(LAST)} == kept
    assert chosen.held_out is not None and row.held_out is not None
    assert row.held_out["wrong"] == chosen.held_out["wrong"]
    told = row.held_out["details"]
    assert told["wrong_of_each"] == chosen.details["wrong_of_each"]
    assert (row.num_test, row.details["wrong_of_first"][-1]) == (60, row.num_wrong)

    # Each image is judged by the members' views of it: by shifts and turns of these.
    total = np.zeros((60, 3))
    for view in views:
        recipe, weights = read_weights(
            tmp_path / "rest" / f"mlp-3x100-{view}-torch-eager-0" / LAST
        )
        image = seen(noisy.test.images, view)
        for images in (
            *(shifted(image, *shift) for shift in shifts),
            turned(image, 20),
        ):
            found = predict_probabilities(recipe, weights, "torch-eager", images)
            total += np.log(np.maximum(found, 1e-9))
    labels = noisy.test.labels
    assert row.wrong == np.flatnonzero(total.argmax(axis=1) != labels).tolist()
    assert row.details["views"] == views


def test_each_look_counts_once() -> None:
    images = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    turn = turned(images, -30)
    looks = [((), ()), ([(0, 1)], ()), ((), [-30.0]), ([(0, 0), (1, 0)], [-30.0])]
    expected = [
        [images],
        [shifted(images, 0, 1)],
        [turn],
        [images, shifted(images, 1, 0), turn],
    ]
    for (shifts, turns), wanted in zip(looks, expected, strict=True):
        found = list(_looks(images, shifts, turns))
        assert [one.tolist() for one in found] == [one.tolist() for one in wanted]


@pytest.mark.parametrize(
    ("numbers", "error"),
    [
        ({"seeds": 0}, QuotedError),
        ({"members": []}, QuotedError),
        ({"members": ["mlp-3x100", "mlp-3x100"]}, QuotedError),
        ({"views": ["sideways"]}, QuotedError),
        ({"members": ["../mlp", 3]}, QuotedError),
        ({"loops": "torch-eager"}, QuotedError),
        ({"is_committee": 1}, QuotedError),
        ({"fits_held_out": "no"}, QuotedError),
        ({"shifts": [[1]]}, QuotedError),
        ({"precision": "float16"}, QuotedError),
        ({"precision": ["float32"]}, QuotedError),
        (
            {"precision": "mixed_bfloat16", "loops": ["torch-eager", "tf-function"]},
            LoopError,
        ),
        ({"turns": 10}, QuotedError),
        ({"turns": [91]}, QuotedError),
        ({"turns": [[0, 1]]}, QuotedError),
        ({"more": 1}, QuotedError),
        ({"loops": ["torch-lazy"]}, LoopError),
    ],
)
def test_wrong_numbers(
    numbers: dict[str, Any], error: type[IdxDataError], noisy: Dataset
) -> None:
    with pytest.raises(error):
        list(reproduce(job(numbers=numbers), noisy, lambda event: None))


@pytest.mark.long
def test_members_are_trained_in_the_precision_of_the_numbers(
    tmp_path: Path, noisy: Dataset
) -> None:
    numbers = {"seeds": 1, "precision": "mixed_bfloat16"}
    asked = job(numbers=numbers, work_folder=tmp_path)
    list(reproduce(asked, noisy, lambda event: None))
    (record,) = tmp_path.rglob("record.json")
    assert json.loads(record.read_bytes())["precision"] == "mixed_bfloat16"
    asked = job(numbers={"seeds": 1}, work_folder=tmp_path)
    with pytest.raises(CheckpointError, match="precision"):
        list(reproduce(asked, noisy, lambda event: None))


@pytest.mark.long
def test_a_member_that_fails_is_told(noisy: Dataset) -> None:
    """The error comes out of its process as it is."""
    few = Dataset("few", noisy.train[:2], noisy.test, noisy.classes)
    with pytest.raises(IdxDataError):
        list(reproduce(job(is_held_out=True), few, lambda event: None))


@pytest.mark.parametrize(
    "name", [name for name in QUOTED if QUOTED[name] == "networks_quoted"]
)
def test_recipes_can_be_read(name: str) -> None:
    numbers = NetworkNumbers.from_table(read_quoted(FOLDER / f"{name}.toml").numbers)
    for member in numbers.members:
        recipe = find_member(member)
        assert recipe.is_bit_comparable
        assert recipe.num_classes == 10


PARENT = """\
import pathlib, sys, time
from trainers.quoted.members import _in_processes

def work(tell, path):
    pathlib.Path(path).write_text(str(__import__("os").getpid()))
    time.sleep(600)

if __name__ == "__main__":
    _in_processes(work, [(sys.argv[1],)], 1, lambda *told: None)
"""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc here")
def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    """However that ends; they would hold their members' folders."""
    script, told = tmp_path / "parent.py", tmp_path / "told"
    script.write_text(PARENT)
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, script, told], env=os.environ | {"PYTHONPATH": str(root)}
    )
    until = time.monotonic() + 120
    while not (told.exists() and told.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    child = int(told.read_text())
    assert is_there(child)
    parent.kill()
    parent.wait()
    while is_there(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_there(child)


def is_there(pid: int) -> bool:
    """Whether that process runs; one that nobody has waited for yet does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
