"""The command line, run in this process, with a cache and a width of its own."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from idxdata import cli


@dataclass(frozen=True)
class Result:
    """What a command left: `json` is its standard output as one JSON value."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Result]


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Run:
    """Runs `idxdata` with those arguments, in the folder `tmp_path`."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("IDXDATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Result:
        try:
            status = cli.main([str(argument) for argument in arguments])
        except SystemExit as end:  # of argparse
            status = int(end.code or 0)
        return Result(status, *capsys.readouterr())

    return run
