"""`compare`: two folders of results side by side."""

import argparse

from benchmarks.compare import main_compare
from benchmarks.run_loop import new_console


def main(args: argparse.Namespace) -> int:
    """0 if all is comparable, 1 if something is not."""
    return main_compare(args.a, args.b, new_console(), out=args.out)
