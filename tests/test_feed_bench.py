"""`benchmarks.feed_bench`: inspection, grid and tables as pure functions; one small run."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import make_inputs, page_cache
from benchmarks.data_results import Results, parse_row
from benchmarks.feed_contenders import (
    DROPPED,
    FEEDERS,
    LARGE,
    WARM,
    Feeder,
    chosen,
    grid,
    input_name,
    warm_ups,
)
from benchmarks.feed_data import LARGE_FILES, open_data
from benchmarks.feed_goals import goals, measured
from benchmarks.feed_inspection import inspect_all, inspect_changed, inspect_some
from benchmarks.feed_prefetch import Work
from benchmarks.feeders import slice_numpy
from benchmarks.goals import judge
from benchmarks.report.feed_tables import feed_row, large_row, notes, prefetch_row
from benchmarks.turns import in_turn
from idxdata import Split, write_idx

ROOT = Path(__file__).parents[1]
N = 70
WHERE = input_name("d", 128)


def split() -> Split:
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (N, 4, 5), np.uint8)
    return Split(images, (np.arange(N) % 10).astype(np.uint8))


def pairs(source: Split, order: Any, divide: bool = True) -> Iterator[tuple[Any, Any]]:
    """Batches of 32 in that order."""
    for first in range(0, len(order), 32):
        rows = order[first : first + 32]
        images = source.images[rows].astype(np.float32)
        images = images / np.float32(255) if divide else images * np.float32(1 / 255)
        yield images, source.labels[rows].astype(np.int64)


def test_a_whole_epoch_passes_inspection() -> None:
    source = split()
    order = np.random.default_rng(0).permutation(N)
    found = inspect_all(pairs(source, order), source)
    assert (found.num_examples, found.num_batches) == (N, 3)
    assert (found.scaling, found.starts_in_file_order) == ("divided", False)
    assert (found.image_dtype, found.label_dtype) == ("float32", "int64")
    found = inspect_all(pairs(source, np.arange(N), divide=False), source)
    assert (found.scaling, found.starts_in_file_order) == ("multiplied", True)


def test_an_example_twice_and_another_never_is_found() -> None:
    source, order = split(), np.arange(N)
    order[3] = order[4]
    with pytest.raises(ValueError, match="not each example came once"):
        inspect_all(pairs(source, order), source)
    with pytest.raises(ValueError, match="64 of 70"):
        inspect_all(pairs(source, order[:64]), source)


def test_one_wrong_number_is_found() -> None:
    source = split()
    batches = [
        (images.copy(), labels) for images, labels in pairs(source, np.arange(N))
    ]
    batches[1][0][0, 0, 0] += 0.3 / 255
    with pytest.raises(ValueError, match="not bytes / 255"):
        inspect_all(batches, source)
    swapped = list(pairs(source, np.arange(N)))
    swapped[0][1][0] += 1
    with pytest.raises(ValueError, match="not each example came once"):
        inspect_all(swapped, source)


def test_augmented_batches_are_looked_at() -> None:
    source = split()
    found = inspect_changed(pairs(source, np.arange(N)), source)
    assert found.num_examples == N
    with pytest.raises(ValueError, match="not each label"):
        inspect_changed(pairs(source, np.arange(N - 1)), source)
    with pytest.raises(ValueError, match="not in"):
        inspect_changed([(np.full((N, 4, 5), 1.5), source.labels)], source)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    make_inputs.numbered(*(tmp_path / name for name in LARGE_FILES), count=200)
    return tmp_path


def test_the_large_set_knows_its_rows(large: Path) -> None:
    data = open_data(LARGE, large)
    assert data.is_large and data.images is data.split.images
    found = inspect_some(slice_numpy.start(data, 32)(0), data.split)
    assert found.num_examples == 200
    twice = [*slice_numpy.start(data, 100)(0)] * 2
    with pytest.raises(ValueError, match="came twice"):
        inspect_some(twice, data.split)
    twice[0][1][:] += 1
    with pytest.raises(ValueError, match="label is another"):
        inspect_some(twice, data.split)


@pytest.mark.skipif(sys.platform != "linux", reason="mincore, posix_fadvise")
def test_pages_come_and_go(large: Path) -> None:
    path = large / LARGE_FILES[0]
    page_cache.fill(path)
    assert page_cache.resident_share(path) == 1
    page_cache.drop(path)  # what it does is the file system's affair
    assert 0 <= page_cache.resident_share(path) <= 1


def test_the_grid_takes_turns_and_has_an_end_for_slow_ones() -> None:
    feeders = [
        Feeder("feed", "a"), Feeder("feed", "b", max_rounds=1),
        Feeder("share", "torch"), Feeder("large", "c"),
    ]  # fmt: skip
    cases = grid(feeders, "d", (32, 128), 2)
    told = [(c.feeder.name, c.batch_sizes, c.state, c.round_number) for c in cases]
    assert told == [
        ("a", (32, 128), WARM, 0), ("b", (32, 128), WARM, 0),
        ("torch", (128,), WARM, 0), ("c", (128,), WARM, 0), ("c", (128,), DROPPED, 0),
        ("a", (128, 32), WARM, 1), ("torch", (128,), WARM, 1),
        ("c", (128,), WARM, 1), ("c", (128,), DROPPED, 1),
    ]  # fmt: skip
    assert {c.data for c in cases if c.feeder.name == "c"} == {LARGE}
    assert {tuple(in_turn("abc", n)) for n in range(6)} == set(permutations("abc"))
    assert in_turn([], 4) == []


def test_warm_ups_are_of_ours_only() -> None:
    cases = grid(FEEDERS, "d", (32,), 1)
    found = warm_ups(cases)
    assert {case.feeder.group for case in found} == {"feed", "augment", "large"}
    assert all(c.is_warm_up and c.feeder.name.startswith("ours") for c in found)


def test_contenders_have_files_with_start() -> None:
    for feeder in FEEDERS:
        if feeder.group in ("feed", "augment", "large"):
            path = ROOT / "benchmarks" / "feeders" / f"{feeder.name}.py"
            assert "def start(data: FeedData, batch_size: int" in path.read_text()
    assert [f.label for f in chosen(["feed/kernel", "share"])] == [
        "feed/kernel", "share/torch", "share/tensorflow",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="no contender nobody"):
        chosen(["nobody"])


def row(group: str, name: str, number: int, **figures: Any) -> dict[str, Any]:
    case = {
        "group": group, "contender": name, "input": WHERE, "state": WARM,
        "round": number, "nbytes": 1,
    }  # fmt: skip
    return {"case": case, "record": figures}


def test_goals_are_ratios_within_a_run() -> None:
    found = goals("d")
    labels = {feeder.label for feeder in FEEDERS}
    for goal in found[:-1]:
        for key in (goal.ours, goal.peer or goal.ours):
            assert f"{key.group}/{key.contender}" in labels
    rows = [
        row("feed", name, number, batch_s=seconds)
        for number in range(3)
        for name, seconds in (("memcpy", 1.0), ("kernel", 2.0), ("ours_torch", 3.0))
    ]
    rows += [row("share", "torch", number, share=0.05) for number in range(3)]
    results = Results(map(parse_row, rows))
    verdicts = judge(measured(found, results.keys), results)
    words = {verdict.goal.ours.contender: verdict.word for verdict in verdicts}
    assert words == {"kernel": "not met", "ours_torch": "met", "torch": "met"}


def test_table_rows() -> None:
    delivery = {"scaling": "multiplied", "label_dtype": "int32"}
    rows = [
        row("feed", "kernel", 0, batch_s=2e-5, first_batch_s=1e-3),
        row("feed", "grain", 0, batch_s=1e-3, delivery=delivery),
        row("large", "slice_numpy", 0, batch_s=2e-5),
        row("prefetch", "plain", 0, alone_s=1e-5, work_s=1e-5, off_s=2e-5, on_s=1e-5),
        {"case": row("feed", "x", 0)["case"], "error": "no"},
    ]
    results = Results(map(parse_row, rows))
    keys = {key.contender: key for key in results.keys}
    assert feed_row(results, keys["grain"])[:3] == (
        "grain",
        "1000 (1000-1000)",
        "50.00",
    )
    assert feed_row(results, keys["x"])[:2] == ("x", "failed")
    assert large_row(results, keys["slice_numpy"])[1:4] == ("20 (20-20)", "", "")
    assert prefetch_row(results, keys["plain"])[-1] == "2.00"
    lines = notes(rows, [keys["kernel"], keys["grain"]], FEEDERS)
    assert lines[0].startswith("x * (1/255)") and lines[0].endswith(": grain")
    assert "labels as int32, not int64: grain" in lines


def test_forks_answer_or_say_why_not() -> None:
    code = """
