"""Hosts, entries and rows of a cluster that is not there, and a pool that plays them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.cluster.hosts import Host, Node
from benchmarks.cluster.messages import Broken, Event, Lost, Played, Ticket
from benchmarks.cluster.work import RoundOrder
from benchmarks.contest.entry import Entry
from tests.verdict import synthetic_rows

Values = dict[str, Any]

DATA = f"{1:064x}"
LOOPS = ("torch-eager", "jax-jit")
ENTRIES = [
    Entry(recipe=recipe, loop=loop, data="glyphs", epochs=1)
    for recipe in ("mlp-3x100", "cnn-5x5")
    for loop in LOOPS
]
GROUPS = ["mlp-3x100, 1 epoch", "cnn-5x5, 1 epoch"]


def host(name: str, machine: str | None = None, *, cpus: int = 2) -> Host:
    """With a node of its own, and on a machine of its own unless that is said."""
    environment = synthetic_rows.environment() | {"usable_cpus": cpus}
    node = Node(f"node of {name}, {cpus}", "127.0.0.1", float(cpus), 0.0)
    return Host(name, machine or name, environment, (node,))


def rows_of(
    host: Host,
    number: int,
    group: str = GROUPS[0],
    *,
    times: Sequence[float] = (1.0, 1.3),
    session: str = "s",
) -> list[Values]:
    """A round as a host gives it back."""
    made = [
        synthetic_rows.Made(seconds, loop=loop, luck=luck)
        for luck, (loop, seconds) in enumerate(zip(LOOPS, times, strict=True))
    ]
    contest = synthetic_rows.Contest(
        made, rounds=1, first_round=number, group=group, session=session,
        epochs=1, steps=20, recipe=group.partition(",")[0],
    )  # fmt: skip
    told = {"environment": host.environment, "host": host.name}
    return [row | told for row in contest.rows()]


class FakePool:
    """Plays at once what it is told to; `fate` says what becomes of a round otherwise.

    `fate` gets host, order and the number of the attempt, and gives "lost" (the round),
    "gone" (the host too), "twice" (it comes back a second time), "broken", or None.
    """

    def __init__(
        self, fate: Callable[[Host, RoundOrder, int], str | None] = lambda *_: None
    ) -> None:
        self.fate = fate
        self.gone: list[str] = []
        self.started: list[tuple[str, str, int]] = []
        self.at_once: list[list[str]] = []
        self._running: list[tuple[Ticket, Host, RoundOrder]] = []

    def alive(self, hosts: Sequence[Host]) -> list[Host]:
        return [one for one in hosts if one.name not in self.gone]

    def start(self, host: Host, order: RoundOrder) -> Ticket:
        ticket = len(self.started) + 1
        group = order.entries[0].group
        self.started.append((host.name, group, order.setting.number))
        self._running.append((ticket, host, order))
        self.at_once.append([one.machine for _, one, _ in self._running])
        return ticket

    def wait(self) -> list[Event]:
        ticket, host, order = self._running.pop(0)
        what = self.started[ticket - 1][1:]
        attempt = sum(one[1:] == what for one in self.started[:ticket])
        fate = self.fate(host, order, attempt)
        rows = rows_of(host, order.setting.number, order.entries[0].group)
        if fate in ("lost", "gone"):
            if fate == "gone":
                self.gone.append(host.name)
            return [Lost(ticket, "the node died")]
        if fate == "broken":
            return [Broken(ticket, "OSError: disk full")]
        played = Played(ticket, rows)
        return [played, replace(played)] if fate == "twice" else [played]


class Silent:
    """Shows nothing, keeps what is noted."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def turned(self, message: object) -> None:
        pass

    def ended(self, message: object) -> None:
        pass

    def noted(self, text: str) -> None:
        self.notes.append(text)
