"""A whole run on a cluster: rounds to hosts, rows back, lost ones again."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmarks.cluster.errors import ClusterError
from benchmarks.cluster.hosts import Host
from benchmarks.cluster.messages import (
    Broken,
    Ended,
    Event,
    Lost,
    Played,
    Ticket,
    Turned,
)
from benchmarks.cluster.schedule import Assignment, Schedule
from benchmarks.cluster.work import RoundOrder
from benchmarks.contest.rounds import RoundSetting


class Pool(Protocol):
    """Hosts that play rounds."""

    def alive(self, hosts: Sequence[Host]) -> list[Host]:
        """Those of `hosts` that are still there."""

    def start(self, host: Host, order: RoundOrder) -> Ticket:
        """Begin a round there."""

    def wait(self) -> list[Event]:
        """What has happened, after a moment at most."""


class Show(Protocol):
    """Who tells people of it."""

    def turned(self, message: Turned) -> None:
        """A contender is at it."""

    def ended(self, message: Ended) -> None:
        """A contender has ended."""

    def noted(self, text: str) -> None:
        """Something that people should know."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What all rows of a run have in common."""

    session: str
    command: str


def play_on(
    pool: Pool, hosts: Sequence[Host], schedule: Schedule, origin: Origin, show: Show
) -> None:
    """Until the schedule wants nothing more; whole rounds are written as they come.

    Raises `ClusterError` for an error of a host that is not a contender's own, for a
    round that is lost again and again, and when no host is left.
    """
    begin = time.monotonic()
    begun: dict[Ticket, tuple[Assignment, float]] = {}
    while True:
        alive = pool.alive(hosts)
        while one := schedule.next(alive, time.monotonic() - begin):
            ticket = pool.start(one.host, _order(one, schedule, origin))
            begun[ticket] = one, time.monotonic()
        if not begun:
            return
        for event in pool.wait():
            match event:
                case Turned():
                    show.turned(event)
                case Ended():
                    show.ended(event)
                case Played(ticket, rows) if ticket in begun:
                    one, since = begun.pop(ticket)
                    names = [entry.contender for entry in schedule.groups[one.group]]
                    schedule.gathered.take(rows, names)
                    schedule.ended(one, time.monotonic() - since)
                case Lost(ticket, reason) if ticket in begun:
                    one, _ = begun.pop(ticket)
                    show.noted(f"{_place(one)} was lost and is played again: {reason}")
                    schedule.lost(one)
                case Broken(ticket, reason) if ticket in begun:
                    one, _ = begun.pop(ticket)
                    raise ClusterError(f"{_place(one)}: {reason}")


def _order(one: Assignment, schedule: Schedule, origin: Origin) -> RoundOrder:
    host = one.host
    setting = RoundSetting(
        session=origin.session,
        number=one.number,
        environment=host.environment,
        command=origin.command,
        cuts=one.cuts,
        host=host.name,
    )
    return RoundOrder(tuple(schedule.groups[one.group]), setting)


def _place(one: Assignment) -> str:
    return f"host {one.host.name}, {one.group}, round {one.number + 1}"
