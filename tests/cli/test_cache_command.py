"""`cache list|verify|prune|where`, over a cache of this test's own."""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import pytest

from idxdata import Cache, write_idx
from idxdata.commands.cache_command import duration, size
from tests.cli.conftest import Run

pytest.importorskip("rich")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """Two entries: of a file with a hostile name, not used for a day, and of `b.gz`."""
    cache = Cache(tmp_path / "cache")
    for name in ("a\x1b[31m.gz", "b.gz"):
        write_idx(tmp_path / name, np.full(1000, ord(name[0]), np.uint8))
        cache.open(tmp_path / name)
    entry = next(one for one in cache.entries() if "a\x1b" in one.source)
    (meta,) = cache.folder.rglob(f"{entry.name}/meta.json")
    day_ago = time.time() - 86_400
    os.utime(meta, (day_ago, day_ago))
    return cache


def test_where(run: Run, tmp_path: Path) -> None:
    assert run("cache", "where").out == f"{tmp_path / 'cache'}\n"
    assert run("cache", "where", "--json").json == {"folder": str(tmp_path / "cache")}


def test_empty(run: Run, tmp_path: Path) -> None:
    assert run("cache", "list").out.startswith("0 entries, 0 bytes, in ")
    assert run("cache", "list", "--json").json == []
    assert run("cache", "verify", "--json").json == []
    assert run("cache", "prune", "--json").json == []
    assert not (tmp_path / "cache").exists()


def test_list(run: Run, cache: Cache, tmp_path: Path) -> None:
    result = run("cache", "list")
    assert result.status == 0
    assert "\x1b" not in result.out
    assert "a?[31m.gz" in result.out
    assert "24 h ago" in result.out
    assert "uint8 1000" in result.out
    assert "2 entries" in result.out
    found = run("cache", "list", "--json").json
    assert [Path(one["source"]).name for one in found] == ["a\x1b[31m.gz", "b.gz"]
    assert found[0]["shape"] == [1000]


def test_in_use(run: Run, cache: Cache, tmp_path: Path) -> None:
    array = cache.open(tmp_path / "b.gz")
    assert "in use" in run("cache", "list").out
    del array
    assert "in use" not in run("cache", "list").out


def test_verify(run: Run, cache: Cache, tmp_path: Path) -> None:
    assert run("cache", "verify").status == 0
    for data in cache.folder.rglob("data.npy"):
        data.chmod(0o600)
        content = bytearray(data.read_bytes())
        content[-1] ^= 1
        data.write_bytes(content)
    (tmp_path / "a\x1b[31m.gz").unlink()
    result = run("cache", "verify")
    assert result.status == 1
    assert "\x1b" not in result.out
    text = " ".join(result.out.split())
    assert "damaged, " in text
    assert "repaired, " in text
    assert "2 checked, 2 not sound" in text
    found = run("cache", "verify", "--json")
    assert found.status == 0
    assert [one["state"] for one in found.json] == ["sound"]
    assert found.json[0]["source"] == str(tmp_path / "b.gz")


def test_prune(run: Run, cache: Cache) -> None:
    assert run("cache", "prune").status == 0
    assert len(cache.entries()) == 2
    result = run("cache", "prune", "--older-than", "12h")
    assert result.status == 0
    assert "a?[31m.gz" in result.out
    assert "1 entry, " in result.out
    assert [Path(one.source).name for one in cache.entries()] == ["b.gz"]
    assert len(run("cache", "prune", "--max-size", "1MB", "--json").json) == 0
    assert len(run("cache", "prune", "--max-size", "0", "--json").json) == 1
    assert not cache.entries()


@pytest.mark.parametrize(
    "limits",
    [
        (),
        ("--older-than", "12h"),
        ("--max-size", "1500"),
        ("--max-size", "0"),
        ("--older-than", "12h", "--max-size", "2kB"),
    ],
)
def test_a_dry_run_tells_what_would_go(
    run: Run, cache: Cache, tmp_path: Path, limits: tuple[str, ...]
) -> None:
    """One of the entries in use, so that it stays."""
    array = cache.open(tmp_path / "b.gz")
    told = run("cache", "prune", *limits, "--dry-run", "--json").json
    out = run("cache", "prune", *limits, "--dry-run").out
    assert "to be deleted from" in out
    assert out.count("would delete") == len(told)
    assert len(cache.entries()) == 2
    gone = run("cache", "prune", *limits, "--json").json
    assert [one["name"] for one in told] == [one["name"] for one in gone]
    assert len(array) == 1000


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--max-size", "2GB"),
        ("verify", "--dry-run"),
        ("where", "--older-than", "3d"),
        ("prune", "--max-size", "2XB"),
        ("prune", "--max-size", "-1"),
        ("prune", "--older-than", "30"),
        ("nonsense",),
        (),
    ],
)
def test_bad_arguments(run: Run, cache: Cache, arguments: tuple[str, ...]) -> None:
    result = run("cache", *arguments)
    assert result.status == 2
    assert not result.out
    assert len(cache.entries()) == 2


@pytest.mark.parametrize(
    ("text", "nbytes"),
    [
        ("0", 0),
        ("1000", 1000),
        ("12b", 12),
        ("2GB", 2 * 10**9),
        ("1.5 kB", 1500),
        ("3M", 3 * 10**6),
        ("2GiB", 2 << 30),
        ("1ti", 1 << 40),
    ],
)
def test_sizes(text: str, nbytes: int) -> None:
    assert size(text) == nbytes


@pytest.mark.parametrize("text", ["", "GB", "1e3", "2iB", "1,000", "nan", "2 G B"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        size(text)


def test_durations() -> None:
    texts = ("90s", "15m", "1.5h", "30d", "2W")
    assert [duration(text) for text in texts] == [90, 900, 5400, 2_592_000, 1_209_600]
    for text in ("", "30", "d", "-1d", "1y", "inf"):
        with pytest.raises(argparse.ArgumentTypeError):
            duration(text)
