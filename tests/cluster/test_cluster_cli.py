"""`python -m benchmarks run --cluster`: what is said before any Ray is started."""

import importlib.util
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import cli

ROOT = Path(__file__).parents[2]


def options(stripes: Path, results: Path) -> list[str]:
    return [
        "run", "--data", str(stripes), "--results", str(results), "--epochs", "1",
        "--recipes", "mlp-3x100", "--loops", "torch-eager", "--rounds", "1",
    ]  # fmt: skip


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_without_ray(
    stripes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = importlib.util.find_spec

    def find_spec(name: str, *more: Any) -> Any:
        return None if name == "ray" else known(name, *more)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    whole = [*options(stripes, tmp_path / "results"), "--cluster", "local"]
    assert cli.main(whole) == 2
    assert "ray is not installed; pip install 'idxdata[cluster]'" in last_line(capsys)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_nobody_answers(
    scheme: str, stripes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    if importlib.util.find_spec("ray") is None:
        pytest.skip("no Ray")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"{scheme}127.0.0.1:{taken.getsockname()[1]}"
        whole = [*options(stripes, tmp_path / "results"), "--cluster", address]
        assert cli.main(whole) == 2
    line = last_line(capsys)
    assert "no Ray cluster answers" in line and address in line
    assert not (tmp_path / "results").exists()


def test_without_the_option_ray_is_not_imported(stripes: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    code = (
        "import sys; from benchmarks import cli; status = cli.main(sys.argv[1:]);"
        "names = [n for n in sys.modules if n.split('.')[0] == 'ray'];"
        "assert not names, names; assert 'benchmarks.cluster' not in sys.modules;"
        "sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *options(stripes, tmp_path)],
        check=False, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("stripes-*/rows.jsonl")
    assert '"host"' not in path.read_text()
