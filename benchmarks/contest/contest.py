"""A whole run: groups by turns, round after round, until it is enough."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.contest.entry import Entry
from benchmarks.contest.folder import RowFile
from benchmarks.contest.rounds import OnTurn, RoundSetting, Row, play_round
from benchmarks.contest.schedule import Rule


@dataclass(slots=True)
class Group:
    """Entries that take turns. `took_s`: its last round."""

    entries: list[Entry]
    num_before: int
    num_now: int = 0
    took_s: float = 0.0

    @property
    def name(self) -> str:
        """As in rows."""
        return self.entries[0].group


@dataclass(slots=True)
class Contest:
    """`entries` into `file`, by `rule`. `session`: when it began, as in rows."""

    entries: Sequence[Entry]
    rule: Rule
    file: RowFile
    session: str
    environment: dict[str, Any]
    command: str = ""
    cuts: bool = True
    groups: list[Group] = field(init=False)
    began_s: float = field(init=False)

    def __post_init__(self) -> None:
        by_name: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            by_name[entry.group].append(entry)
        self.groups = [
            Group(entries, self.file.num_rounds(name))
            for name, entries in by_name.items()
        ]
        self.began_s = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Since the run began."""
        return time.monotonic() - self.began_s

    def left_s(self) -> float | None:
        """Seconds to its end, at most; None before that can be told."""
        if any(not group.num_now for group in self.groups):
            return None
        limit = max(0.0, self.rule.limit_s - self.elapsed_s)
        if self.rule.rounds is None:
            return limit
        rounds = self.rule.rounds
        return min(limit, sum((rounds - g.num_now) * g.took_s for g in self.groups))

    def play(self, on_turn: OnTurn, on_row: Callable[[Row], None]) -> None:
        """Rounds of each group in turn, until no group wants more or has the time.

        Every group has at least one round, whatever the limit.
        """
        while True:
            wanting = [group for group in self.groups if self._goes_on(group)]
            if not wanting:
                return
            for group in wanting:
                if self._goes_on(group):
                    self._play(group, on_turn, on_row)

    def _goes_on(self, group: Group) -> bool:
        if not group.num_now:
            return True
        names = [entry.contender for entry in group.entries]
        times = self.file.epoch_times(group.name, names)
        return self.rule.wants_more(
            group.num_before, group.num_now, times
        ) and self.rule.has_time(self.elapsed_s, group.took_s)

    def _play(
        self, group: Group, on_turn: OnTurn, on_row: Callable[[Row], None]
    ) -> None:
        def keep(row: Row) -> None:
            self.file.append(row)
            on_row(row)

        cuts = "none" if not self.cuts else "short" if group.num_now else "long"
        setting = RoundSetting(
            self.session,
            self.file.next_round(group.name),
            self.environment,
            self.command,
            cuts,
        )
        begin = time.monotonic()
        play_round(group.entries, setting, on_turn, keep)
        group.took_s = time.monotonic() - begin
        group.num_now += 1


def points(entries: Sequence[Entry], axis: str, values: Sequence[float]) -> list[Entry]:
    """Each entry at each value of a numeric axis: `batch_size`, `num_threads`, `width`.

    Raises `ValueError` for a size or number of threads that is no whole one.
    """
    if axis != "width" and any(value < 1 or value % 1 for value in values):
        raise ValueError(f"values of {axis} are whole numbers of at least 1")
    kind = float if axis == "width" else int
    return [
        replace(entry, axis=axis, **{axis: value})  # type: ignore[arg-type]
        for value in dict.fromkeys(map(kind, values))
        for entry in entries
    ]
