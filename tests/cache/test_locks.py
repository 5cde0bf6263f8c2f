"""Locks: one holder, none left behind by a killed process, files removed in the end."""

import errno
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from idxdata import locks
from idxdata.locks import Lock, have_alone, named_lock, share, try_exclusive
from tests.cache_faults.folder import line, start, tell

pytest.importorskip("fcntl")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.lock"


HOLDER = """
import sys
from pathlib import Path
from idxdata.locks import named_lock
with named_lock(Path(sys.argv[1]), note="decodes a"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_one_holds_it(path: Path) -> None:
    with named_lock(path) as state:
        assert state is Lock.HELD
        with named_lock(path, wait=False) as other:
            assert other is Lock.BUSY
        assert path.exists()
    assert not path.exists()
    with named_lock(path, wait=False) as again:
        assert again is Lock.HELD


def test_an_error_lets_it_go(path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), named_lock(path):
        raise KeyboardInterrupt
    assert not path.exists()


@pytest.mark.parametrize("end", [signal.SIGKILL, None])
def test_who_waits_goes_on_when_the_holder_ends(
    end: signal.Signals | None, path: Path
) -> None:
    with start(HOLDER, path) as holder:
        assert line(holder) == "held"
        assert path.read_text() == f"process {holder.pid}, which decodes a"
        states: list[Lock] = []

        def wait() -> None:
            with named_lock(path) as state:
                states.append(state)

        waiter = threading.Thread(target=wait)
        waiter.start()
        waiter.join(0.05)
        assert states == []
        if end is None:
            tell(holder)
        else:
            holder.send_signal(end)
        waiter.join(30)
        assert states == [Lock.HELD]
    assert not path.exists()


def test_many_threads_exclude_each_other(path: Path) -> None:
    inside, most, counts = [0], [0], [0]

    def work() -> None:
        for _ in range(50):
            with named_lock(path) as state:
                assert state is Lock.HELD
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                counts[0] += 1
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, counts) == ([1], [300])
    assert not path.exists()


def test_a_lock_file_removed_meanwhile_is_no_lock(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder removed it between our opening it and our locking it."""
    real = locks.try_exclusive
    tried = []

    def remove_first(descriptor: int) -> Lock:
        if not tried:
            path.unlink()
        tried.append(descriptor)
        return real(descriptor)

    monkeypatch.setattr(locks, "try_exclusive", remove_first)
    with named_lock(path) as state:
        assert state is Lock.HELD
        assert path.exists()
    assert len(tried) == 2


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks(
    code: int, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with named_lock(path) as state:
        assert state is Lock.UNAVAILABLE
    with open(path, "rb") as file:
        assert not share(file.fileno())


def test_a_platform_without_locks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "fcntl", None)
    with named_lock(path) as state:
        assert state is Lock.UNAVAILABLE
    assert not path.exists()
    assert try_exclusive(0) is Lock.UNAVAILABLE
    assert not share(0)


def test_other_trouble_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), named_lock(tmp_path / "no" / "a.lock"):
        pass


@pytest.fixture
def data(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "data").write_bytes(b"x")
    descriptor = os.open(tmp_path / "data", os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_shared_locks(tmp_path: Path, data: int) -> None:
    assert share(data)
    for flags in (os.O_RDWR, os.O_RDONLY):
        other = os.open(tmp_path / "data", flags)
        assert try_exclusive(other) is Lock.BUSY
        assert share(other)
        os.close(other)


def test_who_shares_waits_for_who_has_it_alone(tmp_path: Path, data: int) -> None:
    alone = os.open(tmp_path / "data", os.O_RDWR)
    assert try_exclusive(alone) is Lock.HELD
    done = threading.Event()

    def wait() -> None:
        share(data)
        done.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not done.wait(0.05)
    os.close(alone)
    assert done.wait(30)
    thread.join()


# Forks, interrupts, names that are not Unicode

forks = pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="needs fork")


