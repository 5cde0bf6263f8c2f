"""`python -m benchmarks`, whole: processes, rows, report, reruns, and what goes wrong."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import cli
from benchmarks.commands import measuring
from benchmarks.contest.entry import Entry
from benchmarks.contest.folder import RowFile
from benchmarks.run_loop import names
from idxdata import Batches, Plan, load, write_idx
from idxdata.locks import named_lock
from tests.verdict import synthetic_rows

pytest.importorskip("torch")
pytest.importorskip("tensorflow")

ROOT = Path(__file__).parents[2]


def command(*arguments: str | Path | int) -> list[str]:
    return [sys.executable, "-m", "benchmarks", *map(str, arguments)]


def bench(*arguments: str | Path | int) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(*arguments), check=False, capture_output=True, text=True, cwd=ROOT
    )


def rows_of(results: Path, name: str = "rows") -> list[Any]:
    (path,) = results.glob(f"stripes-*/{name}.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.long
def test_run_and_rerun(stripes: Path, tmp_path: Path) -> None:
    options = ["--data", stripes, "--results", tmp_path, "--epochs", 2]
    done = bench("run", *options, "--recipes", "mlp-3x100", "--rounds", 1)
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path)
    assert {row["contender"] for row in rows} == {"torch-eager", "tf-function"}
    a, b = (row["record"] for row in rows)
    assert a["digests"] == b["digests"]
    assert a["losses"][0] == pytest.approx(b["losses"][0], rel=1e-5)
    dataset = load(stripes)
    train = Batches(dataset.train, Plan(600, 128, seed=0))
    assert a["digests"]["batches"] == train.digest(0)
    for row in rows:
        record = row["record"]
        for epoch in record["epochs"]:
            parts = epoch["data_s"] + epoch["compute_s"] + epoch["loop_s"]
            assert parts == pytest.approx(epoch["total_s"])
        wrong = record["metrics"]["wrong"]
        assert len(wrong) == round(150 * (1 - record["metrics"]["accuracy"]))
        labels = dataset.test.labels
        assert all(labels[index] != predicted for index, predicted in wrong)
        assert row["cuts"]["matmul_step_s"] > 0
    (page,) = tmp_path.glob("stripes-*/report.html")
    assert "mlp-3x100" in page.read_text()
    assert "benchmarks run" in page.read_text()

    # In the same folder, in rounds of their own, with seeds of their own.
    again = bench("run", *options, "--recipes", "mlp-3x100", "--rounds", 1)
    assert "going on with the 2 rows" in " ".join(again.stdout.split())
    rows = rows_of(tmp_path)
    assert sorted((row["round"], row["record"]["seed"]) for row in rows) == [
        (0, 0), (0, 0), (1, 1), (1, 1),
    ]  # fmt: skip
    report = bench("report", page.parent)
    assert report.returncode == 0, report.stderr


@pytest.mark.long
def test_an_interrupt_leaves_a_report_of_what_had_ended(
    stripes: Path, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        command(
            "run", "--data", stripes, "--results", tmp_path, "--epochs", 1,
            "--recipes", "mlp-3x100", "--loops", "torch-eager", "--rounds", 1000,
        ),
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )  # fmt: skip
    try:
        end = time.monotonic() + 200
        while not list(tmp_path.glob("stripes-*/rows.jsonl")):
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.1)
        os.kill(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=100)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Interrupted" in output
    assert len(rows_of(tmp_path)) >= 1
    assert list(tmp_path.glob("stripes-*/report.html"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--data", "fashion"), "fashion_mnist"),
        (("run", "--data", "./no-such-folder"), "no-such-folder"),
        (("run", "--recipes", "mlp-3x100,rnn", "--data", "STRIPES"), "rnn"),
        (("run", "--loops", "torch-eager,torch", "--data", "STRIPES"), "'torch'"),
        (("run", "--frameworks", "torch,mxnet"), "'mxnet'"),
        (("run", "--frameworks", "torch", "--loops", "jax-jit"), "not allowed"),
        (("run", "--rounds", "0"), "expected 1 or more"),
        (("run", "--limit-s", "-3"), "positive"),
        (("sensitivity", "loader", "--data", "STRIPES", "--values", "3"), "numbers"),
        (("sensitivity", "colour"), "colour"),
        (("run", "--axes", "loader,size"), "'size'"),
        (
            ("sensitivity", "batch_size", "--data", "STRIPES", "--values", "0.5"),
            "whole numbers",
        ),
        (
            ("sensitivity", "loader", "--data", "STRIPES", "--recipes", "mlp-512"),
            "tutorial",
        ),
        (("report", "no/such/folder"), "no/such/folder"),
        (("compare", "no/such/folder", "nor/this"), "no/such/folder"),
    ],
)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...],
    message: str,
    stripes: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [str(stripes) if text == "STRIPES" else text for text in arguments]
    if arguments[0] in ("run", "sensitivity"):
        given += ["--results", str(tmp_path / "results")]
    try:
        status = cli.main(given)
    except SystemExit as error:
        status = error.code  # type: ignore[assignment]
    assert status == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
    assert not (tmp_path / "results").exists()


def test_what_frameworks_cannot_use_stops_before_any_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for stem in ("train", "t10k"):
        write_idx(tmp_path / f"{stem}-images-idx3-ubyte", np.ones((4, 28, 28), "f4"))
        write_idx(tmp_path / f"{stem}-labels-idx1-ubyte", np.zeros(4, np.uint8))
    results = tmp_path / "results"
    assert cli.main(["run", "--data", str(tmp_path), "--results", str(results)]) == 2
    assert "expected uint8, found float32" in capsys.readouterr().err
    assert not results.exists()


def test_rows_of_another_program_are_not_gone_on_with(
    stripes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["run", "--data", str(stripes), "--results", str(tmp_path)]
    options += ["--recipes", "mlp-3x100", "--loops", "torch-eager", "--rounds", "1"]
    assert cli.main([*options, "--epochs", "1"]) == 0
    (path,) = tmp_path.glob("stripes-*/rows.jsonl")
    before = path.read_text().replace('"schema": 1', '"schema": 99')
    path.write_text(before)
    assert cli.main(options) == 2
    assert "99" in capsys.readouterr().err
    assert path.read_text() == before


def test_rows_that_were_edited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (row,) = synthetic_rows.Contest([synthetic_rows.Made()], rounds=1).rows()
    row["command"] = "python -m benchmarks run"
    del row["record"]["digests"]["order"]
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    assert cli.main(["report", str(tmp_path)]) == 2
    (line,) = [
        one for one in capsys.readouterr().err.splitlines() if one.startswith("error:")
    ]
    assert "'order'" in line


def test_two_runs_do_not_share_a_folder(
    stripes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["run", "--data", str(stripes), "--results", str(tmp_path)]
    options += ["--recipes", "mlp-3x100", "--loops", "torch-eager", "--rounds", "1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "_play", _raise)
        with pytest.raises(RuntimeError):
            cli.main(options)
    (folder,) = tmp_path.glob("stripes-*")
    with named_lock(folder / ".lock"):
        assert cli.main(options) == 2
    assert "another run" in capsys.readouterr().err


def _raise(*_: Any) -> None:
    raise RuntimeError


def test_names_count_once() -> None:
    # Twice the same recipe would pass one pair off as two.
    assert names("b, a,b") == ["b", "a"]


def test_frameworks_stand_for_loops() -> None:
    args = cli.parser().parse_args(["run", "--frameworks", "jax,keras,torch"])
    assert args.frameworks == ["jax-jit", "keras-tf", "torch-eager"]


def test_every_axis_has_points() -> None:
    from benchmarks.commands.sensitivity_command import axis_entries
    from benchmarks.contest.entry import AXES

    for axis in AXES:
        some = ["--values", "1,2"] if axis == "num_threads" else []
        args = cli.parser().parse_args(["sensitivity", axis, *some])
        entries = axis_entries(axis, args)
        assert {entry.axis for entry in entries} == {axis}
        seen = {(entry.group, entry.contender) for entry in entries}
        assert len(seen) == len(entries)
        values = {_point(entry, axis) for entry in entries}
        assert len(values) > 1, axis


def _point(entry: Entry, axis: str) -> object:
    return getattr(entry, axis)


def test_reading_rows_again_changes_nothing(tmp_path: Path) -> None:
    file = RowFile(tmp_path / "rows.jsonl")
    file.append({"group": "g", "round": 0, "session": "s", "contender": "c"})
    before = file.path.read_bytes()
    assert RowFile(file.path).rows == file.rows
    assert file.path.read_bytes() == before
