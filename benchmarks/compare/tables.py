"""A comparison of folders as headed tables of text: what terminal and file both show. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.compare.comparability import Difference
from benchmarks.compare.figures import Comparison, Figures, FolderComparison
from benchmarks.compare.matching import Key
from benchmarks.compare.sentences import (
    factor,
    interval,
    loss_words,
    refusal_sentence,
    speed_sentence,
)
from benchmarks.unpaired import MIN_ROUNDS, UnpairedDifference, UnpairedRatio

Cells = tuple[str, ...]

_WHO = ("group", "contender")
_EPOCH_NOTE = (
    "Medians of rounds, each of its median epoch, without evaluation. Intervals are of "
    "rounds that were not taken side by side: they know how rounds of a folder differ "
    "among themselves, not what differs between two days or two machines."
)
_QUALITY_NOTE = (
    "Means of rounds on the test split; B - A in points. Losses: the largest relative "
    "difference at any of the first 20 steps of runs of one seed. More than rounding "
    "means other arithmetic, or other dropout masks."
)


@dataclass(frozen=True, slots=True)
class Section:
    """A table, unless there are no `rows`, and then `lines` of text."""

    heading: str
    columns: Cells
    rows: tuple[Cells, ...]
    lines: tuple[str, ...] = ()


def sections(result: FolderComparison) -> list[Section]:
    """What differs, then ratios, then what was refused; only those that say something."""
    found = [_differences(result)]
    if result.shown:
        found += [_epochs(result.shown), _others(result.shown), _quality(result.shown)]
    found += [*_own_flags(result), *_refused(result.refused), *_left_out(result)]
    return found


def _differences(result: FolderComparison) -> Section:
    lines = []
    if not result.differences:
        lines.append(
            "Machine, threads, device, versions and commit: nothing, as far as recorded."
        )
    if result.matching.num_common:
        lines.append(
            f"{result.matching.num_common} runs are in both folders, so intervals, "
            "which take the two for independent, are not to be relied on."
        )
    rows = tuple((item.name, item.a, item.b) for item in result.differences)
    return Section("What differs", ("what", "A", "B"), rows, tuple(lines))


def _epochs(shown: Sequence[Comparison]) -> Section:
    rows = tuple(
        (*_who(item), *_epoch_cells(figures)) for item, figures in _with(shown)
    )
    sentences = tuple(speed_sentence(item) for item in shown)
    columns = (*_WHO, "A s", "B s", "B / A", "95 % interval", "rounds A, B")
    return Section("Time per epoch", columns, rows, (*sentences, _EPOCH_NOTE))


def _epoch_cells(figures: Figures) -> Cells:
    ratio = figures.epoch
    return (
        f"{figures.epoch_s_a:.4g}",
        f"{figures.epoch_s_b:.4g}",
        factor(ratio.ratio),
        interval(ratio),
        f"{ratio.num_a}, {ratio.num_b}",
    )


def _others(shown: Sequence[Comparison]) -> Section:
    rows = tuple(
        (
            *_who(item),
            *map(_ratio_text, (figures.import_, figures.first_step)),
            _ratio_text(figures.peak_memory),
        )
        for item, figures in _with(shown)
    )
    columns = (*_WHO, "import", "first step", "peak memory")
    return Section("Other ratios, B / A", columns, rows)


def _quality(shown: Sequence[Comparison]) -> Section:
    rows = tuple(
        (
            *_who(item),
            f"{100 * figures.accuracy_a:.2f}",
            f"{100 * figures.accuracy_b:.2f}",
            f"{100 * figures.accuracy.difference:+.2f}",
            _points(figures.accuracy),
            loss_words(figures, item.match.a[0].question["precision"]),
        )
        for item, figures in _with(shown)
    )
    columns = (*_WHO, "A %", "B %", "B - A", "95 % interval", "losses")
    return Section("Accuracy and arithmetic", columns, rows, (_QUALITY_NOTE,))


def _own_flags(result: FolderComparison) -> list[Section]:
    """Those of contenders that the folders' own differences do not tell already."""
    told = {(item.name, item.a, item.b) for item in result.differences}
    rows = tuple(
        (*_who(item), flag.name, flag.a, flag.b)
        for item in result.shown
        for flag in item.comparability.flags
        if (flag.name, flag.a, flag.b) not in told
    )
    columns = (*_WHO, "what", "A", "B")
    return [Section("What differs for a contender", columns, rows)] if rows else []


def _refused(refused: Sequence[Comparison]) -> list[Section]:
    rows = tuple(
        (*_who(item), *_cells(reason))
        for item in refused
        for reason in item.comparability.refusals
    )
    sentences = tuple(map(refusal_sentence, refused))
    columns = (*_WHO, "what", "A", "B")
    return [Section("Refused", columns, rows, sentences)] if rows else []


def _left_out(result: FolderComparison) -> list[Section]:
    matching = result.matching
    found = []
    if not matching.matches:
        line = "No contender has results in both folders."
        found.append(Section("Nothing to compare", (), (), (line,)))
    alone = (*_sided("A", matching.only_a), *_sided("B", matching.only_b))
    if alone:
        found.append(Section("On one side only", ("only in", *_WHO), alone))
    errors = (
        *(("A", line) for line in matching.errors_a),
        *(("B", line) for line in matching.errors_b),
    )
    if errors:
        found.append(Section("Without a result", ("in", "why"), errors))
    return found


def _with(shown: Sequence[Comparison]) -> Iterable[tuple[Comparison, Figures]]:
    return ((item, item.figures) for item in shown if item.figures is not None)


def _who(item: Comparison) -> Cells:
    return (item.match.group, item.match.contender)


def _sided(side: str, keys: Sequence[Key]) -> tuple[Cells, ...]:
    return tuple((side, *key) for key in keys)


def _cells(item: Difference) -> Cells:
    return (item.name, item.a, item.b)


def _ratio_text(ratio: UnpairedRatio | None) -> str:
    if ratio is None:
        return "unknown"
    if not math.isfinite(ratio.high):
        return factor(ratio.ratio)
    return f"{factor(ratio.ratio)} ({interval(ratio)})"


def _points(difference: UnpairedDifference) -> str:
    if not math.isfinite(difference.high):
        return f"none: {MIN_ROUNDS} rounds needed"
    return f"{100 * difference.low:+.2f} to {100 * difference.high:+.2f}"
