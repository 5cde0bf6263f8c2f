"""The example scripts run as they stand, and show what they say they show."""

import subprocess
import sys
from pathlib import Path

import pytest

from idxdata import load

pytestmark = pytest.mark.long

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name: str, *arguments: str, folder: Path) -> str:
    made = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return made.stdout


def test_compare_two_frameworks(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    pytest.importorskip("torch")
    out = run(
        "compare_two_frameworks.py",
        *("--epochs", "2", "--examples", "6000", "--plot", "plot.png"),
        folder=tmp_path,
    )
    lines = out.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["PyTorch", "TensorFlow"]
    accuracies = [float(line.split()[1].rstrip("%")) for line in lines[:2]]
    assert min(accuracies) > 60
    assert abs(accuracies[0] - accuracies[1]) < 0.5
    assert float(lines[2].split()[-1]) < 1e-4
    assert (tmp_path / "plot.png").stat().st_size > 10_000


def test_my_own_images(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    out = run("my_own_images.py", folder=tmp_path)
    data = load(tmp_path / "my-idx")
    assert data.classes == ("circle", "square", "triangle")
    assert data.train.images.shape == (120, 28, 28)
    right = int(out.split("% of 24 held out")[0].split()[-1])
    assert right > 60
    assert out.count("taken for") == 24 - round(24 * right / 100)
