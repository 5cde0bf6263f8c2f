"""Sections of a report about time."""

from collections.abc import Iterator, Mapping

from benchmarks.report import quality_tables, speed_tables
from benchmarks.report.charts import speed_charts
from benchmarks.report.document import (
    Block,
    Charts,
    Heading,
    Section,
    TableBlock,
    Text,
)
from benchmarks.report.drawing import Chart, Look
from benchmarks.verdict.group import Group
from benchmarks.verdict.judging import Verdict
from benchmarks.words import count

Looks = Mapping[str, Look]

MAX_OPEN_ROUNDS = 12

WARMUP_RULE = (
    "The rule: before anything is timed, each process trains on the first ten batches of "
    "its first epoch and on its last, perhaps shorter, one, and evaluates the test split "
    "once; then weights and optimiser are set back. So all that is compiled is compiled, "
    "and what is timed starts from the initial weights. Of what follows no epoch is left "
    "out. What the warm-up cost is in the table of starts."
)


def speed_sections(verdict: Verdict, looks: Looks) -> Iterator[Section]:
    """Results at a glance, where time goes, warm-up, rounds."""
    groups = [group for group in verdict.groups if group.contenders]
    yield Section("results", "Results", tuple(_results(groups, looks)))
    yield Section("time", "Where the time goes", tuple(_time(groups)))
    yield Section("warm-up", "Warm-up", tuple(_warmup(groups, looks)))
    yield Section("rounds", "Rounds and disturbance", tuple(_rounds(groups)))


def _results(groups: list[Group], looks: Looks) -> Iterator[Block]:
    for group in groups:
        first = group.contenders[0].first
        yield Heading(group.name)
        yield Text(
            f"{count(first.num_parameters, 'parameter')}, "
            f"{count(len(first.epochs), 'epoch')} of batches of {first.batch_size}, "
            f"{first.precision} on {first.device}, {count(len(group.rounds), 'round')}."
        )
        yield TableBlock(speed_tables.overview(group))
        if chart := speed_charts.ratio_chart(group, looks):
            yield Charts((chart,), _RATIO_CAPTION)
        if len(group.comparisons) > 1:
            yield TableBlock(
                speed_tables.pairs(group), "Ratios of all pairs", is_folded=True
            )
        elif group.comparisons:
            yield TableBlock(speed_tables.pairs(group))


_RATIO_CAPTION = (
    "Each dot is one round, in which contenders took turns epoch by epoch on the same "
    "machine; hollow ones were disturbed by other programs. The bar is the 95 % interval "
    "of the mean. Where it reaches over the line at 1, no winner is named."
)


def _time(groups: list[Group]) -> Iterator[Block]:
    for group in groups:
        yield Heading(group.name)
        charts: list[Chart | None] = [
            speed_charts.split_chart(group),
            speed_charts.cuts_chart(group),
        ]
        found = tuple(chart for chart in charts if chart is not None)
        yield Charts(found, _TIME_CAPTION if len(found) > 1 else _SPLIT_CAPTION)
        yield TableBlock(speed_tables.split(group), "Epoch, as the loop sees it")
        if len(found) > 1:
            yield TableBlock(speed_tables.cuts(group), "Step, apart and together")
        else:
            yield Text("Data alone and compute alone were not measured.")
        yield TableBlock(speed_tables.starts(group), "Start and memory")


_SPLIT_CAPTION = (
    "An epoch as the training loop sees it. Waiting for data is not all that data costs: "
    "what is fetched ahead takes processors from computing."
)
_TIME_CAPTION = (
    f"{_SPLIT_CAPTION} Of a step the grey bar is all of it, in training; below it are its "
    "parts, measured by themselves, which need not add up to it. The solid mark is the "
    "time of the step's matrix products in NumPy's BLAS, the dotted one the part that "
    "does not grow with the batch."
)


def _warmup(groups: list[Group], looks: Looks) -> Iterator[Block]:
    yield Text(WARMUP_RULE)
    charts = [speed_charts.warmup_chart(group, looks) for group in groups]
    found = tuple(chart for chart in charts if chart is not None)
    if found:
        yield Charts(
            found,
            "Time of each epoch over its run's median epoch: faint for each run, bold "
            "for their median. A first epoch above 1 would be warm-up left in.",
        )
    if len(found) < len(groups):
        yield Text("Runs of a single epoch cannot be looked at in this way.")


def _rounds(groups: list[Group]) -> Iterator[Block]:
    yield Text(
        "In a round all contenders have one seed, of weights and of order, and take "
        "turns; each two of them are one pair. Nothing is left out for being disturbed: "
        "it is marked."
    )
    for group in groups:
        yield TableBlock(
            table := quality_tables.rounds(group),
            f"Rounds of {group.name}",
            is_folded=len(table.rows) > MAX_OPEN_ROUNDS,
        )
