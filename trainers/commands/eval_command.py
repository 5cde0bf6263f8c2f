"""`eval`: how good a model is on a dataset's split."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace

from rich.console import Console
from rich.table import Table

from idxdata import Split, load
from idxdata.terminal import percent, picture
from trainers.commands.metrics_display import print_metrics
from trainers.commands.opening import open_given
from trainers.inference import predict_probabilities
from trainers.metrics import Metrics, compute_metrics
from trainers.recipes import fit_recipe

_GAP = 3


def main(args: argparse.Namespace) -> int:
    """Print metrics and the surest mistakes, or one JSON object."""
    recipe, model = open_given(args)
    dataset = load(args.data)
    if recipe is not None:
        shape = dataset.train.images.shape[1:]
        fitted = fit_recipe(recipe, shape, len(dataset.classes))
        model = replace(model, recipe=fitted)
    split = dataset.test if args.split == "test" else dataset.train
    probabilities = predict_probabilities(
        model.recipe,
        model.weights,
        model.loop,
        split.images,
        num_threads=args.threads,
        device=args.device,
    )
    metrics = compute_metrics(split.labels, probabilities)
    if args.json:
        facts = {"recipe": model.recipe.name, "loop": model.loop}
        facts |= {"dataset": dataset.name, "split": args.split}
        print(json.dumps(facts | {"metrics": asdict(metrics)}))
        return 0
    console = Console(highlight=False)
    console.print(
        f"[bold]{model.recipe.name}[/] by [bold]{model.loop}[/] on {len(split):,} "
        f"examples: [bold]{dataset.name}[/] {args.split}"
    )
    console.print()
    print_metrics(
        console, metrics, _class_names(dataset.classes, model.recipe.num_classes)
    )
    _print_mistakes(console, metrics, split, dataset.classes)
    return 0


def _class_names(names: Sequence[str], count: int) -> list[str]:
    """A model may have more classes than the dataset."""
    return [*names, *(f"class {label}" for label in range(len(names), count))]


def _print_mistakes(
    console: Console, metrics: Metrics, split: Split, classes: Sequence[str]
) -> None:
    """The surest mistakes, as many as fit side by side."""
    names = _class_names(classes, len(metrics.f1))
    width = split.images.shape[2]
    count = max(1, (console.width + _GAP) // (width + _GAP))
    mistakes = metrics.mistakes[:count]
    if not mistakes:
        return
    grid = Table.grid(padding=(0, _GAP, 0, 0))
    has_colour = console.color_system is not None
    grid.add_row(
        *(
            picture(split.images[item.index], has_colour=has_colour, max_width=width)
            for item in mistakes
        )
    )
    grid.add_row(
        *(
            f"{names[item.true]} taken for {names[item.predicted]}, "
            f"{percent(item.probability).strip()}"
            for item in mistakes
        )
    )
    grid.add_row(*(f"[dim]example {item.index}[/]" for item in mistakes))
    console.print()
    console.print("[dim]surest mistakes[/]")
    console.print(grid)
