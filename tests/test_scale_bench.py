"""`benchmarks.scale_bench`: lines, what breaks first, and its child at small sizes."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rich")

from benchmarks.scale_bench import (
    RANKS_SUBJECT,
    SIZES,
    SUBJECTS,
    breaking_points,
    collect,
    fit,
    generate,
)
from idxdata import read_header, read_idx


def rows(memory: Callable[[int], float]) -> list[dict[str, Any]]:
    return [
        {
            "case": {"group": "feed", "n": n, "round": number},
            "record": {"per_example_s": 1e-7, "anonymous_nbytes": memory(n)},
        }
        for n in SIZES
        for number in range(3)
    ]


def test_a_line_is_found() -> None:
    line = fit(SIZES, [500 + 3 * n for n in SIZES])
    assert line.base == pytest.approx(500)
    assert line.slope == pytest.approx(3)
    assert line.size_at(3500) == pytest.approx(1000)
    assert 0.9 < line.power < 1


def test_what_does_not_grow_reaches_no_limit() -> None:
    line = fit(SIZES, [7.0] * len(SIZES))
    assert line.power == pytest.approx(0)
    assert line.size_at(1e9) > 1e15
    assert fit(SIZES, [float(9 - i) for i in range(5)]).size_at(100) == math.inf


def test_the_first_to_break_comes_first() -> None:
    grown = breaking_points(collect(rows(lambda n: 100.0 * n)))
    assert grown[0] == ("1.6e+08", "feed: 16,000 MB of memory")
    assert grown[1][0] == "4.3e+09"
    flat = breaking_points(collect(rows(lambda n: 1e6)))
    assert flat == [("4.3e+09", "the most that a plan takes, 2^32")]


def test_what_is_generated_is_idx(tmp_path: Path) -> None:
    generate(tmp_path, 1234)
    images = read_idx(tmp_path / "images-1234.idx")
    assert images.shape == (1234, 4, 4)
    assert (read_idx(tmp_path / "images-1234.idx.gz") == images).all()
    assert read_header(tmp_path / "labels-1234.idx").shape == (1234,)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("subject", [*SUBJECTS, RANKS_SUBJECT])
def test_each_subject_is_measured(subject: str, tmp_path: Path) -> None:
    generate(tmp_path, 5000)
    order = {"subject": subject, "n": 5000, "folder": str(tmp_path), "ranks": 7}
    command = [sys.executable, "-m", "benchmarks.scale_measure", json.dumps(order)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    record = json.loads(done.stdout)["record"]
    assert record["per_example_s"] > 0
    assert record["anonymous_nbytes"] >= 0
