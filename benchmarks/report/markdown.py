"""REPORT.md: the figures, pictures and conditions of one benchmark, to read and keep."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from benchmarks.report.plots import plot_confusions, plot_losses
from benchmarks.report.tables import (
    QUALITY_COLUMNS,
    RATIO_COLUMNS,
    TIME_COLUMNS,
    markdown_table,
    quality_row,
    ratio_row,
    time_row,
)
from benchmarks.runner import Row
from benchmarks.summary import Contender, Summary, conclusion

_TIME_NOTE = """\
Medians over runs of each run's median epoch, in seconds; evaluation, warm-up and
import are not in the epoch. Of an epoch, `data` waits for batches (-: not known, the
framework fetches them by itself), `compute` is in train steps, `rest` is what is left.
Warm-up trains on a few batches and evaluates once, then weights and optimiser are set
back."""

_DIGEST_NOTE = """\
SHA-256, first 16 digits. `batches` is of the first epoch's tensors as the framework
receives them, made once more after training."""


def write_report(
    rows: Sequence[Row], summary: Summary, classes: tuple[str, ...], rows_path: Path
) -> Path:
    """Write REPORT.md and its PNG files beside `rows_path`; returns the report's path.

    `rows_path` is the file that the rows are from; the report names it.
    """
    folder = rows_path.parent
    parts = [
        f"# Benchmark on {rows[0]['case']['data']}",
        "\n".join(f"- {sentence}" for sentence in conclusion(summary)),
    ]
    for recipe in summary.recipes:
        parts += _recipe_parts(summary, recipe, classes, folder)
    parts += [
        "## Conditions",
        f"- rows: {rows_path.name}\n" + _conditions(rows, summary),
    ]
    path = folder / "REPORT.md"
    path.write_text("\n\n".join(parts) + "\n")
    return path


def _recipe_parts(
    summary: Summary, recipe: str, classes: tuple[str, ...], folder: Path
) -> list[str]:
    contenders = summary.contenders_of(recipe)
    comparisons = summary.comparisons_of(recipe)
    record = contenders[0].records[0]
    losses = folder / f"losses-{recipe}.png"
    confusions = folder / f"confusion-{recipe}.png"
    plot_losses(summary, recipe, losses)
    plot_confusions(summary, recipe, classes, confusions)
    setting = (
        f"{record['num_parameters']:,} parameters, {len(record['epochs'])} epochs of "
        f"batch {record['batch_size']}, {len(contenders[0].records)} runs."
    )
    return [
        f"## {recipe}",
        setting,
        "### Time",
        markdown_table(TIME_COLUMNS, [time_row(c) for c in contenders]),
        _TIME_NOTE,
        "Ratio of the times per epoch, paired by seed:",
        markdown_table(RATIO_COLUMNS, [ratio_row(c) for c in comparisons]),
        "### Quality on the test split",
        markdown_table(QUALITY_COLUMNS, [quality_row(c) for c in contenders]),
        f"![{recipe}: training loss]({losses.name})",
        f"![{recipe}: confusion matrices]({confusions.name})",
        "Precision, recall and F1 by class, in percent, mean of all runs:",
        _class_table(contenders, classes),
        "### Same data, order and weights",
        _digest_table(contenders),
        _DIGEST_NOTE,
    ]


def _class_table(contenders: Sequence[Contender], classes: tuple[str, ...]) -> str:
    keys = ("precision", "recall", "f1")
    columns = ("class", *(f"{c.loop} {key}" for key in keys for c in contenders))
    rows = []
    for index, name in enumerate(classes):
        means = [
            fmean(record["metrics"][key][index] for record in contender.records)
            for key in keys
            for contender in contenders
        ]
        rows.append((name, *(f"{100 * mean:.2f}" for mean in means)))
    return markdown_table(columns, rows)


def _digest_table(contenders: Sequence[Contender]) -> str:
    names = ("data", "order", "weights", "batches")
    rows = [
        (
            contender.loop,
            str(record["seed"]),
            *(f"`{record['digests'][name][:16]}`" for name in names),
        )
        for contender in contenders
        for record in contender.records
    ]
    return markdown_table(("loop", "seed", *names), rows)


def _conditions(rows: Sequence[Row], summary: Summary) -> str:
    environment = rows[0]["environment"]
    facts = {key: value for key, value in environment.items() if key != "packages"}
    lines = [f"- {key.replace('_', ' ')}: {value}" for key, value in facts.items()]
    versions = ", ".join(f"{k} {v}" for k, v in environment["packages"].items())
    lines.append(f"- packages: {versions}")
    flags = {c.loop: c.records[0]["flags"] for c in summary.contenders}
    for label, values in flags.items():
        lines.append(f"- {label}: " + ", ".join(f"{k} {v}" for k, v in values.items()))
    loads = [row["foreign_load"] for row in rows if row["foreign_load"] is not None]
    if loads:
        lines.append(
            "- CPUs used by other programs during each run: "
            + ", ".join(f"{load:.2f}" for load in loads)
        )
    return "\n".join(lines)
