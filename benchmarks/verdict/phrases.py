"""Clauses about one group. They say no more than its figures do."""

from collections.abc import Sequence
from statistics import fmean

from benchmarks.stats import MIN_PAIRS, PairedRatio
from benchmarks.verdict.comparing import Comparison
from benchmarks.verdict.contender import Contender
from benchmarks.verdict.disagreement import Explained
from benchmarks.verdict.group import Group
from benchmarks.words import count, format_factor, percent, seconds, series

_PAIR_WORDS = {
    Explained.BY_SEEDS: "no further apart than seeds explain",
    Explained.NOT_BY_SEEDS: "further apart than seeds explain",
    Explained.TOO_FEW: "with too few seeds to say whether they differ",
}


def speed_clause(group: Group) -> str:
    """Who is faster, as far as that is established. Names nobody otherwise."""
    accepted = group.accepted
    if not accepted:
        return "no contender gave a result"
    ranked = group.by_speed
    if len(ranked) == 1:
        return _alone(group, accepted)
    leaders = group.leaders
    if len(leaders) > 1:
        return _undecided(group, leaders, ranked)
    first, second = ranked[:2]
    ratio = group.ratio(second.name, first.name)
    assert ratio is not None  # else `second` would be a leader
    if len(ranked) == 2:
        times = f"{format_factor(ratio.ratio)} times as fast per epoch"
        return f"{first.name} was {times} as {second.name} ({interval(ratio)})"
    return (
        f"{first.name} was the fastest of {len(ranked)}, {format_factor(ratio.ratio)} "
        f"times as fast per epoch as {second.name}, the next ({interval(ratio)})"
    )


def _alone(group: Group, accepted: Sequence[Contender]) -> str:
    if len(accepted) > 1:
        return f"{_names(accepted)} never ended the same round: nothing to compare"
    others = [name for name in group.entered if name != accepted[0].name]
    only = f"only {accepted[0].name} can be told of"
    time = f"{seconds(accepted[0].speed.epoch_s.median)} per epoch"
    if not others:
        return f"{accepted[0].name} ran alone, {time}"
    refused = [refusal.contender for refusal in group.refusals]
    failed = [name for name in others if name not in refused]
    reasons = [f"{series(refused)} refused for other inputs"] if refused else []
    reasons += [f"{series(failed)} failed"] if failed else []
    return f"{only} ({time}; {', '.join(reasons)}), so that no speeds are compared"


def _undecided(
    group: Group, leaders: Sequence[Contender], ranked: Sequence[Contender]
) -> str:
    first, second = leaders[:2]
    ratio = group.ratio(second.name, first.name)
    if ratio is None:
        return f"{_names(leaders)} never ended the same round: nothing to compare"
    took = f"{second.name} took {format_factor(ratio.ratio)} times as long per epoch"
    if len(ratio.ratios) < MIN_PAIRS:
        return (
            f"no faster one is named, as {count(len(ratio.ratios), 'round')} cannot "
            f"tell a difference from chance ({MIN_PAIRS} can); {took} as {first.name}"
        )
    if len(ranked) == 2:
        return (
            f"no difference in speed is established: {took} as {first.name} "
            f"({interval(ratio)})"
        )
    return (
        f"no single fastest of {len(ranked)} is established, since {_names(leaders)} "
        f"are not told apart: {took} as {first.name} ({interval(ratio)})"
    )


def interval(ratio: PairedRatio) -> str:
    """`95 % interval 1.02 to 1.10, 8 rounds`, or why there is none."""
    number = count(len(ratio.ratios), "round")
    if len(ratio.ratios) < MIN_PAIRS:
        return f"{number}: too few for an interval"
    return (
        f"95 % interval {format_factor(ratio.low)} to {format_factor(ratio.high)}, "
        f"{number}"
    )


def accuracy_clause(group: Group) -> str:
    """Whether test accuracies differ by more than seeds explain."""
    accepted = group.accepted
    if not accepted:
        return "there is no accuracy to tell"
    compared = group.comparisons
    if not compared:
        return f"{accepted[0].name} reached {_accuracy(accepted[0])} % test accuracy"
    if len(compared) == 1:
        return _pair_clause(group, compared[0])
    real = [c for c in compared if _explained(c) is Explained.NOT_BY_SEEDS]
    unsure = [c for c in compared if _explained(c) is Explained.TOO_FEW]
    if real:
        told = series(f"{c.b} less {c.a} ({points(c)})" for c in real)
        differ = "differ" if len(real) > 1 else "differs"
        return (
            f"of {len(compared)} pairs {len(real)} {differ} in test accuracy by "
            f"{Explained.NOT_BY_SEEDS.value}: {told}"
        )
    if unsure:
        return f"differences in test accuracy are {Explained.TOO_FEW.value}"
    most = max(abs(c.disagreement.difference.mean) for c in compared)
    return (
        f"no two test accuracies differ by {Explained.NOT_BY_SEEDS.value} "
        f"(by {100 * most:.2f} points at most)"
    )


def _pair_clause(group: Group, comparison: Comparison) -> str:
    by_name = {one.name: one for one in group.accepted}
    a, b = by_name[comparison.a], by_name[comparison.b]
    first, second = (_accuracy(one, comparison.rounds) for one in (a, b))
    return (
        f"test accuracy is {first} % with {a.name} and {second} % with "
        f"{b.name}, {_PAIR_WORDS[_explained(comparison)]} ({points(comparison)})"
    )


def points(comparison: Comparison) -> str:
    """The difference b less a with its interval, in percentage points."""
    difference = comparison.disagreement.difference
    text = f"{100 * difference.mean:+.2f} points"
    if len(difference.values) == 1:
        return f"{text}, one seed"
    return (
        f"{text}, 95 % interval {100 * difference.low:+.2f} to "
        f"{100 * difference.high:+.2f}"
    )


def _explained(comparison: Comparison) -> Explained:
    return comparison.disagreement.explained


def _accuracy(contender: Contender, rounds: Sequence[int] | None = None) -> str:
    """The mean; of `rounds` alone where others had no more, as seeds would differ."""
    values = [
        row.record.metrics.accuracy
        for row in contender.rows
        if row.record is not None and (rounds is None or row.round in rounds)
    ]
    return percent(fmean(values))


def _names(some: Sequence[Contender]) -> str:
    return series(one.name for one in some)
