"""One round of a group: all its processes alive, each doing its part when told to."""

import os
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contest.entry import Entry
from benchmarks.contest.machine import energy_joules, machine_busy_s, trees_cpu_s
from benchmarks.contest.player import Order, Player

SCHEMA = 1
BUSY_LOAD = 0.2
"""Foreign load, in CPUs, above which a turn is called noisy."""

_SETTLE_S = 0.02
"""Between two turns: threads of a pool still spin for a moment after their work."""

Row = dict[str, Any]
OnTurn = Callable[[Entry, str], None]


@dataclass(frozen=True, slots=True)
class RoundSetting:
    """What a round's rows have in common; `number` is the seed too. `host`: in rows of
    a cluster, the name of the host that plays it."""

    session: str
    number: int
    environment: dict[str, Any]
    command: str = ""
    cuts: str = "short"
    host: str | None = None


def play_round(
    entries: Sequence[Entry],
    setting: RoundSetting,
    on_turn: OnTurn,
    on_row: Callable[[Row], None],
) -> None:
    """Every entry in a fresh process; `on_row` gets each row once its process ended.

    Before each turn the order is drawn anew; the draw depends on session and round
    only. An interrupt kills all and loses the rows of those that had not ended.
    """
    draw = random.Random(f"{setting.session} {setting.number} {entries[0].group}")
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        )
        order = Order(setting.number, setting.cuts)
        table = [
            _Seat(stack.enter_context(closing(Player(entry, order, folder / str(n)))))
            for n, entry in enumerate(entries)
        ]
        while waiting := [seat for seat in table if seat.player.next_turn]:
            draw.shuffle(waiting)
            for position, seat in enumerate(waiting):
                on_turn(seat.player.entry, str(seat.player.next_turn))
                seat.take_turn(position, [s.player for s in table])
                if seat.player.next_turn is None:
                    on_row(seat.row(setting))


class _Seat:
    """A player, and what its turns took."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self._turns: list[dict[str, Any]] = []
        self._joules: float | None = 0.0

    def take_turn(self, position: int, table: Sequence[Player]) -> None:
        """Let it go on, everyone else being idle."""
        what = self.player.next_turn
        others = [player for player in table if player is not self.player]
        time.sleep(_SETTLE_S)
        before, joules = _Clock(self.player, others), energy_joules()
        self.player.advance()
        after = _Clock(self.player, others)
        if what == "epoch":
            self._add_energy(joules, energy_joules())
        wall_s = after.wall_s - before.wall_s
        idle = after.others_s - before.others_s
        ours = after.ours_s - before.ours_s
        foreign = max(0.0, after.machine_s - before.machine_s - ours - idle) / wall_s
        self._turns.append(
            {
                "what": what,
                "position": position,
                "wall_s": wall_s,
                "foreign_load": foreign,
                "idle_load": max(0.0, idle) / wall_s,
                "is_noisy": foreign > BUSY_LOAD,
            }
        )

    def row(self, setting: RoundSetting) -> Row:
        """The row of a player that has ended."""
        entry = self.player.entry
        host = {} if setting.host is None else {"host": setting.host}
        return {
            "schema": SCHEMA,
            "session": setting.session,
            "round": setting.number,
            "group": entry.group,
            "contender": entry.contender,
            "case": entry.case(setting.number),
            "command": setting.command,
            "environment": setting.environment,
            "turns": self._turns,
            "energy_j": self._joules,
        } | (host | self.player.found)

    def _add_energy(self, before: float | None, after: float | None) -> None:
        is_known = before is not None and after is not None and after >= before
        if self._joules is None or not is_known:
            self._joules = None
        else:
            assert before is not None and after is not None  # for the type checker
            self._joules += after - before


class _Clock:
    """Seconds so far: wall time, and CPU time of the machine, us and a player, others.

    A process that ended is in this process's own children's time.
    """

    def __init__(self, player: Player, others: Sequence[Player]) -> None:
        own, waiting = player.process, [one.process for one in others]
        self.wall_s = time.perf_counter()
        self.machine_s = machine_busy_s()
        self.ours_s = sum(os.times()[:4]) + (trees_cpu_s([own]) if own else 0.0)
        self.others_s = trees_cpu_s(one for one in waiting if one is not None)
