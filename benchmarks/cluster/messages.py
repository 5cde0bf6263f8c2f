"""What comes from hosts while rounds are played, and what becomes of rounds."""

from dataclasses import dataclass
from typing import Any

from benchmarks.contest.rounds import Row

Ticket = int
"""A round that was given to a host, and the attempt at it."""


@dataclass(frozen=True, slots=True)
class Turned:
    """A contender begins its turn."""

    host: str
    group: str
    contender: str
    what: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A contender has ended; `row` is `brief`."""

    host: str
    row: Row


@dataclass(frozen=True, slots=True)
class Played:
    """A round is over."""

    ticket: Ticket
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Lost:
    """A round ended with its node or worker process: what it measured is gone."""

    ticket: Ticket
    reason: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A round ended with an error that it would end with elsewhere too."""

    ticket: Ticket
    reason: str


Message = Turned | Ended
Event = Message | Played | Lost | Broken


def brief(row: Row) -> Row:
    """What is told of a row when its process ends: a few numbers of all."""
    kept: dict[str, Any] = {
        name: row[name]
        for name in ("round", "group", "contender", "turns", "error", "cuts_error")
        if name in row
    }
    if "record" in row:
        epochs = [{"total_s": one["total_s"]} for one in row["record"]["epochs"]]
        accuracy = row["record"]["metrics"]["accuracy"]
        kept["record"] = {"epochs": epochs, "metrics": {"accuracy": accuracy}}
    return kept
