"""`make bench` on small files, whole: processes, rows, report, and what goes wrong."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import framework_bench
from benchmarks.environment import CpuClock, foreign_load
from idxdata import Batches, Plan, load, write_idx

pytest.importorskip("torch")
pytest.importorskip("tensorflow")

ROOT = Path(__file__).parents[1]


def bench(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.framework_bench", *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )


@pytest.fixture
def stripes(tmp_path: Path) -> Path:
    """A folder of small files: three classes of stripes that are easy to tell apart."""
    folder = tmp_path / "stripes"
    folder.mkdir()
    random = np.random.default_rng(0)
    for stem, count in (("train", 600), ("t10k", 150)):
        labels = random.integers(0, 3, count, dtype=np.uint8)
        images = random.integers(0, 60, (count, 20, 18), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[:: label + 2] += 150
        write_idx(folder / f"{stem}-images-idx3-ubyte.gz", images)
        write_idx(folder / f"{stem}-labels.idx1-ubyte", labels)
    return folder


def test_bench_end_to_end(stripes: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    done = bench(
        "--data", stripes, "--epochs", 2, "--repeats", 2, "--results", results
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (path,) = results.glob("stripes-*.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    order = [(r["case"]["recipe"], r["case"]["loop"], r["case"]["seed"]) for r in rows]
    assert order == [
        (recipe, loop, seed)
        for recipe in ("mlp-3x100", "cnn-5x5")
        for seed in (0, 1)
        for loop in ("torch-eager", "tf-function")
    ]
    records = [row["record"] for row in rows]
    for a, b in zip(records[::2], records[1::2], strict=True):
        assert a["digests"] == b["digests"]
        assert a["losses"][0] == pytest.approx(b["losses"][0], rel=1e-5)
    dataset = load(stripes)
    train = Batches(dataset.train, Plan(600, 128, seed=1))
    assert records[2]["digests"]["batches"] == train.digest(0)
    assert records[2]["digests"]["data"] == dataset.digest
    for record in records:
        assert len(record["epochs"]) == 2
        assert len(record["losses"]) == 10
        for epoch in record["epochs"]:
            parts = epoch["data_s"] + epoch["compute_s"] + epoch["loop_s"]
            assert parts == pytest.approx(epoch["total_s"])
            assert min(epoch["data_s"], epoch["compute_s"]) > 0
            assert epoch["timed_steps"] == 5
        assert np.sum(record["metrics"]["confusion"]) == 150
    assert "losses agreed" in " ".join(done.stdout.split())
    assert "# Benchmark" in (results / "REPORT.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "fashion"), "fashion_mnist"),
        (("--data", "./no-such-folder"), "no-such-folder"),
        (("--recipes", "mlp-3x100,rnn", "--data", "STRIPES"), "rnn"),
        (("--loops", "torch-eager,torch", "--data", "STRIPES"), "'torch'"),
        (("--repeats", "0"), "expected 1 or more"),
    ],
)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...], message: str, stripes: Path, tmp_path: Path
) -> None:
    given = [str(stripes) if text == "STRIPES" else text for text in arguments]
    done = bench(*given, "--results", tmp_path / "results")
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()


def test_names_count_once() -> None:
    # Twice the same recipe would pass one pair off as two.
    assert framework_bench._names("b, a,b") == ["b", "a"]


def test_what_frameworks_cannot_use_stops_before_any_run(tmp_path: Path) -> None:
    for stem in ("train", "t10k"):
        write_idx(tmp_path / f"{stem}-images-idx3-ubyte", np.ones((4, 28, 28), "f4"))
        write_idx(tmp_path / f"{stem}-labels-idx1-ubyte", np.zeros(4, np.uint8))
    done = bench("--data", tmp_path, "--results", tmp_path / "results")
    assert done.returncode == 2
    assert "expected uint8, found float32" in done.stderr
    assert not (tmp_path / "results").exists()


def test_foreign_load() -> None:
    begin = CpuClock(wall_s=10, machine_busy_s=100, ours_s=5)
    end = CpuClock(wall_s=20, machine_busy_s=112, ours_s=12)
    assert foreign_load(begin, end) == 0.5
    assert foreign_load(begin, CpuClock(20, 101, 12)) == 0
    assert foreign_load(CpuClock(10, None, 5), end) is None
