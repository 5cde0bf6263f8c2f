"""`show`: a recipe as a picture; of a file of weights also what is in it."""

import argparse
from pathlib import Path
from typing import Any, ClassVar

from rich.console import Console
from rich.highlighter import RegexHighlighter
from rich.table import Table
from rich.theme import Theme

from trainers.checkpoints import read_weights
from trainers.diagram import diagram
from trainers.npz import read_npz
from trainers.recipe_files import get_recipe, recipe_to_toml
from trainers.weights import Weights, weights_digest


class _Lines(RegexHighlighter):
    """Frames recede, so that what stands in them is seen first."""

    base_style = "diagram."
    highlights: ClassVar = [
        r"(?P<frame>[│─╭╮╰╯├┤┬┴]+)",
        r"(?m)(?P<dim>output +parameters$)",
        r"(?m)^ +(?P<dim>\d+) +│",
        r"(?m)^(?P<dim>loss|optimiser|batch size|epochs|augmented)  ",
        r"(?P<name>^\S+)",
    ]


_THEME = Theme(
    {"diagram.frame": "cyan", "diagram.dim": "dim", "diagram.name": "bold"},
)


def main(args: argparse.Namespace) -> int:
    """Print the picture, or with `--toml` the recipe's file."""
    console = Console(highlighter=_Lines(), theme=_THEME, soft_wrap=True)
    is_weights = Path(args.what).suffix.lower() == ".npz"
    recipe, weights = (
        read_weights(args.what) if is_weights else (get_recipe(args.what), None)
    )
    if args.toml:
        print(recipe_to_toml(recipe), end="")
        return 0
    console.print(diagram(recipe), end="", markup=False)
    if weights is not None:
        console.print()
        console.print(_contents(args.what, weights))
    return 0


def _contents(path: str, weights: Weights) -> Table:
    """What a file of weights says beside its recipe."""
    meta, _ = read_npz(path)
    facts: dict[str, Any] = meta.get("facts") or {}
    is_checkpoint = "epoch" in meta
    rows = {
        "file": f"{path}, {Path(path).stat().st_size:,} bytes",
        "holds": "a checkpoint: weights, optimiser, position"
        if is_checkpoint
        else "weights",
        "dtype": ", ".join(sorted({str(array.dtype) for array in weights.values()})),
        "digest": weights_digest(weights),
    }
    rows |= {name: str(facts[name]) for name in ("loop", "seed") if name in facts}
    if is_checkpoint:
        rows["position"] = f"after {meta['epoch']} epochs and {meta['step']} steps"
    if meta.get("best"):
        best = meta["best"]
        rows["best"] = f"after {best['epoch'] + 1} epochs: loss {best['loss']:.4f}"
    if facts.get("data"):
        rows["data"] = facts["data"]
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="dim", width=11)
    for name, text in rows.items():
        grid.add_row(name, text)
    return grid
