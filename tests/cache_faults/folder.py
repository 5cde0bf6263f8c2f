"""Looking into a cache folder from outside, by its documented layout only."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from idxdata import Cache, write_idx
from idxdata.caching import building
from tests.strategies import Array

VALUES = np.arange(24, dtype="f4").reshape(2, 3, 4)
"""What the fixture `source` has."""


def listed(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def entries(cached: Cache) -> list[Path]:
    """All that lies in the folder of entries, leftovers too."""
    return listed(cached.folder / "entries")


def the_entry(cached: Cache) -> Path:
    (entry,) = entries(cached)
    return entry


def index_files(cached: Cache) -> list[Path]:
    return listed(cached.folder / "sources")


def rewrite(path: Path, array: Array, *, later_ns: int = 1000) -> None:
    """Another content for `path`, some time later by the clock of the file system."""
    before = path.stat().st_mtime_ns
    write_idx(path, array)
    os.utime(path, ns=(before + later_ns, before + later_ns))


def flip_a_byte(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something is decoded")

    monkeypatch.setattr(building, "write_data", refuse)


def while_building(
    monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]
) -> None:
    """Let `action` happen once, between decoding a source and publishing its entry."""
    write_data = building.write_data

    def write_then_act(*arguments: object, **named: object) -> object:
        contents = write_data(*arguments, **named)  # type: ignore[arg-type]
        monkeypatch.undo()
        action()
        return contents

    monkeypatch.setattr(building, "write_data", write_then_act)


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Another process that runs `program`; what it prints can be read."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)]
        + [str(argument) for argument in arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str]) -> None:
    """Let a process go on that waits for a line."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def in_namespace(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a shell script that may mount, as user namespaces allow; skips without."""
    unshare = ["unshare", "-Urm", "sh", "-ec"]
    try:
        probe = subprocess.run([*unshare, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("no unshare")
    if probe.returncode:
        pytest.skip(f"no user namespaces: {probe.stderr.decode().strip()}")
    return subprocess.run(
        [*unshare, script, "sh", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
