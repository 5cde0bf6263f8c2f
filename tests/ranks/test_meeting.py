"""How processes find out that all are there, before TensorFlow waits for ever."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ranks.launching import ended, free_port
from trainers.errors import RankLostError
from trainers.loops.meeting import meet
from trainers.loops.ranks import Ranks

ROOT = Path(__file__).parents[2]


def place(
    rank: int, num_ranks: int, port: int, timeout_s: float = 60, host: str = "127.0.0.1"
) -> Ranks:
    return Ranks(rank, num_ranks, 0, 16, 200, timeout_s, f"{host}:{port}")


def in_threads(*calls: Callable[[], None]) -> list[BaseException | None]:
    """What each of the calls, all under way at once, raised."""
    raised: list[BaseException | None] = [None] * len(calls)

    def run(number: int) -> None:
        try:
            calls[number]()
        except BaseException as error:  # noqa: BLE001 - it is looked at by the test
            raised[number] = error

    threads = [
        threading.Thread(target=run, args=(n,), daemon=True) for n in range(len(calls))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
        assert not thread.is_alive()
    return raised


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_all_go_on_when_the_last_has_come(order: tuple[int, ...]) -> None:
    port = free_port()
    left: list[int] = []

    def come(rank: int, wait_s: float) -> None:
        time.sleep(wait_s)
        if wait_s == 0.6:
            assert not left
        meet(place(rank, 3, port))
        left.append(rank)

    calls = [
        lambda rank=rank, n=n: come(rank, 0.3 * n)  # type: ignore[misc]
        for n, rank in enumerate(order)
    ]
    assert in_threads(*calls) == [None] * 3
    assert sorted(left) == [0, 1, 2]


def test_they_can_meet_again_at_once() -> None:
    """The address is free when all have left: the framework's server takes it."""
    port = free_port()
    for _ in range(3):
        calls = [
            lambda rank=rank: meet(place(rank, 2, port, 20))  # type: ignore[misc]
            for rank in (0, 1)
        ]
        assert in_threads(*calls) == [None, None]
        socket.create_server(("127.0.0.1", port)).close()


def test_who_is_missing_is_told() -> None:
    port = free_port()
    calls = [
        lambda rank=rank: meet(place(rank, 4, port, 1 + rank))  # type: ignore[misc]
        for rank in (0, 2)
    ]
    first, other = in_threads(*calls)
    assert isinstance(first, RankLostError)
    assert isinstance(other, RankLostError)
    assert "expected 4 within 1 s, found not rank 1, 3" in str(first)
    assert "rank 0" in str(other)


def test_rank_0_is_missing() -> None:
    port = free_port()
    with pytest.raises(RankLostError, match=f"nobody at 127.0.0.1:{port}"):
        meet(place(1, 2, port, 0.5))


def test_an_address_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(
            RankLostError, match=f"listen at 127.0.0.1:{port}: .+in use"
        ):
            meet(place(0, 2, port, 0.3))


def test_an_address_of_no_host_here_is_listened_for_on_all() -> None:
    """Such as a service's, which is translated on the way; 192.0.2.1 is nobody's."""
    port = free_port()
    calls = (
        lambda: meet(place(0, 2, port, host="192.0.2.1")),
        lambda: meet(place(1, 2, port)),
    )
    assert in_threads(*calls) == [None, None]


@pytest.mark.parametrize(
    "said",
    [b"", b"GET / HTTP/1.1\r\n\r\n", b"rank 1 of 3\n", b"rank 0 of 2\n", b"\0" * 99],
)
def test_strangers_do_not_count(said: bytes) -> None:
    port = free_port()

    def stranger() -> None:
        for _ in range(100):
            try:
                with socket.create_connection(("127.0.0.1", port), 1) as connection:
                    connection.sendall(said)
                    assert connection.recv(9) == b""
                return
            except OSError:
                time.sleep(0.05)

    first, other = in_threads(lambda: meet(place(0, 2, port, 4)), stranger)
    assert "found not rank 1" in str(first)
    assert other is None


def test_who_leaves_is_waited_for_again() -> None:
    port = free_port()

    def come_and_go() -> None:
        while True:
            try:
                connection = socket.create_connection(("127.0.0.1", port), 1)
                break
            except OSError:
                time.sleep(0.05)
        with connection:
            connection.sendall(b"rank 1 of 3\n")
            time.sleep(0.3)
        time.sleep(0.3)
        meet(place(2, 3, port))

    def late() -> None:
        time.sleep(1.5)
        meet(place(1, 3, port))

    calls = (lambda: meet(place(0, 3, port)), come_and_go, late)
    assert in_threads(*calls) == [None] * 3


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("rank", [0, 1])
def test_signals_end_who_waits(name: str, rank: int) -> None:
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from tests.ranks.test_meeting import meet, place\n"
        "print('waits', flush=True)\n"
        f"meet(place({rank}, 2, {free_port()}))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with ended([process]):
        assert process.stdout is not None
        assert process.stdout.readline() == "waits\n"
        time.sleep(0.3)
        os.kill(process.pid, getattr(signal, name))
        _, text = process.communicate(timeout=30)
        assert process.returncode != 0
        assert "RankLostError" not in text
