"""`make bench-data`: batches for a training loop by idxdata and its peers, interleaved.

Each measurement is a process of its own; rounds go through all contenders in turn.
Prints a table for each batch size, then which of the project's goals are met.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarks import inputs, make_inputs
from benchmarks.child import Row
from benchmarks.feed_contenders import FeedCase, chosen, grid, warm_ups
from benchmarks.feed_data import LARGE_FILES, open_data
from benchmarks.feed_print import print_results
from benchmarks.feed_runner import Setting, run_feed_case
from benchmarks.inputs import MissingInput
from benchmarks.run_loop import (
    Run,
    environment,
    names,
    new_console,
    new_rows_path,
    run_all,
)
from idxdata import IdxDataError
from trainers.arguments import positive

PEERS = ("grain", "jax", "jaxlib")


def source_of(data: str) -> str:
    """What `load` takes for that data. Raises `MissingInput` if MNIST is not there."""
    return str(inputs.mnist_folder()) if data == "mnist" else data


def _default_data() -> str:
    try:
        inputs.mnist_folder()
    except MissingInput:
        return "glyphs"
    return "mnist"


def prepare_large(folder: Path, console: Console) -> bool:
    """Make the large set if it is not there; False, and why, if there is no room."""
    images, labels = (folder / name for name in LARGE_FILES)
    if images.is_file() and labels.is_file():
        return True
    free_nbytes = shutil.disk_usage(folder).free
    if free_nbytes < 2 * make_inputs.NUMBERED_NBYTES:
        console.print(
            f"large left out: {free_nbytes / 1e9:.0f} GB of the disk are free"
        )
        return False
    with console.status("large: making 8 GB"):
        make_inputs.numbered(images, labels)
    return True


def run_grid(
    cases: Sequence[FeedCase], setting: Setting, path: Path, console: Console
) -> list[Row]:
    """Run the cases; the rows of those that are no warm-up go to `path`."""
    runs = [
        Run(_label(case), partial(run_feed_case, case, setting), not case.is_warm_up)
        for case in cases
    ]
    return run_all(runs, path, console)


def _label(case: FeedCase) -> str:
    what = f"{case.feeder.label} on {case.data}"
    if case.is_warm_up:
        return f"warm-up: {what}"
    return f"round {case.round_number + 1}: {what}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.feed_bench", description=__doc__
    )
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument(
        "--data",
        default=_default_data(),
        help="mnist, glyphs or a folder; default: mnist if it is there",
    )
    parser.add_argument("--batch-sizes", type=_sizes, default=[32, 128, 1024])
    parser.add_argument(
        "--only", type=names, help="contenders: feed/kernel, kernel, feed"
    )
    parser.add_argument("--large", action="store_true", help="a set of 8 GB too")
    parser.add_argument(
        "--threads", type=positive, default=1, help="of arithmetic, in every contender"
    )
    parser.add_argument("--count", type=positive, help="of examples, default: all")
    parser.add_argument("--results", type=Path, default=Path("results/feed_bench"))
    return parser.parse_args()


def _sizes(text: str) -> list[int]:
    """Comma-separated numbers, each once."""
    return [positive(name) for name in names(text)]


def _setting(args: argparse.Namespace, console: Console) -> Setting:
    """Raises the errors of `load` and `MissingInput`."""
    folder = args.results / "inputs"
    source = source_of(args.data)
    with console.status(f"{args.data}: reading or making it"):
        data = open_data(source, folder, args.count)
    count = None if args.count is None else len(data.split)
    facts = environment(PEERS)
    return Setting(source, count, folder.resolve(), args.threads, facts)


def main() -> int:
    """Returns the exit status: 0, 1 if a run failed or nothing ran, 2 bad input."""
    args = _arguments()
    console = new_console()
    try:
        feeders = chosen(args.only)
        setting = _setting(args, console)
    except (ValueError, MissingInput, IdxDataError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not (args.large and prepare_large(setting.folder, console)):
        feeders = [feeder for feeder in feeders if feeder.group != "large"]
    path = new_rows_path(args.results)
    cases = grid(feeders, args.data, args.batch_sizes, args.rounds)
    rows = run_grid(warm_ups(cases) + cases, setting, path, console)
    if not rows:
        return 1
    print_results(rows, args.data, feeders, console)
    console.print(f"Rows: {path}")
    return 1 if any("error" in row for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
