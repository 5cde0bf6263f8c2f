"""Which round is played where, and which next. Knows no clock but by what it is told."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.cluster.errors import ClusterError
from benchmarks.cluster.gathering import Gathered, row_host
from benchmarks.cluster.hosts import Host
from benchmarks.contest.entry import Entry
from benchmarks.contest.folder import Rows
from benchmarks.contest.schedule import Rule
from benchmarks.verdict.hosts import HostKey

MAX_LOSSES = 3
"""A round that was lost so often is not tried again."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A round for a host. `losses`: how often it was lost before. `cuts`: as `Order`'s."""

    group: str
    number: int
    host: Host
    cuts: str
    losses: int = 0


@dataclass(slots=True)
class _Count:
    """Of one group on one host: rounds of earlier runs and of this one; how many of
    these were begun; seconds that the last one took."""

    num_before: int
    num_now: int = 0
    num_begun: int = 0
    took_s: float = 0.0


@dataclass(slots=True)
class Schedule:
    """Groups are played in turn on each host, one round at a time on each machine.

    Without `rule.rounds` the rule holds for each host by itself: it plays on until its
    own intervals are narrow, as a machine without a cluster would. With it, the group
    has so many rounds in all, on whichever hosts are free.
    """

    entries: Sequence[Entry]
    rule: Rule
    gathered: Gathered
    cuts: bool = True
    groups: dict[str, list[Entry]] = field(init=False)
    playing: list[Assignment] = field(init=False, default_factory=list)
    _again: list[Assignment] = field(init=False, default_factory=list)
    _counts: dict[tuple[HostKey, str], _Count] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.groups = defaultdict(list)
        for entry in self.entries:
            self.groups[entry.group].append(entry)

    def next(self, hosts: Sequence[Host], elapsed_s: float) -> Assignment | None:
        """What to begin now on one of `hosts`, which are alive; None for nothing.

        Raises `ClusterError` if there is something to do and there are no hosts.
        """
        busy = {one.host.machine for one in self.playing}
        free = [host for host in hosts if host.machine not in busy]
        # Of two hosts of one machine, who has had fewer rounds.
        free.sort(
            key=lambda host: sum(self._count(host, g).num_begun for g in self.groups)
        )
        found = self._lost_one(free, hosts) or self._new_one(free, elapsed_s)
        if found is not None:
            self.playing.append(found)
            self._count(found.host, found.group).num_begun += 1
        elif not hosts and not self.playing and self._is_wanting(elapsed_s):
            raise ClusterError("no host of the cluster is left")
        return found

    def ended(self, one: Assignment, took_s: float) -> None:
        """The round was played, in so many seconds."""
        self.playing.remove(one)
        count = self._count(one.host, one.group)
        count.num_now += 1
        count.took_s = took_s

    def lost(self, one: Assignment) -> None:
        """The round has to be played again, whole. Raises `ClusterError` if it was lost
        `MAX_LOSSES` times."""
        self.playing.remove(one)
        self._count(one.host, one.group).num_begun -= 1
        losses = one.losses + 1
        if losses >= MAX_LOSSES:
            raise ClusterError(
                f"{one.group}, round {one.number + 1}: lost {losses} times, the last "
                f"time by host {one.host.name}"
            )
        self._again.append(
            Assignment(one.group, one.number, one.host, one.cuts, losses)
        )

    def _lost_one(
        self, free: Sequence[Host], hosts: Sequence[Host]
    ) -> Assignment | None:
        """A round that was lost, on another host than by which it was, if there is one."""
        for one in self._again:
            others = [host for host in hosts if host != one.host]
            chosen = [host for host in free if host in (others or hosts)]
            if chosen:
                self._again.remove(one)
                cuts = self._cuts(chosen[0], one.group)
                return Assignment(one.group, one.number, chosen[0], cuts, one.losses)
        return None

    def _new_one(self, free: Sequence[Host], elapsed_s: float) -> Assignment | None:
        for host in free:
            wanting = [
                name for name in self.groups if self._wants(host, name, elapsed_s)
            ]
            if wanting:
                group = min(wanting, key=lambda name: self._begun(host, name))
                number = self.gathered.free_number(group, self._taken(group))
                return Assignment(group, number, host, self._cuts(host, group))
        return None

    def _is_wanting(self, elapsed_s: float) -> bool:
        """Whether anything is to be played, were there a host for it."""
        if self._again or self.rule.rounds is None:
            return bool(self._again) or not self._counts
        return any(self._missing(name) for name in self.groups) and (
            elapsed_s < self.rule.limit_s
        )

    def _wants(self, host: Host, group: str, elapsed_s: float) -> bool:
        count = self._count(host, group)
        if self.rule.rounds is not None:
            is_first = not self._num_begun(group)
            has_time = self.rule.has_time(elapsed_s, count.took_s)
            return self._missing(group) and (is_first or has_time)
        if not count.num_now:
            return True
        own = self._rows_of(host)
        names = [entry.contender for entry in self.groups[group]]
        return self.rule.wants_more(
            count.num_before, count.num_now, own.epoch_times(group, names)
        ) and self.rule.has_time(elapsed_s, count.took_s)

    def _begun(self, host: Host, group: str) -> tuple[int, int]:
        """What decides whose turn it is: rounds on this host, or in all."""
        here = self._count(host, group).num_begun
        return (here, 0) if self.rule.rounds is None else (self._num_begun(group), here)

    def _missing(self, group: str) -> bool:
        assert self.rule.rounds is not None
        again = sum(one.group == group for one in self._again)
        return self._num_begun(group) + again < self.rule.rounds

    def _num_begun(self, group: str) -> int:
        return sum(
            count.num_begun
            for (_, name), count in self._counts.items()
            if name == group
        )

    def _taken(self, group: str) -> list[int]:
        return [
            one.number for one in (*self.playing, *self._again) if one.group == group
        ]

    def _cuts(self, host: Host, group: str) -> str:
        """Long in a host's first round: its floors are no other host's."""
        if not self.cuts:
            return "none"
        return "short" if self._count(host, group).num_begun else "long"

    def _count(self, host: Host, group: str) -> _Count:
        key = host.key, group
        if key not in self._counts:
            self._counts[key] = _Count(self._rows_of(host).num_rounds(group))
        return self._counts[key]

    def _rows_of(self, host: Host) -> Rows:
        rows = self.gathered.file.rows
        return Rows([row for row in rows if row_host(row) == host.key])
