"""Several processes and threads, kills and interrupts: whole, right, and fetched once."""

import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from idxdata import FetchError, locks
from idxdata.fetching import transfer
from idxdata.fetching.fetch import fetch
from idxdata.fetching.parts import Part
from tests.fetching.answering import Site
from tests.fetching.fetched import NAME, PART, SIDECAR, get, leave_a_part, remote

CHILD = """
import sys
from idxdata.fetching.fetch import fetch
from idxdata.fetching.remote import Remote
url, nbytes, sha256, folder = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
path = fetch(Remote("file.gz", (url,), int(nbytes), sha256), folder, timeout_s=600)
print(len(path.read_bytes()), flush=True)
"""
PATIENCE_S = 60


def child(site: Site, manner: str, folder: Path) -> "subprocess.Popen[str]":
    made = remote(site, manner)
    arguments = [made.urls[0], str(made.nbytes), str(made.sha256), str(folder)]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def wait_for_bytes(path: Path, more_than: int = 0) -> None:
    end = time.monotonic() + PATIENCE_S
    while not (path.exists() and path.stat().st_size > more_than):
        assert time.monotonic() < end
        time.sleep(0.002)


def test_killed_in_the_middle_and_gone_on_with(site: Site, tmp_path: Path) -> None:
    process = child(site, "drip", tmp_path)
    go(process)
    part = tmp_path / PART
    wait_for_bytes(part)
    kill(process)
    have = part.read_bytes()
    assert 0 < len(have) < len(site.content)
    assert site.content.startswith(have)
    assert not (tmp_path / NAME).exists()
    assert get(remote(site, "good"), tmp_path) == site.content
    assert site.starts == [None, len(have)]


def test_one_download_for_many_processes(site: Site, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    processes = [child(site, "chunked", tmp_path) for _ in range(4)]
    for process in processes:
        go(process)
    for process in processes:
        out, _ = process.communicate(timeout=PATIENCE_S)
        assert int(out) == len(site.content)
        assert process.returncode == 0
    assert site.manners == ["chunked"]
    assert os.listdir(tmp_path) == [NAME]


def test_one_download_for_many_threads(site: Site, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    made = remote(site, "good")
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: fetch(made, tmp_path), range(8)))
    assert paths == [tmp_path / NAME] * 8
    assert site.manners == ["good"]


def test_who_appears_between_two_looks_is_a_file(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread gives it its name just when this one looks."""
    look = Path.is_file

    def is_file(path: Path) -> bool:
        found = look(path)
        if path.name == NAME:
            path.write_bytes(site.content)
        return found

    monkeypatch.setattr(Path, "is_file", is_file)
    assert fetch(remote(site, "good"), tmp_path).read_bytes() == site.content


def test_who_waits_goes_on_when_the_other_is_killed(site: Site, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    first = child(site, "drip", tmp_path)
    go(first)
    wait_for_bytes(tmp_path / PART)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(fetch, remote(site, "good"), tmp_path)
        kill(first)
        assert second.result(PATIENCE_S).read_bytes() == site.content
    assert site.starts[0] is None
    assert (site.starts[1] or 0) > 0
    assert os.listdir(tmp_path) == [NAME]


@pytest.mark.long
def test_kills_at_any_moment(site: Site, tmp_path: Path) -> None:
    """Whatever is killed when, what has the name is the file."""
    chance = random.Random(0)
    for number in range(8):
        folder = tmp_path / str(number)
        for _ in range(5):
            pair = [child(site, "short.700", folder) for _ in range(2)]
            for process in pair:
                go(process)
            time.sleep(chance.uniform(0, 1.5))
            for process in pair:
                kill(process)
            if (folder / NAME).exists():
                assert (folder / NAME).read_bytes() == site.content
        assert get(remote(site, "good"), folder) == site.content


def test_an_interrupt_keeps_the_part_and_makes_no_file(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object, received: int) -> None:
        if received > 5000:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(transfer._Pace, "check", interrupted)
        with pytest.raises(KeyboardInterrupt):
            get(remote(site, "chunked"), tmp_path)
    assert sorted(os.listdir(tmp_path)) == [PART, SIDECAR]
    assert get(remote(site, "good"), tmp_path) == site.content
    assert (site.starts[-1] or 0) > 0


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


@pytest.mark.parametrize("step", ["open", "origin", "dumps", "write"])
def test_a_part_never_has_the_origin_of_other_bytes(
    step: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at any step between one version's bytes and the next version's origin."""
    made = remote(site, "good", sha256=None)
    old = b"\x1f\x8b" + bytes(1000)
    leave_a_part(site, tmp_path, made, old, validator='"0"')
    with monkeypatch.context() as patch:
        _kill_before(step, patch)
        with pytest.raises(Killed):
            fetch(made, tmp_path)
    assert not (tmp_path / NAME).exists()
    part = Part(tmp_path / NAME, made, is_shared=True)
    origin = part.origin()
    assert origin is None or (origin.validator, part.path.read_bytes()) == ('"0"', old)
    assert get(made, tmp_path) == site.content


def _kill_before(step: str, patch: pytest.MonkeyPatch) -> None:
    from idxdata.fetching import parts

    def kill(*_: object, **__: object) -> None:
        raise Killed

    if step == "open":
        patch.setattr(Part, "open", kill)
    elif step == "origin":
        patch.setattr(parts, "Origin", _Once(parts.Origin))
    elif step == "write":
        patch.setattr(Path, "write_bytes", kill)
    else:
        patch.setattr("json.dumps", kill)


class _Once:
    """Makes what `kind` makes, once for each read of a sidecar, then is killed."""

    def __init__(self, kind: object) -> None:
        self.kind = kind

    def __call__(self, *arguments: object, **named: object) -> object:
        if arguments:
            raise Killed
        return self.kind(**named)  # type: ignore[operator]


# Where there are no locks


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "try_exclusive", lambda _: locks.Lock.UNAVAILABLE)


@pytest.mark.usefixtures("no_locks")
def test_without_locks_each_has_a_part_of_its_own(site: Site, tmp_path: Path) -> None:
    (tmp_path / PART).write_bytes(b"another's")
    fetch(remote(site, "good"), tmp_path)
    assert (tmp_path / NAME).read_bytes() == site.content
    assert (tmp_path / PART).read_bytes() == b"another's"


@pytest.mark.usefixtures("no_locks")
@pytest.mark.parametrize("how", ["fails", "is interrupted"])
def test_without_locks_nothing_is_left_for_nobody(
    how: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would ever go on with a part of a name that nobody knows."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    if how == "fails":
        with pytest.raises(FetchError):
            fetch(remote(site, "chunked_short"), tmp_path)
    else:
        monkeypatch.setattr(transfer._Pace, "check", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch(remote(site, "good"), tmp_path)
    assert [name for name in os.listdir(tmp_path) if not name.endswith(".lock")] == []


@pytest.mark.usefixtures("no_locks")
def test_without_locks_the_first_one_wins_where_files_in_use_stay(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows a file that another has open cannot be replaced."""

    def replace(_: object, final: Path) -> None:
        Path(final).write_bytes(b"the first one's")
        raise PermissionError(13, "in use", str(final))

    monkeypatch.setattr(os, "replace", replace)
    assert fetch(remote(site, "good"), tmp_path).read_bytes() == b"the first one's"
    assert [name for name in os.listdir(tmp_path) if name.endswith(".part")] == []
