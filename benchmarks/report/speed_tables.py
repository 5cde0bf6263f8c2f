"""Times of one group as tables."""

from benchmarks.report.tables import Cells, Table
from benchmarks.stats import MIN_PAIRS, PairedRatio, Spread
from benchmarks.verdict.contender import Contender
from benchmarks.verdict.group import Group
from benchmarks.words import format_factor, percent, short

NOISY = "~"
"""Behind the figure of a disturbed round."""


def overview(group: Group) -> Table:
    """One line a contender: all that matters at a glance."""
    target = "" if group.target is None else f"s to {_target(group.target)} %"
    columns = (
        "contender",
        "s per epoch",
        "range",
        "times the fastest's",
        "95 % interval",
        "accuracy %",
        target,
        "start s",
        "peak MB",
        "energy J",
        "noisy rounds",
    )
    ranked = group.by_speed
    rows = [_overview_row(group, one) for one in ranked]
    rows += [_overview_row(group, one) for one in group.contenders if one not in ranked]
    told = {one.name for one in group.contenders}
    rows += [
        (f"{name} (failed)", *("-",) * 10) for name in group.entered if name not in told
    ]
    return Table(columns, tuple(rows), _OVERVIEW_NOTE).without_empty()


_OVERVIEW_NOTE = (
    "Medians over rounds of each run's median epoch; evaluation, import and warm-up are "
    "not in an epoch. Ratios are paired by round, with bootstrap intervals from "
    f"{MIN_PAIRS} rounds on. Accuracy: mean over seeds with Student's 95 % interval. "
    "Start: import, build and first step. Energy: joules of the processor while it was "
    "the contender's turn."
)


def _overview_row(group: Group, one: Contender) -> Cells:
    speed, quality = one.speed, one.quality
    ratio, bounds = _against_fastest(group, one)
    return (
        one.name,
        f"{speed.epoch_s.median:.3f}",
        _range(speed.epoch_s, 3),
        ratio,
        bounds,
        accuracy_text(one),
        "-" if quality.target_s is None else short(quality.target_s.median),
        f"{speed.startup_s.median:.2f}",
        f"{speed.peak_rss_bytes.median / 1e6:,.0f}",
        "-" if speed.energy_j is None else short(speed.energy_j.median),
        f"{len(one.noisy)} of {len(one.rows)}",
    )


def _against_fastest(group: Group, one: Contender) -> tuple[str, str]:
    ranked = group.by_speed
    if one not in group.accepted:
        return "refused", "-"
    if one is ranked[0]:
        return "1", "-"
    ratio = group.ratio(one.name, ranked[0].name)
    return ("-", "-") if ratio is None else (format_factor(ratio.ratio), bounds(ratio))


def accuracy_text(one: Contender) -> str:
    """Percent with half the interval's width where there is one."""
    accuracy = one.quality.accuracy
    if len(accuracy.values) == 1:
        return percent(accuracy.mean)
    return f"{percent(accuracy.mean)} ± {percent(accuracy.high - accuracy.mean)}"


def split(group: Group) -> Table:
    """What an epoch's seconds went to."""
    rows = []
    for one in group.contenders:
        speed = one.speed
        share = speed.data_share
        rows.append(
            (
                one.name,
                f"{speed.epoch_s.median:.3f}",
                "-" if speed.data_s is None else f"{speed.data_s.median:.3f}",
                "-" if share is None else percent(share, 1),
                f"{speed.compute_s.median:.3f}" if not speed.is_asynchronous else "-",
                f"{speed.rest_s.median:.3f}" if not speed.is_asynchronous else "-",
                f"{speed.compute_s.median + speed.rest_s.median:.3f}",
            )
        )
    columns = (
        "contender", "s per epoch", "data", "data %", "compute", "rest",
        "compute + rest",
    )  # fmt: skip
    return Table(columns, tuple(rows), _SPLIT_NOTE)


_SPLIT_NOTE = (
    "Seconds of an epoch as the training loop sees them: data is waiting for batches (-: "
    "the framework fetches them by itself), compute is in calls of the train step, rest "
    "is what is left. Where steps are asynchronous (JAX, and any GPU) a call only "
    "dispatches its step, and only the sum of both is told."
)


