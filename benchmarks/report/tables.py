"""The figures as rows of text; the terminal and REPORT.md show the same ones."""

from benchmarks.stats import Spread
from benchmarks.summary import Comparison, Contender, format_factor

TIME_COLUMNS = (
    "loop",
    "epoch s",
    "range",
    "data",
    "compute",
    "rest",
    "step 1",
    "warm-up",
    "import",
)
QUALITY_COLUMNS = (
    "loop",
    "accuracy %",
    "range",
    "precision %",
    "recall %",
    "F1 %",
)
RATIO_COLUMNS = ("epoch time of", "ratio", "95 % interval", "each pair")


def time_row(contender: Contender) -> tuple[str, ...]:
    """Seconds, as medians over runs."""
    epoch = contender.epoch_s
    return (
        contender.loop,
        f"{epoch.median:.3f}",
        f"{epoch.low:.2f}-{epoch.high:.2f}",
        "-" if contender.data_s is None else f"{contender.data_s.median:.3f}",
        f"{contender.compute_s.median:.3f}",
        f"{contender.loop_s.median:.3f}",
        f"{contender.first_step_s.median:.3f}",
        f"{contender.warmup_s.median:.2f}",
        f"{contender.import_s.median:.2f}",
    )


def quality_row(contender: Contender) -> tuple[str, ...]:
    """Percent on the test split, as medians over runs; means over classes."""
    accuracy = contender.accuracy
    return (
        contender.loop,
        _percent(accuracy),
        f"{100 * accuracy.low:.2f}-{100 * accuracy.high:.2f}",
        _percent(contender.precision),
        _percent(contender.recall),
        _percent(contender.f1),
    )


def ratio_row(comparison: Comparison) -> tuple[str, ...]:
    """The paired ratio of the times per epoch."""
    ratio = comparison.time_ratio
    interval = (
        f"{format_factor(ratio.low)} to {format_factor(ratio.high)}"
        if len(ratio.ratios) > 1
        else "one pair"
    )
    return (
        f"{comparison.b.loop} / {comparison.a.loop}",
        f"{ratio.ratio:.2f}",
        interval,
        " ".join(f"{value:.2f}" for value in ratio.ratios),
    )


def markdown_table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table in GitHub's Markdown."""
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _percent(values: Spread) -> str:
    return f"{100 * values.median:.2f}"
