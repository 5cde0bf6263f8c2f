"""Which contenders of two folders are to be put side by side. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.compare.runs import Run, name_of, run_of
from benchmarks.verdict.rows import Row

Key = tuple[str, str]
"""Group and contender."""


@dataclass(frozen=True, slots=True)
class Match:
    """One contender's runs in A and in B, at least one each, by round."""

    group: str
    contender: str
    a: tuple[Run, ...]
    b: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Matching:
    """`only_a` and `only_b`: contenders with results on one side, in order of rows.

    `errors_a` and `errors_b` have one line for each row without a result. `num_common`
    runs are in both.
    """

    matches: tuple[Match, ...]
    only_a: tuple[Key, ...]
    only_b: tuple[Key, ...]
    errors_a: tuple[str, ...]
    errors_b: tuple[str, ...]
    num_common: int


def match_rows(a: Sequence[Row], b: Sequence[Row]) -> Matching:
    """By group and contender, in A's order; raises `RowError` for a bad row."""
    runs_a, errors_a = _by_contender(a)
    runs_b, errors_b = _by_contender(b)
    return Matching(
        matches=tuple(
            Match(*key, tuple(runs), tuple(runs_b[key]))
            for key, runs in runs_a.items()
            if key in runs_b
        ),
        only_a=tuple(key for key in runs_a if key not in runs_b),
        only_b=tuple(key for key in runs_b if key not in runs_a),
        errors_a=errors_a,
        errors_b=errors_b,
        num_common=len(_identities(runs_a) & _identities(runs_b)),
    )


def _by_contender(
    rows: Sequence[Row],
) -> tuple[dict[Key, list[Run]], tuple[str, ...]]:
    found: dict[Key, list[Run]] = {}
    errors = []
    for row in rows:
        if row.record is None:
            errors.append(f"{name_of(row)}: {row.error}")
            continue
        run = run_of(row)
        found.setdefault((run.group, run.contender), []).append(run)
    for runs in found.values():
        runs.sort(key=lambda run: (run.session, run.round))
    return found, tuple(errors)


def _identities(found: dict[Key, list[Run]]) -> set[tuple[object, ...]]:
    return {
        (run.group, run.contender, run.session, run.round, run.epoch_s)
        for runs in found.values()
        for run in runs
    }
