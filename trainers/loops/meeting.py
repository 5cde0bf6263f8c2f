"""All processes of a run are there: found out before a framework that cannot stop waiting.

Rank 0 listens at its address for as long as the others take to come, each of which says
its rank, and tells all of them to go on at once. A framework may then use the address.
"""

import errno
import socket
import time
from contextlib import ExitStack, suppress

from trainers.errors import RankLostError
from trainers.loops.ranks import Ranks

_GO = b"go\n"
_LONGEST = 64
_PAUSE_S = 0.1
_HELLO_S = 2.0
"""For a stranger that says nothing."""


def meet(ranks: Ranks) -> None:
    """Return on all ranks soon after the last of them has called this.

    Raises `RankLostError` if that takes longer than `ranks.timeout_s`, and
    `KeyboardInterrupt` at once.
    """
    end = time.monotonic() + ranks.timeout_s
    host, _, port = ranks.leader.rpartition(":")
    address = host.strip("[]"), int(port)
    if ranks.rank == 0:
        _gather(ranks, address, end)
    else:
        _report(ranks, address, end)


def _hello(ranks: Ranks) -> bytes:
    return f"rank {ranks.rank} of {ranks.num_ranks}\n".encode()


def _late(ranks: Ranks, found: str) -> RankLostError:
    return RankLostError(
        "not all processes of the run have come",
        expected=f"{ranks.num_ranks} within {ranks.timeout_s:g} s",
        found=found,
    )


def _gather(ranks: Ranks, address: tuple[str, int], end: float) -> None:
    """Rank 0's part."""
    others = {
        f"rank {rank} of {ranks.num_ranks}\n".encode(): rank
        for rank in range(1, ranks.num_ranks)
    }
    there: dict[int, socket.socket] = {}
    with ExitStack() as stack, _listening(address, end, ranks) as server:
        while len(there) < ranks.num_ranks - 1:
            server.settimeout(_PAUSE_S)
            with suppress(TimeoutError):
                one = stack.enter_context(server.accept()[0])
                rank = others.get(_line(one, time.monotonic() + _HELLO_S))
                if rank is not None:
                    there[rank] = one
            for rank, one in list(there.items()):
                if _is_gone(one):
                    del there[rank]
            if time.monotonic() > end:
                missing = sorted(set(range(1, ranks.num_ranks)) - set(there))
                raise _late(ranks, f"not rank {', '.join(map(str, missing))}")
        for one in there.values():
            with suppress(OSError):
                one.sendall(_GO)
        for one in there.values():
            # They close first, so that the address is free again.
            _line(one, end)


def _listening(address: tuple[str, int], end: float, ranks: Ranks) -> socket.socket:
    """A server at the address: of a run that was started again soon after another one."""
    while True:
        try:
            family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
            return socket.create_server(address, family=family, backlog=1024)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                # An address that leads here by a translation is none of this host's.
                everywhere = "::" if ":" in address[0] else "0.0.0.0"
                address = everywhere, address[1]
            if time.monotonic() > end:
                place = f"{address[0]}:{address[1]}"
                found = f"rank 0 cannot listen at {place}: {error.strerror}"
                raise _late(ranks, found) from error
            time.sleep(_PAUSE_S)


def _report(ranks: Ranks, address: tuple[str, int], end: float) -> None:
    """Another rank's part: to say that it is there until it is told to go on."""
    found = f"nobody at {address[0]}:{address[1]}"
    while (left := end - time.monotonic()) > 0:
        with suppress(OSError), socket.create_connection(address, left) as connection:
            found = "rank 0, which waits for others"
            connection.sendall(_hello(ranks))
            if _line(connection, end) == _GO:
                return
        time.sleep(_PAUSE_S)
    raise _late(ranks, found)


def _line(connection: socket.socket, end: float) -> bytes:
    """A line, or what there was of it before the other side closed or time was up."""
    text = b""
    with suppress(OSError):
        while not text.endswith(b"\n") and len(text) < _LONGEST:
            connection.settimeout(max(end - time.monotonic(), _PAUSE_S))
            piece = connection.recv(_LONGEST)
            if not piece:
                break
            text += piece
    return text


def _is_gone(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return not connection.recv(_LONGEST)
    except BlockingIOError:
        return False
    except OSError:
        return True
