"""Pictures of a benchmark: loss curves and confusion matrices, as PNG files."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.summary import Summary

# Colours that stay apart for colour-blind eyes, the first two also in grey (Okabe, Ito).
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
SMOOTHING_STEPS = 25
MAX_NUMBERED_CLASSES = 50


def plot_losses(summary: Summary, recipe: str, path: Path) -> None:
    """Training loss by step, all loops in one plot: faint raw, bold smoothed.

    Beside it the first 20 steps unsmoothed. The run of the lowest seed is shown.
    """
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    whole, start = figure.subplots(1, 2, width_ratios=(2, 1))
    contenders = summary.contenders_of(recipe)
    for index, contender in enumerate(contenders):
        record = min(contender.records, key=lambda record: record["seed"])
        losses = np.array(record["losses"])
        steps = np.arange(1, len(losses) + 1)
        colour = COLOURS[index % len(COLOURS)]
        style = ("-", "--")[index % 2]
        whole.plot(steps, losses, color=colour, alpha=0.15, linewidth=0.5)
        smooth = _running_mean(losses)
        offset = len(losses) - len(smooth)
        whole.plot(
            steps[offset:], smooth, style, color=colour, label=contender.loop, lw=1.6
        )
        start.plot(
            steps[:20],
            losses[:20],
            style,
            marker="o" if index % 2 == 0 else "x",
            ms=5,
            color=colour,
        )
    whole.set(
        title=f"{recipe}: training loss, lowest seed",
        xlabel="step",
        ylabel=f"cross-entropy, mean of {SMOOTHING_STEPS} steps",
        yscale="log",
    )
    whole.legend()
    start.set(title="first 20 steps", xlabel="step")
    for axes in (whole, start):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def plot_confusions(
    summary: Summary, recipe: str, classes: tuple[str, ...], path: Path
) -> None:
    """Confusion matrices of the recipe's contenders side by side, summed over repeats.

    Colour shows mistakes only; the diagonal's counts are printed.
    """
    contenders = summary.contenders_of(recipe)
    size = min(12.0, max(4.2, 0.42 * len(classes)))
    figure = Figure(figsize=(size * len(contenders), size + 0.4), layout="constrained")
    panels = figure.subplots(1, len(contenders), squeeze=False)[0]
    matrices = [
        np.sum([r["metrics"]["confusion"] for r in contender.records], axis=0)
        for contender in contenders
    ]
    most = max(int(_mistakes(matrix).max()) for matrix in matrices)
    for axes, contender, matrix in zip(panels, contenders, matrices, strict=True):
        _draw_confusion(axes, matrix, classes, max(1, most))
        axes.set_title(contender.loop)
    repeats = len(contenders[0].records)
    figure.suptitle(f"{recipe}: test split, {repeats} runs summed; colour: mistakes")
    figure.savefig(path, dpi=110)


def _running_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    width = min(SMOOTHING_STEPS, len(values))
    return np.convolve(values, np.full(width, 1 / width), mode="valid")


def _mistakes(matrix: NDArray[np.int64]) -> NDArray[np.int64]:
    return matrix - np.diag(matrix.diagonal())


def _draw_confusion(
    axes: Axes, matrix: NDArray[np.int64], classes: tuple[str, ...], most: int
) -> None:
    mistakes = _mistakes(matrix)
    axes.imshow(mistakes, cmap="Oranges", vmin=0, vmax=most)
    axes.set(xlabel="predicted", ylabel="true")
    if len(classes) > MAX_NUMBERED_CLASSES:
        return
    ticks = range(len(classes))
    crowded = max(map(len, classes)) > 2
    axes.set_xticks(ticks, classes, rotation=60 if crowded else 0)
    axes.set_yticks(ticks, classes)
    for row, column in np.ndindex(matrix.shape):
        count = int(matrix[row, column])
        if not count:
            continue
        axes.text(
            column,
            row,
            str(count),
            ha="center",
            va="center",
            fontsize=7,
            color="white" if mistakes[row, column] > 0.6 * most else "black",
        )
