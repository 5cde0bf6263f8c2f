"""`report`: the pages of a folder of rows, made again."""

import argparse
import sys
from pathlib import Path

from benchmarks.commands.measuring import report_folder
from benchmarks.run_loop import new_console
from benchmarks.verdict.rows import read_rows
from idxdata import Dataset, FormatError, IdxDataError, load


def main(args: argparse.Namespace) -> int:
    """Print the verdict and write the report."""
    folder: Path = args.folder
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise FileNotFoundError(f"no rows in {folder}")
    rows = [row for file in files for row in read_rows(file)]
    if not rows:
        raise ValueError(f"{files[0]} has no rows")
    console = new_console()
    try:
        page = report_folder(folder, _dataset(rows[0].case.data), console)
    except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
        raise FormatError(
            "rows that no benchmark has written",
            path=folder,
            found=f"{type(error).__name__}: {error}",
            hint="docs/rows.md tells the fields",
        ) from error
    console.print(f"Report: {page}", highlight=False, soft_wrap=True)
    return 0


def _dataset(data: str) -> Dataset | None:
    try:
        return load(data)
    except (IdxDataError, OSError) as error:
        print(f"no pictures of examples: {error}", file=sys.stderr)
        return None
