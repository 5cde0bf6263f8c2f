"""`python -m trainers reproduce`: what it judges by, prints and leaves behind."""

import json
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idxdata import Dataset, Fold, Plan, Split, load
from tests.test_trainers_cli import write_data
from tests.training import some_glyphs
from trainers import cli
from trainers.errors import QuotedError
from trainers.quoted import svm_quoted
from trainers.quoted.job import Job, Sitting
from trainers.quoted.quoted_recipes import FOLDER, read_quoted
from trainers.quoted.reproducing import reproduce
from trainers.quoted.rows import QuotedRow, read_rows

pytest.importorskip("sklearn")
pytest.importorskip("rich")

COUNT = 1200
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def small() -> Dataset:
    data = some_glyphs(COUNT)
    return Dataset("small", data.train, data.test[:400], data.classes)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, small: Dataset, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: data in `small`."""
    write_data(tmp_path / "small", small)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command line in this process: status, standard output and error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            status = cli.main(("reproduce", *arguments))
        except SystemExit as end:  # of argparse
            status = int(end.code or 0)
        return status, *capsys.readouterr()

    return run


SVM = ("svm-0.8", "--data", "./small", "--threads", "1")


def same(a: QuotedRow, b: QuotedRow) -> bool:
    """But for times."""
    facts = ("name", "data", "wrong", "held_out", "recipe", "num_test", "versions")
    return all(getattr(a, name) == getattr(b, name) for name in facts)


def test_judged_by_the_test_set(run: Run, small: Dataset, place: Path) -> None:
    status, out, err = run(*SVM)
    assert (status, err) == (0, "")
    (row,) = read_rows(place / "results" / "quoted")
    assert (row.name, row.dataset, row.seeds) == ("svm-0.8", "small", [])
    assert (row.data, row.num_test) == (load("./small").digest, 400)
    assert row.held_out is None
    assert row.cpu_s > 0 and row.wall_s > 0
    assert row.versions.keys() == {"python", "numpy", "scikit-learn"}
    assert 0 < len(row.wrong) < 60
    assert "the test set, once" in out
    assert f"{len(row.wrong) / 400:.2%}".replace("%", " %") in out
    assert "0.80 %" in out and "400 test" in out
    assert "before" not in out
    assert max(map(len, out.splitlines())) <= 100
    # Once more, by another number of threads: the same.
    status, out, err = run(*SVM[:-1], "2", "--json")
    assert (status, err) == (0, "")
    told = [json.loads(line) for line in out.splitlines()]
    kinds = [event["event"] for event in told]
    assert (kinds[0], kinds[-2:], set(kinds[1:-2])) == (
        "start",
        ["row", "note"],
        {"progress"},
    )
    assert {event["part"] for event in told[1:-2]} == {"fit", "judge"}
    assert told[-1]["text"].startswith("run before with these numbers: 1 times, 1 of")
    rows = read_rows(place / "results" / "quoted")
    assert len(rows) == 2 and same(*rows)
    assert Path(told[-2]["path"]).is_file()


def test_judged_by_held_out_images(run: Run, small: Dataset, place: Path) -> None:
    held_out = (*SVM, "--held-out", "--results", "kept")
    status, out, err = run(*held_out)
    assert (status, err) == (0, "")
    (row,) = read_rows(place / "kept")
    assert (row.num_test, row.wrong, row.data) == (0, [], small.train.digest)
    assert row.held_out is not None
    fold = Fold(12, 0, seed=0, part="held_out")
    plan = Plan(COUNT, COUNT, seed=0, order="sequential", subset=fold)
    assert set(row.held_out["wrong"]) <= set(plan.indices(0, 0).tolist())
    assert row.held_out["num_examples"] == row.num_judged == COUNT // 12
    assert "the test set is not looked at" in out and "100 held out" in out
    # Nor is there a need for one.
    for path in (place / "small").glob("t10k*"):
        path.unlink()
    assert run(*held_out)[0] == 0
    assert same(*read_rows(place / "kept"))
    status, _, err = run(*SVM)
    assert (status, "no test split to judge by" in err) == (2, True)


class Guarded:
    """A split that nobody may look at."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"someone looks at {name}")


def test_the_test_set_is_not_touched(small: Dataset) -> None:
    guarded = Dataset("small", small.train, small.test, small.classes)
    object.__setattr__(guarded, "splits", {"train": small.train, "test": Guarded()})
    (row,) = reproduce("svm-0.8", guarded, is_held_out=True, num_threads=1)
    assert row.num_test == 0
    job = Job(
        recipe=read_quoted(FOLDER / "svm-0.8.toml"), is_held_out=False, num_threads=1
    )
    assert Sitting(job, guarded).train() is small.train


