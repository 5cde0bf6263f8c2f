"""`report`: the pages of a folder of rows, made again."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.contest.folder import ROWS, RowFile
from benchmarks.report import write_reports
from benchmarks.report.terminal import print_verdict
from benchmarks.verdict import judge
from benchmarks.verdict.rows import read_rows
from idxdata import Dataset, IdxDataError, load


def main(args: argparse.Namespace) -> int:
    """Print the verdict and write the report."""
    folder: Path = args.folder
    rows = read_rows(folder / ROWS)
    data = rows[0].case.data
    console = Console(highlight=False)
    print_verdict(judge(rows), console)
    command = RowFile(folder / ROWS).rows[0]["command"]
    report = write_reports(folder, _dataset(data), command=command)
    console.print(f"Report: {report}")
    return 0


def _dataset(data: str) -> Dataset | None:
    try:
        return load(data)
    except (IdxDataError, OSError) as error:
        print(f"no pictures of examples: {error}", file=sys.stderr)
        return None
