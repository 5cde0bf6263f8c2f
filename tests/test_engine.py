"""Which engine "auto" takes, as a rule of what the kernel still has to do."""

import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from idxdata import engine, read_header, read_idx, write_idx
from idxdata.engine import choose_engine, is_kernel_cached

SMALL, LARGE, HUGE = 10_000, 10_000_000, 2_000_000_000
"""Compressed bytes: not worth a call, an MNIST, more than a compilation is worth."""


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """As in a process that has read nothing, with the kernel in the disk cache."""
    monkeypatch.setattr(engine, "_lost_s", 0.0)
    monkeypatch.setattr(engine, "is_kernel_cached", lambda: True)
    for name in ("numba", engine._KERNEL):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield monkeypatch


def pretend(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    for name in names:
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))


@pytest.mark.parametrize("nbytes", [None, 0, SMALL, LARGE])
def test_a_fresh_process_begins_with_zlib(nbytes: int | None) -> None:
    assert choose_engine("auto", nbytes) == "zlib"


@pytest.mark.parametrize("nbytes", [None, LARGE, HUGE])
def test_a_loaded_kernel_is_taken(
    nbytes: int | None, fresh: pytest.MonkeyPatch
) -> None:
    pretend(fresh, "numba", engine._KERNEL)
    assert choose_engine("auto", nbytes) == "numba"


def test_a_small_file_is_not_worth_a_call(fresh: pytest.MonkeyPatch) -> None:
    pretend(fresh, "numba", engine._KERNEL)
    assert choose_engine("auto", 1000) == "zlib"


@pytest.mark.parametrize("is_imported", [False, True])
def test_who_goes_on_reading_loads_the_kernel_and_loses_no_more_than_that(
    is_imported: bool, fresh: pytest.MonkeyPatch
) -> None:
    if is_imported:
        pretend(fresh, "numba")
    choices = [choose_engine("auto", LARGE) for _ in range(50)]
    assert choices == sorted(choices, reverse=True)
    lost_s = (
        choices.count("zlib")
        * LARGE
        * (engine._ZLIB_S_PER_BYTE - engine._NUMBA_S_PER_BYTE)
    )
    cost_s = engine._LOAD_S + (0 if is_imported else engine._IMPORT_S)
    assert 0 < lost_s <= cost_s + 0.01
    assert "numba" in choices


def test_reading_small_files_never_makes_it_compile(fresh: pytest.MonkeyPatch) -> None:
    fresh.setattr(engine, "is_kernel_cached", lambda: False)
    assert {choose_engine("auto", LARGE) for _ in range(1000)} == {"zlib"}


def test_headers_do_not_count(fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """However many are looked at, nothing is lost that a kernel would have saved."""
    path = tmp_path / "a.gz"
    write_idx(path, np.random.default_rng(0).integers(0, 9, 200_000, np.uint8))
    for _ in range(3):
        read_header(path)
    assert engine._lost_s == 0
    read_idx(path)
    assert engine._lost_s > 0


def test_one_huge_file_does(fresh: pytest.MonkeyPatch) -> None:
    fresh.setattr(engine, "is_kernel_cached", lambda: False)
    assert choose_engine("auto", HUGE) == "numba"


@pytest.mark.parametrize("nbytes", [None, SMALL, HUGE])
@pytest.mark.parametrize("name", ["numba", "zlib"])
def test_a_named_engine_is_taken(name: engine.Engine, nbytes: int | None) -> None:
    assert choose_engine(name, nbytes) == name


def test_where_the_kernel_is_looked_for(
    fresh: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In numba's folder, for this Python, by the name that numba gives it."""
    fresh.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert not is_kernel_cached()
    folder = tmp_path / "_kernels_0123"
    folder.mkdir()
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    (folder / "inflate.inflate-460.py27.nbi").touch()
    assert not is_kernel_cached()
    (folder / f"inflate.inflate-460.{version}.nbi").touch()
    assert is_kernel_cached()


def test_numba_does_put_it_there(fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever numba's names are, they are found."""
    environment = {"NUMBA_CACHE_DIR": str(tmp_path), "PATH": "/usr/bin"}
    program = (
        "from idxdata.engine import is_kernel_cached as cached\n"
        "before = cached()\n"
        "from idxdata.commands.warm_command import run_inflate\n"
        "run_inflate()\n"
        "print(before, cached())\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[1],
    )
    assert result.stdout == "False True\n"
