"""`python -m trainers`: what it prints, what it leaves behind, how it fails."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idxdata import Dataset, write_idx
from tests.training import SMALL, stripes
from trainers import cli
from trainers.checkpoints import read_weights
from trainers.loops import LOOPS
from trainers.metrics import compute_metrics
from trainers.recipe_files import recipe_to_toml
from trainers.recipes import RECIPES
from trainers.weights import initial_weights, weights_digest

pytest.importorskip("torch")
pytest.importorskip("rich")

Run = Callable[..., tuple[int, str, str]]

ROOT = Path(__file__).parents[1]
DATA = stripes()


def write_data(folder: Path, data: Dataset) -> Path:
    folder.mkdir()
    for stem, split in (("train", data.train), ("t10k", data.test)):
        write_idx(folder / f"{stem}-images-idx3-ubyte", split.images)
        write_idx(folder / f"{stem}-labels-idx1-ubyte", split.labels)
    return folder


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: data in `data`, a recipe in `small.toml`."""
    write_data(tmp_path / "data", DATA)
    (tmp_path / "small.toml").write_text(recipe_to_toml(SMALL))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    # What the command sets is not left behind for other tests.
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command line in this process: status, standard output and error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            status = cli.main(arguments)
        except SystemExit as end:  # of argparse
            status = int(end.code or 0)
        return status, *capsys.readouterr()

    return run


TRAIN = ("run", "small.toml", "--data", "./data", "--threads", "1")


