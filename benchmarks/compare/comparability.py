"""Whether two contenders' runs answer one question, and what could explain a ratio. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.compare.matching import Match
from benchmarks.compare.runs import (
    ABSENT,
    COMMIT,
    PLANTED,
    UNKNOWN,
    Run,
    contexts_of,
)
from benchmarks.verdict.rows import Row

MAX_NOISY_SHARE = 0.25
"""Of a side's rounds: more of them with a noisy turn are flagged."""

_CHANGED = "+changes"


@dataclass(frozen=True, slots=True)
class Difference:
    """What `name` is in A and in B; `is_machine`: of the machine, not what runs on it."""

    name: str
    a: str
    b: str
    is_machine: bool = False


@dataclass(frozen=True, slots=True)
class Comparability:
    """`refusals` forbid a ratio, `flags` could explain one."""

    refusals: tuple[Difference, ...]
    flags: tuple[Difference, ...]


def check(match: Match) -> Comparability:
    """All that differs in what was asked, in the machine and in the settings."""
    a, b = match.a, match.b
    return Comparability(
        refusals=(*_questions(a, b), *_of_one_seed(a, b, lambda run: run.start)),
        flags=(
            *_differing(
                [run.machine for run in a],
                [run.machine for run in b],
                is_machine=True,
            ),
            *_differing([run.settings for run in a], [run.settings for run in b]),
            *_of_one_seed(a, b, lambda run: run.batches),
            *_uncommitted(a, b),
            *_seeds(a, b),
            *_noise(a, b),
        ),
    )


def folder_differences(a: Sequence[Row], b: Sequence[Row]) -> tuple[Difference, ...]:
    """What differs between all rows of A and all of B, those with errors too."""
    (machines_a, software_a), (machines_b, software_b) = (
        zip(*map(contexts_of, rows), strict=True) for rows in (a, b)
    )
    return (
        *_differing(machines_a, machines_b, is_machine=True),
        *_differing(software_a, software_b),
    )


def _questions(a: Sequence[Run], b: Sequence[Run]) -> Iterator[Difference]:
    for name in a[0].question:
        found_a, found_b = ({run.question[name] for run in runs} for runs in (a, b))
        found = found_a | found_b
        if len(found) > 1 or (name == PLANTED and found != {ABSENT}):
            yield Difference(name, _listed(found_a), _listed(found_b))


def _of_one_seed(
    a: Sequence[Run], b: Sequence[Run], digests: Callable[[Run], Mapping[str, str]]
) -> Iterator[Difference]:
    """For each of the digests, the first seed for which they differ."""
    for name in digests(a[0]):
        for seed in _common_seeds(a, b):
            found_a, found_b = (
                {digests(run)[name] for run in runs if run.seed == seed}
                for runs in (a, b)
            )
            if len(found_a | found_b) > 1:
                label = f"{name} of seed {seed}"
                yield Difference(label, _listed(found_a), _listed(found_b))
                break


def _differing(
    a: Sequence[Mapping[str, str]],
    b: Sequence[Mapping[str, str]],
    *,
    is_machine: bool = False,
) -> Iterator[Difference]:
    for name in dict.fromkeys(name for found in (*a, *b) for name in found):
        found_a, found_b = ({m.get(name, ABSENT) for m in side} for side in (a, b))
        if found_a != found_b:
            yield Difference(name, _listed(found_a), _listed(found_b), is_machine)


def _uncommitted(a: Sequence[Run], b: Sequence[Run]) -> Iterator[Difference]:
    """Of one commit, changes that are in no commit may be others in each session."""
    commits_a, commits_b = ({run.settings[COMMIT] for run in runs} for runs in (a, b))
    is_changed = any(commit.endswith(_CHANGED) for commit in commits_a)
    is_one_session = {run.session for run in a} == {run.session for run in b}
    if commits_a == commits_b and is_changed and not is_one_session:
        yield Difference("uncommitted changes", UNKNOWN, UNKNOWN)


def _seeds(a: Sequence[Run], b: Sequence[Run]) -> Iterator[Difference]:
    """Without one in common, initial weights and orders cannot be checked."""
    if not _common_seeds(a, b):
        first, second = (
            ", ".join(map(str, sorted({run.seed for run in runs}))) for runs in (a, b)
        )
        yield Difference("seeds", first, second)


def _noise(a: Sequence[Run], b: Sequence[Run]) -> Iterator[Difference]:
    noisy_a, noisy_b = (sum(run.is_noisy for run in runs) for runs in (a, b))
    if noisy_a > MAX_NOISY_SHARE * len(a) or noisy_b > MAX_NOISY_SHARE * len(b):
        texts = f"{noisy_a} of {len(a)}", f"{noisy_b} of {len(b)}"
        yield Difference("noisy rounds", *texts)


def _common_seeds(a: Sequence[Run], b: Sequence[Run]) -> list[int]:
    return sorted({run.seed for run in a} & {run.seed for run in b})


def _listed(values: Iterable[str]) -> str:
    return " or ".join(sorted(values))
