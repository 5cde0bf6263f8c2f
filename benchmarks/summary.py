"""Rows to what can be said about them: figures per contender, ratios, a conclusion."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.runner import Row
from benchmarks.stats import PairedRatio, Spread, paired_ratio, spread

BUSY_LOAD = 0.2
"""Foreign load, in CPUs, above which a run is called disturbed."""

MAX_LOSS_STEPS = 20


@dataclass(frozen=True, slots=True)
class Contender:
    """One recipe run by one loop, over all its runs. Times in seconds.

    Times of an epoch are spreads over runs of each run's median epoch. `data_s` is None
    where the framework fetches batches by itself, so that waiting cannot be told.
    """

    recipe: str
    loop: str
    records: list[dict[str, Any]]
    epoch_s: Spread
    data_s: Spread | None
    compute_s: Spread
    loop_s: Spread
    first_step_s: Spread
    warmup_s: Spread
    import_s: Spread
    accuracy: Spread
    precision: Spread
    recall: Spread
    f1: Spread


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two contenders of one recipe, paired by seed.

    `time_ratio` is b's time per epoch over a's. `loss_difference` is the largest
    relative difference of the two losses at any of the first `num_losses` steps,
    `first_loss_difference` that at the first step. `accuracy_difference` is the
    mean of b's minus a's, in points, with the standard error of that mean (None
    for one pair). `differing` names what should be equal in each pair and is not.
    """

    recipe: str
    a: Contender
    b: Contender
    time_ratio: PairedRatio
    first_loss_difference: float
    loss_difference: float
    num_losses: int
    accuracy_difference: float
    accuracy_error: float | None
    differing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """`failures` has one line for each run that gave no record."""

    contenders: list[Contender]
    comparisons: list[Comparison]
    failures: list[str]
    disturbed: int
    worst_load: float
    num_runs: int

    @property
    def recipes(self) -> list[str]:
        """Recipes with at least one record, in the order they were run."""
        return list(dict.fromkeys(c.recipe for c in self.contenders))

    def contenders_of(self, recipe: str) -> list[Contender]:
        """The recipe's contenders, in the order they were first run."""
        return [c for c in self.contenders if c.recipe == recipe]

    def comparisons_of(self, recipe: str) -> list[Comparison]:
        """The recipe's comparisons."""
        return [c for c in self.comparisons if c.recipe == recipe]


def summarise(rows: Sequence[Row]) -> Summary:
    """All that the reports show. Of at least one row."""
    groups: dict[str, dict[str, list[dict[str, Any]]]] = {}
    failures = []
    for row in rows:
        case = row["case"]
        if "error" in row:
            failures.append(
                f"{case['recipe']}, {case['loop']}, seed {case['seed']}: {row['error']}"
            )
            continue
        loops = groups.setdefault(case["recipe"], {})
        loops.setdefault(case["loop"], []).append(row["record"])
    contenders = []
    comparisons = []
    for recipe, loops in groups.items():
        entered = [_contender(recipe, *item) for item in loops.items()]
        contenders += entered
        comparisons += [
            comparison
            for position, a in enumerate(entered)
            for b in entered[position + 1 :]
            if (comparison := _compare(recipe, a, b)) is not None
        ]
    loads = [row["foreign_load"] or 0.0 for row in rows]
    disturbed = sum(load > BUSY_LOAD for load in loads)
    return Summary(contenders, comparisons, failures, disturbed, max(loads), len(rows))


def epoch_seconds(record: dict[str, Any], part: str = "total_s") -> float:
    """Median over a run's epochs of that part of the time."""
    return spread([epoch[part] for epoch in record["epochs"]]).median


def _contender(recipe: str, loop: str, records: list[dict[str, Any]]) -> Contender:
    def times(part: str) -> Spread:
        return spread([epoch_seconds(record, part) for record in records])

    def values(name: str) -> Spread:
        return spread([record[name] for record in records])

    def quality(name: str) -> Spread:
        return spread([record["metrics"][name] for record in records])

    epochs = [epoch for record in records for epoch in record["epochs"]]
    knows_data = all(epoch["data_s"] is not None for epoch in epochs)
    return Contender(
        recipe=recipe,
        loop=loop,
        records=records,
        epoch_s=times("total_s"),
        data_s=times("data_s") if knows_data else None,
        compute_s=times("compute_s"),
        loop_s=times("loop_s"),
        first_step_s=values("first_step_s"),
        warmup_s=values("warmup_s"),
        import_s=values("import_s"),
        accuracy=quality("accuracy"),
        precision=quality("macro_precision"),
        recall=quality("macro_recall"),
        f1=quality("macro_f1"),
    )


