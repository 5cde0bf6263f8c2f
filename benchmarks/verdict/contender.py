"""One contender of a group: its rows, and what they say of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.verdict.quality import Quality, measure_quality
from benchmarks.verdict.rows import Record, Row
from benchmarks.verdict.speed import Speed, least_floor_s, measure_speed


@dataclass(frozen=True, slots=True)
class Contender:
    """`rows` have records, at least one, in order of rounds."""

    name: str
    rows: tuple[Row, ...]
    speed: Speed
    quality: Quality

    @property
    def records(self) -> list[Record]:
        """One a row."""
        return [row.record for row in self.rows if row.record is not None]

    @property
    def first(self) -> Record:
        """That of the lowest round."""
        return self.records[0]

    @property
    def noisy(self) -> tuple[int, ...]:
        """Rounds in which others disturbed it."""
        return tuple(row.round for row in self.rows if row.is_noisy)


def contenders(rows: Sequence[Row], target: float | None) -> list[Contender]:
    """Of one group's rows: those with a record, in the order they were entered."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row.record is not None:
            found.setdefault(row.contender, []).append(row)
    floor_s = least_floor_s(rows)
    return [
        Contender(
            name,
            tuple(sorted(own, key=lambda row: (row.round, row.session))),
            measure_speed(own, floor_s),
            measure_quality(own, target),
        )
        for name, own in found.items()
    ]
