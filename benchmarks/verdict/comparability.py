"""Who may be compared: only those that were fed the same, which digests tell."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.verdict.rows import Row
from benchmarks.words import rounds, series

DIGESTS = ("data", "order", "weights", "batches")

_TEXTS = {
    "data": "other data",
    "order": "another order",
    "weights": "other initial weights",
    "batches": "other batches",
    "num_parameters": "another number of parameters",
    "batch_size": "another batch size",
    "epochs": "another number of epochs",
    "precision": "another precision",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A contender that may not be compared within its group.

    `differing` names what was not as it was for `against`, in the rounds `rounds`.
    """

    group: str
    contender: str
    against: str
    differing: tuple[str, ...]
    rounds: tuple[int, ...]

    def __str__(self) -> str:
        what = series(_TEXTS[name] for name in self.differing)
        return (
            f"{self.group}: {self.contender} is refused, since it had {what} than "
            f"{self.against} in {rounds(self.rounds)}"
        )


def refusals(rows: Sequence[Row]) -> list[Refusal]:
    """Of one group's rows. Those that most had count; among equals, the first-entered's.

    A contender that is refused in one round is refused in all.
    """
    order = list(dict.fromkeys(row.contender for row in rows))
    found: dict[str, list[tuple[Row, Row, tuple[str, ...]]]] = {}
    for place in rows_by_place(rows):
        ranked = sorted(place, key=lambda row: order.index(row.contender))
        tally = Counter(tuple(_facts(row).values()) for row in ranked)
        # most_common keeps the order of first sight among equals.
        common = tally.most_common(1)[0][0]
        judge = next(row for row in ranked if tuple(_facts(row).values()) == common)
        for row in ranked:
            if differing := _differing(row, judge):
                found.setdefault(row.contender, []).append((row, judge, differing))
    return [_refusal(found[name]) for name in order if name in found]


def rows_by_place(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows with records that were measured side by side, one for each contender."""
    places: dict[tuple[str, int], dict[str, Row]] = {}
    for row in rows:
        if row.record is not None:
            places.setdefault(row.place, {})[row.contender] = row
    return (list(place.values()) for place in places.values())


def _differing(row: Row, judge: Row) -> tuple[str, ...]:
    theirs = _facts(judge)
    return tuple(name for name, fact in _facts(row).items() if fact != theirs[name])


def _facts(row: Row) -> dict[str, object]:
    """What has to be equal among rows of one place."""
    record = row.record
    assert record is not None  # rows_by_place has no others
    return {name: record.digests[name] for name in DIGESTS} | {
        "num_parameters": record.num_parameters,
        "batch_size": record.batch_size,
        "epochs": len(record.epochs),
        "precision": record.precision,
    }


def _refusal(cases: list[tuple[Row, Row, tuple[str, ...]]]) -> Refusal:
    row, judge, _ = cases[0]
    names = {name for _, _, differing in cases for name in differing}
    return Refusal(
        row.group,
        row.contender,
        judge.contender,
        tuple(name for name in _TEXTS if name in names),
        tuple(sorted(row.round for row, _, _ in cases)),
    )