def cuts(group: Group) -> Table:
    """Data alone, compute alone, both together, and the floors below them."""
    rows = []
    for one in group.contenders:
        times = one.speed.cuts
        if times is None:
            rows.append((one.name, *("-",) * 9))
            continue
        factor, share = times.floor_factor, times.fixed_share
        rows.append(
            (
                one.name,
                _ms(times.whole_s),
                _ms(times.data_s),
                percent(times.data_share, 1),
                _ms(times.compute_s),
                f"{1e3 * times.unexplained_s:+.3f}",
                _ms(times.matmul_s),
                "-" if factor is None else f"{factor:.2f}",
                _ms(times.fixed_s),
                "-" if share is None else percent(share, 0),
            )
        )
    columns = (
        "contender", "whole step ms", "data alone ms", "data %", "compute alone ms",
        "neither ms", "BLAS floor ms", "times the floor", "fixed ms", "fixed %",
    )  # fmt: skip
    return Table(columns, tuple(rows), _CUTS_NOTE).without_empty()


_CUTS_NOTE = (
    "Milliseconds a step. Data alone: the service without a model. Compute alone: a step "
    "on one batch that is in memory. Neither: what a training step takes beyond both; "
    "below 0, they overlap. BLAS floor: the step's matrix products alone in NumPy's BLAS; "
    "a framework that convolves in another way can be below it. Fixed: what a compute "
    "step would take for a batch of no examples, by a straight line through its times at "
    "several batch sizes: what the framework costs a step, whatever the batch."
)


def starts(group: Group) -> Table:
    """What comes before the first epoch, and memory."""
    rows = [
        (
            one.name,
            f"{one.speed.import_s.median:.2f}",
            f"{one.speed.build_s.median:.3f}",
            f"{one.speed.first_step_s.median:.3f}",
            f"{one.speed.tracing_s.median:.3f}",
            f"{one.speed.warmup_s.median:.2f}",
            f"{one.speed.peak_rss_bytes.median / 1e6:,.0f}",
            "-" if one.speed.energy_j is None else short(one.speed.energy_j.median),
        )
        for one in group.contenders
    ]
    columns = (
        "contender", "import s", "build s", "step 1 s", "tracing, compiling s",
        "warm-up s", "peak MB", "energy J",
    )  # fmt: skip
    note = (
        "Tracing, compiling: the first step less a usual one. Warm-up includes step 1. "
        "Peak: resident memory of the process up to the end of training."
    )
    return Table(columns, tuple(rows), note).without_empty()


def pairs(group: Group) -> Table:
    """The ratio of each pair, the slower one above, and of each round of it."""
    rows = []
    for one in group.comparisons:
        is_slower = one.ratio.ratio >= 1
        slow, fast = (one.b, one.a) if is_slower else (one.a, one.b)
        ratio = one.ratio if is_slower else one.ratio.inverse
        marks = (NOISY if number in one.noisy else "" for number in one.rounds)
        each = (f"{v:.2f}{mark}" for v, mark in zip(ratio.ratios, marks, strict=True))
        rows.append(
            (
                f"{slow} / {fast}",
                format_factor(ratio.ratio),
                bounds(ratio),
                str(len(one.rounds)),
                " ".join(each),
            )
        )
    columns = ("time per epoch of", "ratio", "95 % interval", "rounds", "each round")
    note = (
        "Geometric means of ratios of one round of one session, measured side by side. "
        f"{NOISY}: other programs kept more than 0.2 CPUs busy during an epoch. Each "
        "interval is one comparison's: of twenty that say nothing, one leaves out 1."
    )
    return Table(columns, tuple(rows), note)


def bounds(ratio: PairedRatio) -> str:
    """The interval, or that there is none."""
    if len(ratio.ratios) < MIN_PAIRS:
        return "too few rounds"
    return f"{format_factor(ratio.low)} to {format_factor(ratio.high)}"


def _range(values: Spread, digits: int) -> str:
    return f"{values.low:.{digits}f} to {values.high:.{digits}f}"


def _ms(values: Spread | None) -> str:
    return "-" if values is None else f"{1e3 * values.median:.3f}"


def _target(share: float) -> str:
    return f"{100 * share:g}"
