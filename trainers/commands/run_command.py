"""`run`: train one recipe by one loop, watch it, and say what came of it."""

import argparse
import json
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from idxdata import Dataset, load
from idxdata.terminal import bar, duration, percent
from trainers.checkpoints import read_weights
from trainers.commands.live import Live, Stopwatch
from trainers.commands.metrics_display import print_gaps, print_metrics
from trainers.errors import DivergedError, RecipeError
from trainers.folder import BEST, LAST
from trainers.model_files import check_new_file, write_model
from trainers.options import RunOptions
from trainers.recipe_files import get_recipe
from trainers.record import RunRecord
from trainers.run import run


def main(args: argparse.Namespace) -> int:
    """Train; print events as JSON lines, or progress and a summary."""
    if args.save is not None and (args.launch is None or args.launch.rank == 0):
        check_new_file(args.save, args.loop)
    with _folder(args) as folder:
        options = _options(args, folder)
        try:
            return _run(args, options)
        except DivergedError as error:
            if args.checkpoint is None:
                error.hint = None  # it names the temporary folder
            raise


def _run(args: argparse.Namespace, options: RunOptions) -> int:
    if options.launch is not None and options.launch.rank > 0:
        # Rank 0 speaks and saves for all.
        run(options, lambda event: None)
        return 0
    if args.resume and not (Path(args.checkpoint) / LAST).exists():
        # In a mistyped folder too, which is why it is said.
        print(f"nothing to resume in {args.checkpoint}: starting anew", file=sys.stderr)
    if args.json:
        run(options, lambda event: _print_event(event, args))
        _save(args, options)
        return 0
    return _run_and_show(args, options)


def _run_and_show(args: argparse.Namespace, options: RunOptions) -> int:
    console = Console(highlight=False)
    watch = Stopwatch()
    with Live(console, is_fold=options.validation > 0) as live:
        record = run(options, live)
    wall_s = watch.seconds
    _save(args, options)
    assert isinstance(options.data, Dataset)  # for the type checker: of `_options`
    console.print()
    _print_validation(console, record)
    print_gaps(console, options.data.train.labels, options.data.classes)
    print_metrics(console, record.metrics, options.data.classes)
    console.print()
    console.print(_time_table(record, wall_s))
    files = _files(args)
    if files:
        console.print()
        console.print(files)
    return 0


def _options(args: argparse.Namespace, folder: str | None) -> RunOptions:
    if args.recipe is not None and args.recipe_option is not None:
        raise RecipeError(
            "two recipes", found=f"{args.recipe!r} and {args.recipe_option!r}"
        )
    if args.patience is not None and not args.validation:
        raise ValueError("--patience needs a part to judge by: --validation K")
    if args.resume and args.checkpoint is None:
        raise ValueError("--resume needs the run's folder: --checkpoint FOLDER")
    return RunOptions(
        recipe=get_recipe(args.recipe or args.recipe_option or args.default_recipe),
        loop=args.loop,
        data=load(args.data),
        seed=args.seed,
        epochs=args.epochs,
        batch_size=args.batch_size,
        num_threads=args.threads,
        precision=args.precision,
        device=args.device,
        validation=args.validation,
        patience=args.patience,
        checkpoint_folder=folder,
        checkpoint_s=args.checkpoint_s,
        resume=args.resume,
        launch=args.launch,
        timeout_s=args.timeout_s,
    )


def _folder(args: argparse.Namespace) -> Any:
    """The checkpoints' folder: what is saved in the end is read from there."""
    if args.checkpoint is None and args.save is not None:
        return tempfile.TemporaryDirectory(prefix="trainers-")
    return nullcontext(args.checkpoint)


def _save(args: argparse.Namespace, options: RunOptions) -> None:
    if args.save is None:
        return
    assert options.checkpoint_folder is not None  # for the type checker: of `_folder`
    name = BEST if options.validation else LAST
    recipe, weights = read_weights(Path(options.checkpoint_folder) / name)
    write_model(args.save, recipe, weights, args.loop, num_threads=args.threads)


def _print_event(event: dict[str, Any], args: argparse.Namespace) -> None:
    if event["event"] != "checkpoint" or args.checkpoint is not None:
        print(json.dumps(event), flush=True)


def _print_validation(console: Console, record: RunRecord) -> None:
    if record.validation is None or record.last_metrics is None:
        return
    best, last = record.validation, record.last_metrics
    console.print(
        f"epoch {best.best_epoch + 1} was the best on {best.num_examples:,} held out "
        f"examples: its weights are judged"
    )
    console.print(f"the last ones: accuracy {percent(last.accuracy, digits=2).strip()}")
    console.print()


def _time_table(record: RunRecord, wall_s: float) -> Table:
    """Where the time went, as parts of the wall time."""
    epochs = record.epochs
    waits = [epoch.data_s for epoch in epochs if epoch.data_s is not None]
    parts = {
        "import the framework": record.import_s,
        "build the model": record.build_s,
        "first step": record.first_step_s,
        "rest of the warm-up": record.warmup_s - record.first_step_s,
        "train: wait for data": sum(waits),
        "train: compute": sum(epoch.compute_s for epoch in epochs),
        "train: loop": sum(epoch.loop_s for epoch in epochs),
    }
    parts["load, evaluate, save"] = max(0.0, wall_s - sum(parts.values()))
    if not waits:
        del parts["train: wait for data"]
    whole = sum(parts.values())
    grid = Table.grid(padding=(0, 2))
    grid.add_column()
    grid.add_column(justify="right")
    grid.add_column(justify="right")
    grid.add_column(no_wrap=True)
    grid.add_row("[dim]time[/]", duration(whole), "", "")
    for name, seconds in parts.items():
        colour = "green" if name.startswith("train") else "blue"
        share = seconds / whole if whole else 0.0
        grid.add_row(
            name, duration(seconds), percent(share), f"[{colour}]{bar(share, 30)}[/]"
        )
    return grid


def _files(args: argparse.Namespace) -> str:
    lines = []
    if args.checkpoint is not None:
        there = sorted(path.name for path in Path(args.checkpoint).iterdir())
        lines.append(f"[dim]run[/]    {args.checkpoint}: {', '.join(there)}")
    if args.save is not None:
        lines.append(f"[dim]model[/]  {args.save}")
    return "\n".join(lines)