def test_what_is_held_out_is_not_fitted(small: Dataset) -> None:
    """Its labels may be anything: the answers are the same."""
    recipe = read_quoted(FOLDER / "svm-0.8.toml")
    fold = Fold(12, 0, seed=0, part="held_out")
    plan = Plan(COUNT, COUNT, seed=0, order="sequential", subset=fold)
    rows = plan.indices(0, 0)
    images, labels = (np.array(part) for part in small.train.to_numpy())
    labels[rows] = (labels[rows] + 1) % 10
    other = Dataset("small", Split(images, labels), None, small.classes)
    job = Job(recipe=recipe, is_held_out=True, num_threads=1)
    trained = [Sitting(job, data).train() for data in (small, other)]
    assert trained[0].digest == trained[1].digest
    assert len(trained[0]) == COUNT - len(rows)
    found = [
        next(svm_quoted.reproduce(job, data, lambda event: None)).held_out
        for data in (small, other)
    ]
    assert found[0] is not None and found[1] is not None
    assert not set(found[0]["wrong"]) - set(rows.tolist())
    # Of other labels all right answers are wrong ones.
    right = set(rows.tolist()) - set(found[0]["wrong"])
    assert right <= set(found[1]["wrong"])


def test_looks_before_are_told(run: Run, place: Path) -> None:
    run(*SVM, "--json")
    (path,) = (place / "results" / "quoted").iterdir()
    values = json.loads(path.read_text())
    values["recipe"]["numbers"]["C"] = 3.0
    path.with_name("other.json").write_text(json.dumps(values))
    status, out, _ = run(*SVM)
    assert status == 0
    assert "looked at before, by other numbers of this recipe: 1 times" in " ".join(
        out.split()
    )
    assert "run before with these numbers: 1 times, 1 of them" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ("", 2, "NAME"),
        ("svm-0.9 --data ./small", 2, "did you mean 'svm-0.8'?"),
        ("svm-0.8 --data ./none", 2, "none"),
        ("svm-0.8 --data ./small --threads 0", 2, "expected 1 or more"),
        ("svm-0.8 --data ./small --results small.toml", 2, "small.toml: File exists"),
        ("svm-0.8 --data ./small --results damaged", 2, "damaged/row.json: not JSON"),
    ],
)
def test_errors_are_one_line(
    run: Run, place: Path, arguments: str, status: int, words: str
) -> None:
    (place / "small.toml").write_text("")
    (place / "damaged").mkdir()
    (place / "damaged" / "row.json").write_text("{")
    found, _, err = run(*arguments.split())
    assert (found, words in err, "Traceback" in err) == (status, True, False)
    assert "usage" in err or err.count("\n") == 1


def test_bars_move_where_there_is_a_terminal() -> None:
    from rich.console import Console

    from trainers.commands.reproduce_command import Live

    out = StringIO()
    console = Console(file=out, force_terminal=True, width=100, highlight=False)
    progress = {"event": "progress", "part": "fit", "total": 20}
    with Live(console) as live:
        live(progress | {"done": 3, "text": "class [7]: round 2"})
        live(progress | {"done": 4, "text": ""})
        live({"event": "warning", "text": "class [7] is odd"})
        live({"event": "unheard of"})
    for words in ("fit", "4/20", "warning:", "class [7] is odd", '"unheard of"'):
        assert words in out.getvalue()


def test_lines_now_and_then_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from rich.console import Console

    from trainers.commands import reproduce_command

    now = 100.0
    monkeypatch.setattr(reproduce_command.time, "monotonic", lambda: now)
    out = StringIO()
    progress = {"event": "progress", "part": "epochs", "total": 20, "text": "[0] of 2"}
    with reproduce_command.Live(Console(file=out, width=100)) as live:
        for done in range(1, 9):
            now += 20
            live(progress | {"done": done})
    lines = out.getvalue().splitlines()
    assert lines == ["epochs 3/20  [0] of 2", "epochs 6/20  [0] of 2"]


def test_other_images(small: Dataset) -> None:
    wide = np.zeros((20, 4, 4), np.uint16)
    data = Dataset("wide", Split(wide, np.arange(20) % 10), None, small.classes)
    with pytest.raises(QuotedError, match="uint16"):
        list(reproduce("svm-0.8", data, is_held_out=True, num_threads=1))


def test_a_missing_scikit_learn(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    status, _, err = run(*SVM)
    assert (status, err.count("\n")) == (1, 1)
    assert "scikit-learn is not installed; pip install 'idxdata[bench]'" in err


def test_mnist_in_part(mnist_folder: Path) -> None:
    """4,400 real digits, judged by 400 of the train split; the test set is not used."""
    mnist = load(mnist_folder)
    data = Dataset("mnist", mnist.train[:4800], None, mnist.classes)
    (row,) = reproduce("svm-0.8", data, is_held_out=True, num_threads=2)
    assert row.num_judged == 400
    assert row.num_wrong <= 20