def child(*arguments: str, **options: Any) -> "subprocess.Popen[str]":
    """The real thing, in a process of its own, with pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", "trainers", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_list(run: Run) -> None:
    status, out, _ = run("list")
    assert status == 0
    for name in (*RECIPES, *LOOPS):
        assert name in out
    assert max(map(len, out.splitlines())) <= 80
    status, out, _ = run("list", "--json")
    told = json.loads(out)
    assert [entry["name"] for entry in told["recipes"]] == list(RECIPES)
    assert [entry["name"] for entry in told["loops"]] == list(LOOPS)


def test_show(run: Run, place: Path) -> None:
    status, out, _ = run("show", "cnn-5x5")
    assert status == 0
    assert "conv 5 × 5, 16 filters, relu" in out
    assert "274,758" in out
    status, out, _ = run("show", "cnn-5x5", "--toml")
    assert out == recipe_to_toml(RECIPES["cnn-5x5"])
    status, out, _ = run("show", "small.toml")
    assert (status, out.startswith("small")) == (0, True)


def test_a_run_and_its_files(run: Run, place: Path) -> None:
    saved = place / "model.npz"
    status, out, err = run(*TRAIN, "--checkpoint", "here", "--save", str(saved))
    assert (status, err) == (0, "")
    record = json.loads((place / "here" / "record.json").read_text())
    accuracy = record["metrics"]["accuracy"]
    assert f"accuracy {accuracy:.2%}".replace("%", " %") in out
    assert all(f"{number}/3" in out for number in (1, 2, 3))
    assert "best.npz" not in out
    assert "last.npz, record.json" in out
    recipe, weights = read_weights(saved)
    assert recipe == SMALL
    assert weights_digest(weights) == weights_digest(
        read_weights(place / "here" / "last.npz")[1]
    )
    status, out, _ = run("show", "here/last.npz")
    assert status == 0
    for word in ("a checkpoint", "torch-eager", weights_digest(weights)):
        assert word in out
    status, out, _ = run("show", str(saved))
    assert "a checkpoint" not in out


@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
def test_eval_says_what_the_run_said(run: Run, place: Path, ending: str) -> None:
    saved = str(place / f"model{ending}")
    status, out, err = run(*TRAIN, "--json", "--save", saved)
    assert (status, err) == (0, "")
    events = lines_of(out)
    # Checkpoints were made in a folder that is gone: nobody is told of them.
    assert [event["event"] for event in events] == [
        "start",
        *["progress", "epoch"] * 3,
        "record",
    ]
    recipe = () if ending == ".npz" else ("--recipe", "small.toml")
    command = ("eval", saved, "--data", "./data", "--threads", "1", *recipe)
    status, out, err = run(*command, "--json")
    assert (status, err) == (0, "")
    told = json.loads(out)
    assert told["metrics"] == events[-1]["record"]["metrics"]
    assert (told["dataset"], told["split"], told["recipe"]) == ("data", "test", "small")
    status, out, _ = run(*command)
    assert status == 0
    assert f"{told['metrics']['accuracy']:.2%}".replace("%", " %") in out
    if told["metrics"]["mistakes"]:
        assert "surest mistakes" in out


def test_validation_keeps_the_best(run: Run, place: Path) -> None:
    validated = (*TRAIN, "--validation", "4", "--patience", "1", "--epochs", "9")
    status, out, _ = run(*validated, "--checkpoint", "here", "--save", "model.npz")
    assert status == 0
    record = json.loads((place / "here" / "record.json").read_text())
    best = record["validation"]["best_epoch"]
    assert f"epoch {best + 1} was the best on 50 held out examples" in out
    _, weights = read_weights(place / "model.npz")
    _, kept = read_weights(place / "here" / "best.npz")
    assert weights_digest(weights) == weights_digest(kept)


def test_predict(run: Run, place: Path) -> None:
    run(*TRAIN, "--save", "model.npz", "--json")
    images = "data/t10k-images-idx3-ubyte"
    command = ("predict", "model.npz", images, "--threads", "1")
    status, out, _ = run(*command, "--json")
    assert status == 0
    told = lines_of(out)
    assert [line["row"] for line in told] == list(range(60))
    values = np.array([line["probabilities"] for line in told], np.float32)
    accuracy = compute_metrics(DATA.test.labels, values).accuracy
    status, out, _ = run("eval", "model.npz", "--data", "./data", "--json")
    assert json.loads(out)["metrics"]["accuracy"] == accuracy
    assert [line["class"] for line in told] == values.argmax(axis=1).tolist()
    for text, rows in (("7", [7]), ("-3:", [57, 58, 59]), ("4:9", [4, 5, 6, 7, 8])):
        _, out, _ = run(*command, "--json", f"--rows={text}")
        found = lines_of(out)
        assert [line["row"] for line in found] == rows
        # The last bits depend on how many examples a batch has.
        np.testing.assert_allclose(
            [line["probabilities"] for line in found], values[rows], rtol=1e-5
        )
    # Ten pictures of six rows, which are three lines.
    status, out, _ = run(*command)
    assert out.count("t10k-images-idx3-ubyte, row") == 10
    assert any(mark in out for mark in "▀▄█")


def test_predict_pictures(run: Run, place: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    run(*TRAIN, "--save", "model.npz", "--json")
    pictures = []
    for row in range(3):
        pictures.append(f"{row}.png")
        image.fromarray(255 - DATA.test.images[row]).save(pictures[-1])
    _, out, _ = run(
        "predict", "model.npz", *pictures, "--invert", "--json", "--threads", "1"
    )
    found = [line["probabilities"] for line in lines_of(out)]
    images = "data/t10k-images-idx3-ubyte"
    _, out, _ = run("predict", "model.npz", images, "--json", "--rows=:3")
    assert found == [line["probabilities"] for line in lines_of(out)]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ("", 2, "COMMAND"),
        ("train", 2, "invalid choice"),
        ("run --loop torch", 2, "invalid choice"),
        ("run --epochs 0", 2, "expected 1 or more"),
        ("run --threads 1025", 2, "at most 1024"),
        ("run --checkpoint=", 2, "it is empty"),
        ("run --recipe=", 2, "it is empty"),
        ("eval data", 2, "data: a folder, not a file of weights"),
        ("run --seed 18446744073709551616", 2, "at most 2^64 - 1"),
        ("run mlp-51", 2, "did you mean 'mlp-512'?"),
        ("run mlp-512 --recipe cnn-5x5", 2, "two recipes"),
        ("run none.toml", 2, "none.toml: No such file"),
        ("run small.toml --data ./none", 2, "none"),
        ("run small.toml --data nine", 2, "no dataset of this name"),
        ("run cnn-5x5 --data ./data", 2, "cnn-5x5 is not for images of (6, 5)"),
        ("run small.toml --data ./data --patience 2", 2, "--validation K"),
        ("run small.toml --data ./data --resume", 2, "--checkpoint FOLDER"),
        ("run small.toml --data ./data --save a.keras", 2, ".safetensors"),
        ("run small.toml --data ./data --save small.toml", 2, "small.toml"),
        ("run small.toml --data ./data --save none/a.npz", 2, "none"),
        ("run wild.toml --data ./data --threads 1", 1, "is not finite"),
        ("show none", 2, "no recipe of that name"),
        ("show small.npz", 2, "small.npz"),
        ("eval small.toml", 2, "no file of a model"),
        ("eval small.npz", 2, "small.npz"),
        ("eval other.npz --data ./data", 2, "not those that mlp-3x100 is for"),
        ("predict other.npz small.toml", 2, "small.toml: neither IDX nor PNG"),
        ("predict other.npz data/t10k-images-idx3-ubyte", 2, "(n, 28, 28)"),
        ("predict other.npz none.png", 2, "none.png: No such file"),
        ("predict other.npz none.png --rows x", 2, "expected a row or A:B"),
        ("predict other.npz none.png --data ./data", 2, "leave out --data"),
        ("predict other.npz none.png --data nine", 2, "no dataset of this name"),
    ],
)
def test_errors_are_one_line(
    run: Run, place: Path, arguments: str, status: int, words: str
) -> None:
    from trainers.checkpoints import save_weights

    mlp = RECIPES["mlp-3x100"]
    save_weights("other.npz", mlp, initial_weights(mlp, 0))
    (place / "small.npz").write_bytes(b"PK nonsense")
    wild = (place / "small.toml").read_text().replace("0.02", "1e38", 1)
    (place / "wild.toml").write_text(wild)
    found, _, err = run(*arguments.split())
    assert found == status
    assert words in err
    assert "Traceback" not in err
    assert err.strip().rpartition("\n")[2].split(": ")[0] in (
        "error",
        "python -m trainers",
        "python -m trainers run",
        "python -m trainers predict",
    )
    assert status == 1 or "usage" in err or err.count("\n") == 1


def test_the_good_pictures_come_first(run: Run, place: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    run(*TRAIN, "--save", "model.npz", "--json")
    image.fromarray(DATA.test.images[0]).save("good.png")
    (place / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    names = ("none.png", "good.png", "bad.png")
    command = ("predict", "model.npz", "--threads", "1", "--json")
    status, out, err = run(*command, *names)
    assert status == 2
    assert [line["path"] for line in lines_of(out)] == ["good.png"]
    assert [line.split(": ")[:2] for line in err.splitlines()] == [
        ["error", "none.png"],
        ["error", "bad.png"],
    ]
    images = "data/t10k-images-idx3-ubyte"
    status, out, err = run(*command, images, "--rows", "70:80")
    assert (status, out) == (2, "")
    assert "expected of 0 to 59, found 70:80" in err


def test_divergence_names_no_folder_that_is_gone(run: Run, place: Path) -> None:
    text = (place / "small.toml").read_text()
    (place / "wild.toml").write_text(text.replace("0.02", "1e38", 1))
    command = ("run", "wild.toml", "--data", "./data", "--threads", "1")
    status, _, err = run(*command, "--save", "model.npz")
    assert (status, "is not finite" in err, "checkpoint" in err) == (1, True, False)
    _, _, err = run(*command, "--checkpoint", "here", "--resume")
    assert "nothing to resume in here" in err
    assert str(Path("here", "last.npz")) in err


def test_errors_hold_nothing_that_a_terminal_obeys(run: Run, place: Path) -> None:
    (place / "bad.toml").write_text('"\\u001b[31m" = 1')
    status, _, err = run("show", "bad.toml")
    assert (status, "\x1b" in err) == (2, False)
    (place / "red\x1b.toml").write_text("= 1")
    status, _, err = run("show", "red\x1b.toml")
    assert (status, "red?.toml" in err) == (2, True)


def test_what_no_one_expected(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainers.commands import list_command

    def fail(args: object) -> int:
        raise TypeError("two\nlines")

    monkeypatch.setattr(list_command, "main", fail)
    assert run("list") == (1, "", "error: TypeError: two lines; --debug shows where\n")
    status, _, err = run("list", "--debug")
    assert status == 1
    assert "Traceback" in err


def test_a_missing_rich(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] == "rich" or name.startswith("trainers.commands."):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    status, _, err = run("list")
    assert (status, "pip install" in err) == (1, True)


def test_interrupted_and_resumed(run: Run, place: Path) -> None:
    """Ctrl-C in a process of its own; the same command with --resume goes on."""
    command = (*TRAIN, "--json", "--epochs", "300", "--batch-size", "100")
    with child(*command, "--checkpoint", "here") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "epoch":
                break
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert err == "interrupted\n"
    status, out, err = run(*command, "--checkpoint", "here", "--resume")
    assert (status, err) == (0, "")
    resumed = lines_of(out)[-1]["record"]
    assert len(resumed["resumed_at"]) == 1
    _, out, _ = run(*command)
    whole = lines_of(out)[-1]["record"]
    assert whole["resumed_at"] == []
    assert resumed["losses"] == whole["losses"]
    assert resumed["final_weights"] == whole["final_weights"]


def test_a_reader_that_goes_away(place: Path) -> None:
    with child("show", "cnn-5x5") as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 1


def test_help_needs_no_framework(place: Path) -> None:
    code = (
        "import sys; from trainers import cli\n"
        "try: cli.main(['run', '--help'])\n"
        "except SystemExit: pass\n"
        "print([n for n in ('torch', 'tensorflow', 'jax', 'rich') if n in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.splitlines()[-1] == "[]"
