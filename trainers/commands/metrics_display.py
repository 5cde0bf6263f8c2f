"""Metrics as tables; what `run` and `eval` have in common."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from idxdata.terminal import bar, percent, top
from trainers.metrics import Metrics

MAX_CLASSES = 26
MAX_CONFUSIONS = 5
MAX_GAPS = 5
_BAR = 16


def print_metrics(console: Console, metrics: Metrics, classes: Sequence[str]) -> None:
    """Accuracy and losses, a table of the classes, and the worst confusions."""
    console.print(
        f"accuracy [bold green]{percent(metrics.accuracy, digits=2).strip()}[/]"
        f"   log loss {metrics.log_loss:.4f}"
        f"   calibration error {percent(metrics.calibration_error, digits=2).strip()}"
        f"   Brier {metrics.brier:.4f}"
    )
    console.print()
    console.print(_class_table(metrics, classes))
    confusions = worst_confusions(metrics.confusion, MAX_CONFUSIONS)
    if confusions:
        console.print()
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="dim")
        for place, (true, predicted, count) in enumerate(confusions):
            share = count / sum(metrics.confusion[true])
            grid.add_row(
                "most often confused" if place == 0 else "",
                f"{classes[true]} taken for {classes[predicted]}",
                f"{count:,} times",
                f"{percent(share).strip()} of them",
            )
        console.print(grid)


def print_gaps(
    console: Console, labels: NDArray[np.integer[Any]], classes: Sequence[str]
) -> None:
    """One line that names classes without a train example, if there are any."""
    counts = np.bincount(labels, minlength=len(classes))
    missing = [classes[place] for place in np.flatnonzero(counts == 0).tolist()]
    if not missing:
        return
    names = ", ".join(missing[:MAX_GAPS])
    rest = f" and {len(missing) - MAX_GAPS} more" if len(missing) > MAX_GAPS else ""
    text = f"no example to train on: {names}{rest}"
    console.print(text, style="yellow", markup=False)
    console.print()


def worst_confusions(
    confusion: list[list[int]], count: int
) -> list[tuple[int, int, int]]:
    """(true, predicted, how often) of wrong predictions, most frequent first."""
    cells = np.array(confusion)
    np.fill_diagonal(cells, 0)
    order = np.argsort(-cells.reshape(-1), kind="stable")[:count]
    places = zip(*(axis.tolist() for axis in np.unravel_index(order, cells.shape)))
    found = [(true, guess, int(cells[true, guess])) for true, guess in places]
    return [cell for cell in found if cell[2]]


def _class_table(metrics: Metrics, classes: Sequence[str]) -> Table:
    """All classes, or if there are many those of the least F1."""
    shown = list(range(len(classes)))
    if len(shown) > MAX_CLASSES:
        counts = [sum(row) for row in metrics.confusion]
        order = top([-value for value in metrics.f1], len(shown))
        shown = [place for place in order if counts[place]][:MAX_CLASSES]
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("class" if len(shown) == len(classes) else "worst classes")
    for name in ("examples", "precision", "recall", "F1", "wrong"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    wrong = [sum(row) - row[place] for place, row in enumerate(metrics.confusion)]
    for place in shown:
        table.add_row(
            classes[place],
            f"{sum(metrics.confusion[place]):,}",
            percent(metrics.precision[place]),
            percent(metrics.recall[place]),
            percent(metrics.f1[place]),
            f"{wrong[place]:,}",
            f"[red]{bar(wrong[place] / max(1, *wrong), _BAR)}[/]",
        )
    means = (metrics.macro_precision, metrics.macro_recall, metrics.macro_f1)
    table.add_row(
        "mean",
        f"{sum(map(sum, metrics.confusion)):,}",
        *map(percent, means),
        f"{sum(wrong):,}",
        style="bold",
    )
    return table
