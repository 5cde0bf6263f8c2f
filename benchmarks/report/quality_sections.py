"""Sections of a report about what was fed and what was learnt."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.report import quality_tables, speed_tables
from benchmarks.report.charts import loss_charts, quality_charts
from benchmarks.report.charts.sensitivity_charts import sensitivity_chart
from benchmarks.report.document import (
    Block,
    Charts,
    Heading,
    Items,
    Section,
    TableBlock,
    Text,
)
from benchmarks.report.speed_sections import Looks
from benchmarks.report.tables import Table
from benchmarks.verdict.group import Group
from benchmarks.verdict.judging import Verdict
from benchmarks.verdict.sensitivity import TUTORIAL, Sensitivity
from benchmarks.words import series


def quality_sections(
    verdict: Verdict, looks: Looks, classes: Sequence[str]
) -> Iterator[Section]:
    """The same inputs, accuracy, confusion."""
    groups = [group for group in verdict.groups if group.contenders]
    yield Section("inputs", "The same inputs", tuple(_inputs(groups, looks)))
    yield Section("accuracy", "Accuracy", tuple(_accuracy(groups, looks)))
    yield Section("confusion", "Confusion", tuple(_confusion(groups, classes)))


def _inputs(groups: list[Group], looks: Looks) -> Iterator[Block]:
    yield Text(
        "Frameworks can only be compared if they are given the same work: the same "
        "bytes in the same order from the same initial weights. Digests are compared in "
        "every round; who differs is refused."
    )
    yield Charts(
        tuple(loss_charts.loss_chart(group, looks) for group in groups),
        "Above: losses of the lowest round, bold the median and faint the range within "
        "each stretch of steps. Below: the parity band, the relative difference between "
        "losses of one round, over all rounds; what is below 1e-8, equal losses too, is "
        "drawn there. In float32 each framework adds up in another order, and training "
        "makes small differences grow; that the arithmetic is the same is shown in "
        "float64 by `make parity`, not here.",
    )
    for group in groups:
        yield TableBlock(
            quality_tables.digests(group), f"Digests of {group.name}", is_folded=True
        )


def _accuracy(groups: list[Group], looks: Looks) -> Iterator[Block]:
    for group in groups:
        yield Heading(group.name)
        yield Charts(
            (
                quality_charts.time_chart(group, looks),
                quality_charts.seeds_chart(group, looks),
            ),
            "Accuracy on the test split with the seconds of training that it took "
            "(evaluation and start apart; the dashed line is the target), and at the "
            "end, over seeds. Nothing was chosen by looking at the test split.",
        )
        yield TableBlock(quality_tables.accuracy(group))
        if group.comparisons:
            told = quality_tables.disagreements(group)
            is_folded = len(group.comparisons) > 3
            yield TableBlock(
                told, "Is the difference more than seeds explain?", is_folded
            )


def _confusion(groups: list[Group], classes: Sequence[str]) -> Iterator[Block]:
    for group in groups:
        yield Heading(group.name)
        count = len(group.contenders[0].quality.classes)
        names = classes if len(classes) == count else tuple(map(str, range(count)))
        yield Charts(
            tuple(quality_charts.confusion_charts(group, names)),
            "True class by answer, summed over seeds. Shade shows wrong answers; the "
            "same shade is the same count in all matrices of this recipe.",
        )
        yield TableBlock(
            quality_tables.classes(group, names),
            f"Precision, recall and F1 by class, {group.name}",
            is_folded=True,
        )


def sensitivity_section(verdict: Verdict, looks: Looks) -> Section | None:
    """None where no axis was looked at."""
    axes = verdict.sensitivities
    if not axes:
        return None
    blocks: list[Block] = [
        Text("One thing changed, all else as above. Does the verdict stay?")
    ]
    numbers = [axis for axis in axes if axis.axis not in ("loop", "loader")]
    names = list(dict.fromkeys(axis.axis_text for axis in numbers))
    for title, some in (
        (series(names).capitalize() if names else "", numbers),
        ("Loop forms", [axis for axis in axes if axis.axis == "loop"]),
        (_loaders_title(axes), [a for a in axes if a.axis == "loader"]),
    ):
        if some:
            blocks += _axis_blocks(some, title, looks)
    if any(axis.axis == "loader" for axis in axes):
        blocks.append(Text(_LOADER_TEXT))
    return Section("sensitivity", "Sensitivity", tuple(blocks))


_LOADER_TEXT = (
    "With tutorial loaders each framework is fed by what its own tutorial uses: not the "
    "same batches, and another amount of work to make them. Such a comparison measures "
    "loaders; it is shown since it is what is usually published."
)


def _axis_blocks(some: list[Sensitivity], title: str, looks: Looks) -> list[Block]:
    charts = [sensitivity_chart(axis, looks) for axis in some]
    found = tuple(chart for chart in charts if chart is not None)
    blocks: list[Block] = [Heading(title), Items(tuple(a.finding for a in some))]
    if found:
        blocks.append(Charts(found, "Medians over rounds; lines from least to most."))
    if some[0].axis != "loop":
        return [*blocks, TableBlock(_verdicts(some))]
    for point in (point for axis in some for point in axis.points):
        table = replace(speed_tables.overview(point.group), note="")
        blocks.append(TableBlock(table, f"All loop forms of {point.group.recipe}"))
    return blocks


def _verdicts(some: list[Sensitivity]) -> Table:
    rows = []
    for axis in some:
        for point in axis.points:
            label = f"{axis.recipe}, {axis.axis_text} {point.text}"
            if point.value == TUTORIAL:
                label += " (not the same batches)"
            rows.append((label, point.clause))
    return Table(("where", "verdict"), tuple(rows))


def _loaders_title(axes: Sequence[Sensitivity]) -> str:
    is_flipped = any(one.is_flipping for one in axes if one.axis == "loader")
    return "The flipped verdict: loaders" if is_flipped else "Loaders"