def _compare(recipe: str, a: Contender, b: Contender) -> Comparison | None:
    """None where no seed was run by both."""
    by_seed = {record["seed"]: record for record in b.records}
    pairs = [(r, by_seed[r["seed"]]) for r in a.records if r["seed"] in by_seed]
    if not pairs:
        return None
    first, most = zip(*(_loss_differences(x, y) for x, y in pairs), strict=True)
    accuracy = [
        100 * (y["metrics"]["accuracy"] - x["metrics"]["accuracy"]) for x, y in pairs
    ]
    mean = math.fsum(accuracy) / len(accuracy)
    variance = math.fsum((value - mean) ** 2 for value in accuracy)
    error = (
        math.sqrt(variance / (len(accuracy) - 1) / len(accuracy))
        if len(accuracy) > 1
        else None
    )
    differing = {
        name
        for x, y in pairs
        for name in x["digests"]
        if x["digests"][name] != y["digests"][name]
    }
    return Comparison(
        recipe=recipe,
        a=a,
        b=b,
        time_ratio=paired_ratio(
            [epoch_seconds(x) for x, _ in pairs], [epoch_seconds(y) for _, y in pairs]
        ),
        first_loss_difference=max(first),
        loss_difference=max(most),
        num_losses=min(MAX_LOSS_STEPS, len(pairs[0][0]["losses"])),
        accuracy_difference=mean,
        accuracy_error=error,
        differing=tuple(sorted(differing)),
    )


def _loss_differences(x: dict[str, Any], y: dict[str, Any]) -> tuple[float, float]:
    relative = [
        abs(p - q) / max(abs(p), abs(q), 1e-30)
        for p, q in zip(
            x["losses"][:MAX_LOSS_STEPS], y["losses"][:MAX_LOSS_STEPS], strict=True
        )
    ]
    return relative[0], max(relative)


def conclusion(summary: Summary) -> list[str]:
    """Sentences that say no more than the figures do."""
    sentences = []
    for comparison in summary.comparisons:
        sentences.append(_speed_sentence(comparison))
        sentences.append(_quality_sentence(comparison))
    if summary.disturbed:
        sentences.append(
            f"Other programs used more than {BUSY_LOAD:g} CPUs during "
            f"{summary.disturbed} of {summary.num_runs} runs (at most "
            f"{summary.worst_load:.1f}); times may be off, and not by the same "
            "factor for each loop."
        )
    sentences += [f"Failed and left out: {failure}." for failure in summary.failures]
    return sentences


def _speed_sentence(comparison: Comparison) -> str:
    ratio = comparison.time_ratio
    count = len(ratio.ratios)
    a, b = comparison.a.loop, comparison.b.loop
    if comparison.differing:
        return (
            f"{comparison.recipe}: no comparison, since the runs differ in "
            + ", ".join(comparison.differing)
            + "."
        )
    if count == 1:
        return (
            f"{comparison.recipe}: {b} took {ratio.ratio:.2f} times as long per epoch "
            f"as {a}; one pair of runs cannot tell this from chance."
        )
    if not ratio.is_decided:
        return (
            f"{comparison.recipe}: no difference in speed established; {b} took "
            f"{ratio.ratio:.2f} times as long per epoch as {a}, {_interval(ratio)}."
        )
    faster, slower = (a, b) if ratio.ratio > 1 else (b, a)
    factor = ratio if ratio.ratio > 1 else ratio.inverse
    return (
        f"{comparison.recipe}: on this machine {faster} was faster; {slower} took "
        f"{factor.ratio:.2f} times as long per epoch, {_interval(factor)}."
    )


def format_factor(value: float) -> str:
    """Two decimals, or three where two could hide on which side of 1 it lies."""
    return f"{value:.3f}" if abs(value - 1) < 0.02 else f"{value:.2f}"


def _interval(ratio: PairedRatio) -> str:
    return (
        f"95 % interval {format_factor(ratio.low)} to {format_factor(ratio.high)} "
        f"from {len(ratio.ratios)} pairs of runs"
    )


def _quality_sentence(comparison: Comparison) -> str:
    difference = comparison.accuracy_difference
    error = comparison.accuracy_error
    spread_text = "" if error is None else f" (standard error {error:.2g})"
    same = (
        "they trained on the same bytes in the same order from the same weights"
        if not comparison.differing
        else "their inputs differ, see above"
    )
    return (
        f"{comparison.recipe}: test accuracy of {comparison.b.loop} minus "
        f"{comparison.a.loop} was {difference:+.2f} points{spread_text}; {same}, and "
        f"losses agreed to {comparison.first_loss_difference:.0e} at the first step "
        f"and {comparison.loss_difference:.0e} over the first {comparison.num_losses}."
    )
