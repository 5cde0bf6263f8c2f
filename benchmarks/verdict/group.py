"""A group: contenders of one recipe and setting that took turns, and who is faster."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from benchmarks.stats import PairedRatio
from benchmarks.verdict.comparability import Refusal, refusals
from benchmarks.verdict.comparing import Comparison, compare
from benchmarks.verdict.contender import Contender, contenders
from benchmarks.verdict.quality import common_target
from benchmarks.verdict.rows import Row
from benchmarks.words import rounds


@dataclass(frozen=True, slots=True)
class Failure:
    """A process that gave no result."""

    group: str
    contender: str
    session: str
    round: int
    reason: str

    def __str__(self) -> str:
        return f"{self.group}: {self.contender} failed in round {self.round + 1}: " + (
            self.reason
        )


def failure_lines(some: Sequence[Failure]) -> list[str]:
    """One for each contender and reason, with all its rounds."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for one in some:
        found.setdefault((one.group, one.contender, one.reason), []).append(one.round)
    return [
        f"{group}: {contender} failed in {rounds(sorted(set(numbers)))}: {reason}"
        for (group, contender, reason), numbers in found.items()
    ]


@dataclass(frozen=True, slots=True)
class Group:
    """`entered` has all names in order of entry, `contenders` those with results,
    refused ones too. `comparisons` has each pair of those that are not refused, the
    first-entered as `a`. `target` is an accuracy, `common_target`'s. `host`: whose rows
    they are, None without a cluster."""

    name: str
    recipe: str
    entered: tuple[str, ...]
    contenders: tuple[Contender, ...]
    refusals: tuple[Refusal, ...]
    failures: tuple[Failure, ...]
    comparisons: tuple[Comparison, ...]
    target: float | None
    host: str | None = None

    @property
    def setting(self) -> str:
        """The name without the host."""
        return self.name.removesuffix(f", on {self.host}")

    @property
    def accepted(self) -> list[Contender]:
        """Those that are not refused."""
        refused = {refusal.contender for refusal in self.refusals}
        return [one for one in self.contenders if one.name not in refused]

    @property
    def rounds(self) -> tuple[int, ...]:
        """Of which there is any result."""
        return tuple(sorted({r.round for one in self.contenders for r in one.rows}))

    def comparison(self, a: str, b: str) -> Comparison | None:
        """Of these two, `a` entered before `b`."""
        return next((c for c in self.comparisons if (c.a, c.b) == (a, b)), None)

    def ratio(self, of: str, over: str) -> PairedRatio | None:
        """The time of one over the other's; None if never measured side by side."""
        if found := self.comparison(over, of):
            return found.ratio
        found = self.comparison(of, over)
        return found.ratio.inverse if found else None

    @property
    def by_speed(self) -> list[Contender]:
        """Those that can be compared with the first of them, fastest first."""
        accepted = self.accepted
        if not accepted:
            return []
        times = {accepted[0].name: 1.0}
        for other in accepted[1:]:
            if ratio := self.ratio(other.name, accepted[0].name):
                times[other.name] = ratio.ratio
        comparable = [one for one in accepted if one.name in times]
        return sorted(comparable, key=lambda one: times[one.name])

    @property
    def leaders(self) -> list[Contender]:
        """The fastest, and all that are not known to be slower."""
        ranked = self.by_speed
        return [
            one
            for one in ranked
            if one is ranked[0] or not self._is_slower(one, ranked)
        ]

    def _is_slower(self, one: Contender, ranked: Sequence[Contender]) -> bool:
        ratio = self.ratio(one.name, ranked[0].name)
        return ratio is not None and ratio.low > 1


def make_group(rows: Sequence[Row], *, is_refusing: bool = True) -> Group:
    """Of one group's rows, at least one. `is_refusing` False compares whatever was fed."""
    refused = refusals(rows) if is_refusing else []
    out = {refusal.contender for refusal in refused}
    target = common_target([row for row in rows if row.contender not in out])
    entered = contenders(rows, target)
    accepted = [one for one in entered if one.name not in out]
    pairs = [compare(a, b) for a, b in combinations(accepted, 2)]
    return Group(
        name=rows[0].group,
        recipe=rows[0].case.recipe,
        entered=tuple(dict.fromkeys(row.contender for row in rows)),
        contenders=tuple(entered),
        refusals=tuple(refused),
        failures=tuple(failures(rows)),
        comparisons=tuple(pair for pair in pairs if pair is not None),
        target=target,
        host=rows[0].host,
    )


def failures(rows: Sequence[Row]) -> list[Failure]:
    """One for each row without a record, or whose process failed after training."""
    return [
        Failure(row.group, row.contender, row.session, row.round, reason)
        for row in rows
        if (reason := _reason(row)) is not None
    ]


def _reason(row: Row) -> str | None:
    if row.record is None:
        return row.error or "unknown"
    return row.cuts_error and f"after training: {row.cuts_error}"