@forks
def test_a_fork_has_no_part_in_a_lock(path: Path) -> None:
    """Neither while it lives longer than the holder, nor by leaving the block."""
    program = """
    import os, signal, sys
    from pathlib import Path
    from idxdata.locks import named_lock
    with named_lock(Path(sys.argv[1])):
        child = os.fork()
        if not child:
            print(os.getpid(), flush=True)
        signal.pause()
    """
    with start(program, path) as holder:
        child = int(line(holder))
        try:
            with named_lock(path, wait=False) as state:
                assert state is Lock.BUSY
            holder.kill()
            holder.wait()
            with named_lock(path, wait=False) as state:
                assert state is Lock.HELD
        finally:
            os.kill(child, signal.SIGKILL)


@forks
def test_a_fork_that_leaves_the_block_keeps_the_file(path: Path) -> None:
    program = """
    import os, sys
    from pathlib import Path
    from idxdata.locks import Lock, named_lock
    path = Path(sys.argv[1])
    with named_lock(path):
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            with named_lock(path, wait=False) as state:
                print(path.exists(), state.value)
    """
    with start(program, path) as holder:
        assert holder.communicate()[0] == "True busy\n"


def test_an_interrupt_while_the_file_is_removed_lets_it_go(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), named_lock(path):
        monkeypatch.setattr(Path, "unlink", interrupted)
    monkeypatch.undo()
    with named_lock(path, wait=False) as state:
        assert state is Lock.HELD


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_just_after_opening_leaves_nothing_open(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = locks.try_exclusive
    opened = []

    def interrupted(descriptor: int) -> Lock:
        opened.append(descriptor)
        real(descriptor)
        raise KeyboardInterrupt

    def release(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(locks, "try_exclusive", interrupted)
    monkeypatch.setattr(locks, "release", release)
    with pytest.raises(KeyboardInterrupt), named_lock(path):
        pass
    monkeypatch.undo()
    gc.collect()
    with named_lock(path, wait=False) as state:
        assert state is Lock.HELD


def test_a_note_may_have_any_name(path: Path) -> None:
    name = os.fsdecode(b"a\xff.gz")
    with named_lock(path, note=f"decodes {name}"):
        assert path.read_bytes().endswith(b"decodes a?.gz")


def test_who_only_looks_is_waited_for(
    tmp_path: Path, data: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert try_exclusive(data) is Lock.HELD
    with have_alone(tmp_path / "data") as (state, _):
        assert state is Lock.BUSY
    monkeypatch.setattr(
        locks.time, "sleep", lambda _: locks.fcntl.flock(data, locks.fcntl.LOCK_UN)
    )
    with have_alone(tmp_path / "data") as (state, _):
        assert state is Lock.HELD


# What a terminal shows

SHOWN = {
    "waiting": """
        import sys
        from pathlib import Path
        from idxdata.locks import named_lock
        with named_lock(Path(sys.argv[1])):
            pass
        """,
    "decoding": """
        import sys
        import numpy as np
        from idxdata import Cache, write_idx
        from idxdata.caching import entry_data
        entry_data.MIN_SHOWN_NBYTES = 0
        write_idx(sys.argv[1] + ".gz", np.ones(1 << 20, "u1"))
        Cache(sys.argv[1] + ".cache").open(sys.argv[1] + ".gz")
        """,
}


def shown(program: str, argument: Path, until: str) -> str:
    """What the program writes to a terminal, up to `until`, while it runs."""
    pty = pytest.importorskip("pty")
    pytest.importorskip("rich")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", textwrap.dedent(program), str(argument)]
    text = ""
    with subprocess.Popen(command, stderr=theirs) as process:
        os.close(theirs)
        try:
            while until not in text:
                text += os.read(ours, 4096).decode()
        except OSError:  # EIO: it ended
            pass
        process.kill()
        os.close(ours)
    return text


def test_who_waits_is_told_for_whom(path: Path) -> None:
    with named_lock(path, note="decodes train-images"):
        text = shown(SHOWN["waiting"], path, "train-images")
    assert f"waiting for process {os.getpid()}, which decodes train-images" in text


def test_a_build_shows_how_far_it_is(path: Path) -> None:
    assert "decoding a.lock.gz" in shown(SHOWN["decoding"], path, "decoding a.lock.gz")
