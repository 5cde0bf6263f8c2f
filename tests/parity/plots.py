"""float32 losses of one recipe: how far loops part, and how far chaos leads each."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from tests.parity.children import Results
from tests.parity.compare import EXCESS_LIMIT, chaos_floor, curves

# Stay apart for colour-blind eyes (Okabe and Ito).
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
_STYLES = ("-", "--", ":")


def plot_losses(recipe: str, results: Results, path: Path) -> None:
    """Left: the losses. Right: distances so far, with the band of chaos shaded.

    The band is `chaos_floor` of all loops; pairs of loops are thin grey lines, a loop
    and the reference a coloured one.
    """
    found = results.of(recipe, "float32")
    reference = results.reference(recipe)
    if reference is None or not found:
        return
    exact = reference["losses"]
    steps = np.arange(1, len(exact) + 1)
    figure = Figure(figsize=(11, 5), layout="constrained")
    losses, distances = figure.subplots(1, 2, width_ratios=(2, 3))
    floor = chaos_floor(map(curves, found.values()))
    bottom = floor.min() / 10
    distances.fill_between(
        steps,
        bottom,
        floor,
        color="#CCCCCC",
        label="a loop against itself, one ulp off",
    )
    limit = EXCESS_LIMIT * floor
    distances.plot(steps, limit, color="#888888", lw=1, ls="-.", label="limit")
    bases = [measured["losses"] for measured in found.values()]
    for index, one in enumerate(bases):
        for other in bases[index + 1 :]:
            distances.plot(steps, _visible(one - other), color="#999999", lw=0.4)
    for index, (loop, base) in enumerate(zip(found, bases, strict=True)):
        colour = _COLOURS[index % len(_COLOURS)]
        style = _STYLES[index % len(_STYLES)]
        losses.plot(steps, base, style, color=colour, lw=1)
        distances.plot(
            steps, _visible(base - exact), style, color=colour, lw=1.4, label=loop
        )
    losses.plot(steps, exact, color="black", lw=0.6, label="reference, float64")
    losses.set(title=f"{recipe}: training loss in float32", xlabel="step")
    losses.legend()
    distances.set(
        title="largest distance from the reference so far; grey: between two loops",
        xlabel="step",
        ylabel="difference of losses",
        yscale="log",
        ylim=(bottom, None),
    )
    figure.legend(
        *distances.get_legend_handles_labels(),
        fontsize="small",
        ncols=6,
        loc="outside lower center",
    )
    for axes in (losses, distances):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def _visible(differences: np.ndarray) -> np.ndarray:
    """The largest so far; what is 0 on a logarithmic axis is not drawn."""
    so_far = np.maximum.accumulate(np.abs(differences))
    return np.where(so_far > 0, so_far, np.nan)
