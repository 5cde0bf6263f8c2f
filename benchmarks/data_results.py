"""Rows of the data benchmarks to series of figures that can be paired. Pure."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.stats import PairedRatio, paired_ratio

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    """What is measured again in every round."""

    group: str
    contender: str
    input: str
    state: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One row. `figures`: the numbers of its record by name, none on an error.

    "fresh_s" is "import_s" and "first_s" together, where a record has both.
    """

    key: Key
    round_number: int
    nbytes: int
    figures: dict[str, float]
    error: str


def parse_row(row: Row) -> Sample:
    """Raises KeyError if `row` is none of the data benchmarks'."""
    case = row["case"]
    key = Key(case["group"], case["contender"], case["input"], case["state"])
    record = {} if "error" in row else row["record"]
    figures: dict[str, float] = {
        name: value for name, value in record.items() if isinstance(value, int | float)
    }
    if {"import_s", "first_s"} <= figures.keys():
        figures["fresh_s"] = figures["import_s"] + figures["first_s"]
    return Sample(key, case["round"], case["nbytes"], figures, row.get("error", ""))


def make_row(
    key: Key, round_number: int, record: dict[str, float], environment: dict[str, Any]
) -> Row:
    """What `parse_row` reads, of something that gives out no bytes to count."""
    case = {**asdict(key), "round": round_number, "nbytes": 0}
    return {"case": case, "record": record, "environment": environment}


class Results:
    """All samples of a run, by key and round."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples: dict[Key, dict[int, Sample]] = {}
        for sample in samples:
            self._samples.setdefault(sample.key, {})[sample.round_number] = sample

    @property
    def keys(self) -> list[Key]:
        """In the order of their first rows."""
        return list(self._samples)

    def nbytes(self, key: Key) -> int:
        """Size of what comes out."""
        return next(iter(self._samples[key].values())).nbytes

    def series(self, key: Key, figure: str) -> dict[int, float]:
        """The figure by round; rounds that failed are missing."""
        return {
            number: sample.figures[figure]
            for number, sample in self._samples.get(key, {}).items()
            if figure in sample.figures
        }

    def error(self, key: Key) -> str:
        """What was said at the first failure; empty if there was none."""
        samples = self._samples.get(key, {}).values()
        return next((sample.error for sample in samples if sample.error), "")

    def ratio(self, a: Key, b: Key, figure: str) -> PairedRatio | None:
        """b's figure over a's, paired by round; None without a common round."""
        left, right = self.series(a, figure), self.series(b, figure)
        rounds = sorted(left.keys() & right.keys())
        if not rounds:
            return None
        return paired_ratio([left[n] for n in rounds], [right[n] for n in rounds])

    def in_units(self, key: Key, figure: str, unit: float) -> PairedRatio | None:
        """The figure over a constant, with an interval as a ratio has."""
        values = [
            max(value, math.ulp(0.0)) for value in self.series(key, figure).values()
        ]
        if not values:
            return None
        return paired_ratio([unit] * len(values), values)
