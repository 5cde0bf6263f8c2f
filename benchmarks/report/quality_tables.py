"""Accuracy of one group as tables, and what was fed."""

from collections.abc import Sequence

from benchmarks.report.speed_tables import NOISY
from benchmarks.report.tables import Table
from benchmarks.stats import Spread
from benchmarks.verdict.comparability import DIGESTS
from benchmarks.verdict.group import Group
from benchmarks.verdict.speed import epoch_s
from benchmarks.words import percent, short


def accuracy(group: Group) -> Table:
    """Of the test split, over seeds."""
    rows = []
    for one in group.contenders:
        quality = one.quality
        mean = quality.accuracy
        has_interval = len(mean.values) > 1
        interval = f"{percent(mean.low)} to {percent(mean.high)}"
        rows.append(
            (
                one.name,
                percent(mean.mean),
                interval if has_interval else "-",
                percent(mean.deviation) if has_interval else "-",
                percent(quality.precision.median),
                percent(quality.recall.median),
                percent(quality.f1.median),
                f"{quality.log_loss.median:.4f}",
                f"{quality.calibration_error.median:.4f}",
                _seconds(quality.target_s),
                "-"
                if quality.target_epochs is None
                else f"{quality.target_epochs.median:g}",
            )
        )
    target = "target" if group.target is None else f"{100 * group.target:g} %"
    columns = (
        "contender", "accuracy %", "95 % interval", "seeds' deviation", "precision %",
        "recall %", "F1 %", "log loss", "calibration error", f"s to {target}",
        f"epochs to {target}",
    )  # fmt: skip
    note = (
        "Accuracy: mean over seeds with Student's interval; the others are medians over "
        "seeds, of means over classes. The target is the highest of 50, 80, 90, 95, 96, "
        "97, 98, 98.5, 99 and 99.5 % that every run of every contender reached; time to "
        "it is training time to the end of the first epoch there, evaluation apart."
    )
    return Table(columns, tuple(rows), note).without_empty()


def disagreements(group: Group) -> Table:
    """Whether the difference in accuracy is more than seeds explain, a pair a line."""
    rows = []
    for one in group.comparisons:
        found = one.disagreement
        difference = found.difference
        tests = found.tests
        has_interval = len(difference.values) > 1
        rows.append(
            (
                f"{one.b} less {one.a}",
                f"{100 * difference.mean:+.3f}",
                f"{100 * difference.low:+.3f} to {100 * difference.high:+.3f}"
                if has_interval
                else "-",
                found.explained.value,
                f"{min(test.p for test in tests):.3g}",
                f"{found.num_significant} of {len(tests)}",
                " ".join(f"{test.only_a_wrong}:{test.only_b_wrong}" for test in tests),
            )
        )
    columns = (
        "accuracy of", "points", "95 % interval", "difference is", "least p",
        "p below 0.05", "wrong alone, each seed",
    )  # fmt: skip
    note = (
        "Differences are paired by seed, which gives both the same initial weights and "
        "order. Wrong alone: examples that only the second-named got wrong, then only "
        "the first-named. p: McNemar's exact test for each seed's two models. It asks "
        "about two models, the interval about two contenders: with twenty seeds one p "
        "below 0.05 is chance."
    )
    return Table(columns, tuple(rows), note)


def classes(group: Group, names: Sequence[str]) -> Table:
    """Precision, recall and F1 of each class."""
    figures = ("precision", "recall", "f1")
    columns = (
        "class",
        *(f"{one.name} {key}" for key in figures for one in group.contenders),
    )
    rows = [
        (
            name,
            *(
                percent(getattr(one.quality.classes[index], key))
                for key in figures
                for one in group.contenders
            ),
        )
        for index, name in enumerate(names)
    ]
    return Table(columns, tuple(rows), "Percent, means over seeds.")


def rounds(group: Group) -> Table:
    """Each run's median epoch; disturbed ones marked."""
    places = sorted({row.place for one in group.contenders for row in one.rows})
    names = [one.name for one in group.contenders]
    rows = []
    for session, number in places:
        cells = []
        for one in group.contenders:
            row = next((r for r in one.rows if r.place == (session, number)), None)
            if row is None or row.record is None:
                cells.append("-")
                continue
            mark = NOISY if row.is_noisy else ""
            load = max(
                (t.foreign_load or 0.0 for t in row.turns if t.what == "epoch"),
                default=0.0,
            )
            cells.append(
                f"{epoch_s(row.record):.3f}{mark}" + (f" ({load:.1f})" if mark else "")
            )
        rows.append((f"{number + 1}", session, *cells))
    note = (
        f"Seconds per epoch. {NOISY}: other programs kept more than 0.2 CPUs busy during "
        "an epoch, at most as many as the brackets say."
    )
    return Table(("round", "session", *names), tuple(rows), note)


def digests(group: Group) -> Table:
    """What each run was fed."""
    rows = [
        (
            str(row.round + 1),
            one.name,
            *(row.record.digests[name][:16] for name in DIGESTS),
        )
        for one in group.contenders
        for row in one.rows
        if row.record is not None
    ]
    rows.sort(key=lambda cells: int(cells[0]))
    note = (
        "SHA-256, first 16 digits. Batches: the first epoch's tensors as the framework "
        "receives them, made once more after training. Who differs from the others of "
        "its round is refused."
    )
    return Table(("round", "contender", *DIGESTS), tuple(rows), note)


def _seconds(values: Spread | None) -> str:
    if values is None:
        return "-"
    return f"{short(values.median)} ({short(values.low)} to {short(values.high)})"
