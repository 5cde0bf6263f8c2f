"""The benchmark runs, and names all contenders."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.ray_data.local import ROOT, settings

pytestmark = pytest.mark.long


def test_it_runs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.ray_bench", "--rounds", "1"]
    with settings():
        done = subprocess.run(
            [*command, "--rows", "300", "--results", str(tmp_path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    for name in ("read_idx", "4 blocks", "gz", "from_numpy", "read_numpy", "parquet"):
        assert name in done.stdout
    assert len(next(tmp_path.glob("*.jsonl")).read_text().splitlines()) == 6
