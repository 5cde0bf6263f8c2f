"""`make bench-data`: reading IDX files with idxdata and its peers, interleaved.

Each measurement is a process of its own; rounds go through all contenders in turn.
Prints a table for each input, then which of the project's goals are met.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarks import inputs
from benchmarks.child import Row
from benchmarks.contenders import (
    CACHED,
    CONTENDERS,
    Contender,
    DataCase,
    chosen,
    grid,
)
from benchmarks.data_print import print_results
from benchmarks.data_results import Results, parse_row
from benchmarks.data_runner import run_data_case
from benchmarks.inputs import Input, MissingInput
from benchmarks.run_loop import (
    Run,
    environment,
    names,
    new_console,
    new_rows_path,
    run_all,
)
from trainers.arguments import positive

WARM_UP = -1
"""The round of a run that is not recorded."""

PEERS = ("deflate", "idx2numpy", "isal", "mnist", "python-mnist", "zlib-ng")


def prepare_inputs(names: Sequence[str], folder: Path, console: Console) -> list[Input]:
    """Find or make each; one that is missing is said and left out."""
    files = []
    for name in names:
        with console.status(f"{name}: reading or making it"):
            try:
                files.append(inputs.prepare(name, folder))
            except MissingInput as error:
                console.print(f"{name} left out: {error}", highlight=False)
    return files


def warm_ups(contenders: Sequence[Contender], files: Sequence[Input]) -> list[DataCase]:
    """Runs that are not measured: they leave byte code and kernels on the disk.

    Each contender on its smallest input. The kernels by way of the reader that is
    made to use them, on the largest input too, since "auto" may do without.
    """
    cases = []
    for contender in contenders:
        files_taken = [file for file in files if not contender.refusal(file)]
        cases += [
            DataCase(contender, file, CACHED, WARM_UP) for file in files_taken[:1]
        ]
    forced = next(c for c in CONTENDERS if c.label == "reader/ours_numba")
    zipped = [file for file in files if file.is_gzip]
    if zipped and any(c.name.startswith("ours") for c in contenders):
        cases += [DataCase(forced, zipped[-1], CACHED, WARM_UP)]
    return cases


def run_grid(cases: Sequence[DataCase], path: Path, console: Console) -> list[Row]:
    """Run the cases; the rows of those that are no warm-up go to `path`."""
    facts = environment(PEERS)
    with tempfile.TemporaryDirectory() as cache:
        runs = [
            Run(
                _label(case),
                partial(run_data_case, case, facts, Path(cache)),
                case.round_number != WARM_UP,
            )
            for case in cases
        ]
        return run_all(runs, path, console)


def _label(case: DataCase) -> str:
    where = f"{case.contender.label} on {case.file.name}"
    if case.round_number == WARM_UP:
        return f"warm-up: {where}"
    return f"round {case.round_number + 1}: {where}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.data_bench", description=__doc__
    )
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument(
        "--inputs", type=names, help=f"some of {', '.join(inputs.NAMES)}"
    )
    parser.add_argument("--only", type=names, help="contenders: reader/mnist, mnist")
    parser.add_argument("--large", action="store_true", help="inputs of 1 GB too")
    parser.add_argument("--results", type=Path, default=Path("results/data_bench"))
    return parser.parse_args()


def _input_names(args: argparse.Namespace) -> list[str]:
    """Those asked for, from small to large. Raises ValueError for an unknown one."""
    if args.inputs is None:
        return list(inputs.NAMES if args.large else inputs.DEFAULT)
    if others := [name for name in args.inputs if name not in inputs.NAMES]:
        raise ValueError(
            f"no input {', '.join(others)}: expected some of {', '.join(inputs.NAMES)}"
        )
    return [name for name in inputs.NAMES if name in args.inputs]


def main() -> int:
    """Returns the exit status: 0, 1 if a run failed or nothing ran, 2 bad input."""
    args = _arguments()
    try:
        input_names, contenders = _input_names(args), chosen(args.only)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    console, path = new_console(), new_rows_path(args.results)
    files = prepare_inputs(input_names, args.results / "inputs", console)
    cases = warm_ups(contenders, files) + grid(contenders, files, args.rounds)
    rows = run_grid(cases, path, console)
    if not rows:
        return 1
    results = Results(parse_row(row) for row in rows)
    print_results(results, input_names, contenders, files, console)
    console.print(f"Rows: {path}")
    return 1 if any("error" in row for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