from benchmarks.forks import in_fork
import os, threading
print(in_fork(lambda: {"a": 1}), in_fork(lambda: {}["b"]), in_fork(lambda: os._exit(3)))
threading.Thread(target=threading.Event().wait, daemon=True).start()
try: in_fork(dict)
except RuntimeError: print("refused")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.stdout.splitlines() == [
        "{'a': 1} {'error': \"KeyError: 'b'\"} {'error': 'exit status 3'}",
        "refused",
    ]


def test_work_takes_about_as_long_as_asked() -> None:
    nothing, some = Work(0), Work(1e-3)
    nothing()
    assert nothing.seconds < some.seconds


def test_bench_end_to_end(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    random = np.random.default_rng(0)
    for name, count in (("train", 300), ("t10k", 10)):
        images = random.integers(0, 256, (count, 28, 28), np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        write_idx(data / f"{name}-images-idx3-ubyte.gz", images)
        write_idx(data / f"{name}-labels-idx1-ubyte.gz", labels)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.feed_bench", "--rounds", "2"),
            *("--data", str(data), "--batch-sizes", "32,128"),
            *("--only", "memcpy,kernel", "--results", str(tmp_path / "results")),
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "150"},
    )
    assert done.returncode == 0, done.stderr + done.stdout
    (path,) = (tmp_path / "results").glob("rows-*.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    told = [(r["case"]["contender"], r["case"]["batch_size"]) for r in rows]
    assert told == [
        ("memcpy", 32), ("memcpy", 128), ("kernel", 32), ("kernel", 128),
        ("kernel", 128), ("kernel", 32), ("memcpy", 128), ("memcpy", 32),
    ]  # fmt: skip
    for found in rows:
        assert found["record"]["delivery"]["num_examples"] == 300
        assert "numpy" in found["environment"]["packages"]
    assert "batches of 128" in done.stdout and "Goals" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only", "nobody"), "no contender nobody"),
        (("--data", "nothing"), "nothing"),
        (("--batch-sizes", "0"), "expected 1 or more"),
    ],
)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.feed_bench", *arguments,
         "--results", str(tmp_path / "results")],
        check=False, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert not list(tmp_path.glob("results/rows-*"))
