"""`sensitivity`: the same measurement along one axis."""

import argparse
from dataclasses import replace

from benchmarks.commands.measuring import measure, report
from benchmarks.contest.contest import points
from benchmarks.contest.entry import Axis, Entry, edition_of, located
from benchmarks.contest.schedule import Rule
from benchmarks.profiles import AXIS_EPOCHS, AXIS_VALUES, PROFILES
from benchmarks.run_loop import new_console
from idxdata.cpus import usable_cpus
from trainers.loops import LOOPS


def main(args: argparse.Namespace) -> int:
    """Measure along `args.axis` and report; the exit status."""
    if args.values is not None and args.axis in ("loop", "loader"):
        raise ValueError(f"--values are for numbers, which {args.axis} has not")
    console = new_console()
    rule = Rule(args.rounds, PROFILES["quick"].width, args.limit_s)
    entries = axis_entries(args.axis, args)
    return report(
        measure(
            entries,
            rule,
            args.results,
            console,
            num_threads=args.threads,
            axis=args.axis,
        ),
        console,
    )


def axis_entries(axis: Axis, args: argparse.Namespace) -> list[Entry]:
    """The contenders of an axis: each loop at each of its points."""
    loops = args.frameworks or args.loops or PROFILES["quick"].loops
    if axis == "loop" and not (args.frameworks or args.loops):
        loops = list(LOOPS)
    plain = [
        Entry(
            recipe=located(recipe),
            edition=edition_of(recipe),
            loop=loop,
            data=located(args.data),
            epochs=args.epochs or AXIS_EPOCHS,
            batch_size=None if axis == "batch_size" else args.batch_size,
            num_threads=args.threads,
            precision=args.precision,
            device=args.device,
            axis=axis,
        )
        for recipe in args.recipes
        for loop in loops
    ]
    if axis == "loop":
        return plain
    if axis == "loader":
        return [*plain, *(replace(entry, loader="tutorial") for entry in plain)]
    values = args.values or AXIS_VALUES[axis]
    if axis == "num_threads" and not args.values:
        values = [value for value in values if value <= usable_cpus()]
    return points(plain, axis, values)
