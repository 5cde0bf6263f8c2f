"""The verdict of several hosts: who is faster on which of them, each by itself."""

from collections.abc import Iterable, Sequence

from benchmarks.verdict.disagreement import Explained
from benchmarks.verdict.group import Group
from benchmarks.verdict.sentences import place, verdict_sentences
from benchmarks.words import count, series

MAX_NAMED = 4
"""More hosts of one finding are counted, not named: a table has them."""


def host_sentences(groups: Sequence[Group], num_hosts: int) -> tuple[str, str]:
    """Exactly two; `groups` are of one host each."""
    told = [group for group in groups if group.contenders]
    if not told:
        return verdict_sentences(groups)
    return _speed(groups, num_hosts), _accuracy(told)


def winner(group: Group) -> str | None:
    """Who is established as the fastest on the host."""
    leaders = group.leaders
    return leaders[0].name if len(leaders) == 1 < len(group.by_speed) else None


def _speed(groups: Sequence[Group], num_hosts: int) -> str:
    clauses = []
    for setting, some in _by_setting(groups):
        found: dict[str | None, list[Group]] = {}
        for group in some:
            found.setdefault(winner(group), []).append(group)
        texts = [
            f"{name} was the fastest on {_hosts(own)}"
            if name is not None
            else f"no fastest one is established on {_hosts(own)}"
            for name, own in found.items()
        ]
        clauses.append(f"in {setting} {', '.join(texts)}")
    return f"Each of {num_hosts} hosts was judged by itself: {'; '.join(clauses)}."


def _accuracy(groups: Sequence[Group]) -> str:
    clauses = []
    for setting, some in _by_setting(groups):
        found: dict[str, list[Group]] = {}
        for group in some:
            found.setdefault(_finding(group), []).append(group)
        texts = [f"{text} on {_hosts(own)}" for text, own in found.items()]
        clauses.append(f"in {setting} {', '.join(texts)}")
    told = "; ".join(clauses)
    if refused := [one for group in groups for one in group.refusals]:
        who = series(f"{one.contender} in {one.group}" for one in refused)
        return f"Inputs were not the same for all ({who}: refused); {told}."
    numbers = {(g.name, n) for g in groups for c in g.comparisons for n in c.rounds}
    return (
        "Within each round all were fed the same bytes in the same order from the same "
        f"initial weights (digests equal in {count(len(numbers), 'round')}), and test "
        f"accuracies were {told}."
    )


def _finding(group: Group) -> str:
    kinds = {one.disagreement.explained for one in group.comparisons}
    for kind in (Explained.NOT_BY_SEEDS, Explained.TOO_FEW, Explained.BY_SEEDS):
        if kind in kinds:
            return {
                Explained.NOT_BY_SEEDS: "further apart than seeds explain",
                Explained.TOO_FEW: "of too few seeds to say",
                Explained.BY_SEEDS: "no further apart than seeds explain",
            }[kind]
    return "not to be compared"


def _by_setting(groups: Sequence[Group]) -> Iterable[tuple[str, list[Group]]]:
    found: dict[str, list[Group]] = {}
    for group in groups:
        found.setdefault(group.setting, []).append(group)
    return ((place(setting), some) for setting, some in found.items())


def _hosts(groups: Sequence[Group]) -> str:
    names = [group.host or "" for group in groups]
    return series(names) if len(names) <= MAX_NAMED else f"{len(names)} hosts"
