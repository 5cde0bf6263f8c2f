"""`run`: measure recipes by loops, and report."""

import argparse
import math

from benchmarks.commands.measuring import measure, report
from benchmarks.commands.outcome import Measured
from benchmarks.commands.sensitivity_command import axis_entries
from benchmarks.contest.entry import Axis, Entry, edition_of, located
from benchmarks.contest.schedule import Rule
from benchmarks.contest.tutorial import FEEDERS
from benchmarks.profiles import AXIS_RECIPE, PROFILES, Profile
from benchmarks.run_loop import new_console
from trainers.loops import find_loop
from trainers.recipe_files import get_recipe


def main(args: argparse.Namespace) -> int:
    """The main run, then the profile's axes of sensitivity; the exit status."""
    profile = PROFILES[args.profile]
    console = new_console()
    if args.cluster is not None:
        from benchmarks.cluster.rays import require_ray

        require_ray()
    own_limit_s = profile.limit_s if args.rounds is None else math.inf
    rule = Rule(args.rounds, profile.width, args.limit_s or own_limit_s)
    measured = measure(
        entries(args, profile),
        rule,
        args.results,
        console,
        num_threads=args.threads,
        cluster=args.cluster,
    )
    status = report(measured, console)
    axes = profile.axes if args.axes is None else args.axes
    for axis in axes:
        if measured.was_interrupted or measured.has_problem or not measured.rows:
            break
        if axis == "loader" and not _has_tutorials(args):
            console.print("no tutorial's loader for all of these: loader is left out")
            continue
        measured = _along(axis, args, profile)
        console.print()
        status = max(status, report(measured, console))
    return status


def entries(args: argparse.Namespace, profile: Profile) -> list[Entry]:
    """Each recipe by each loop."""
    loops = args.frameworks or args.loops or profile.loops
    return [
        Entry(
            recipe=located(recipe),
            edition=edition_of(recipe),
            loop=loop,
            data=located(args.data),
            epochs=args.epochs or profile.epochs.get(recipe),
            batch_size=args.batch_size,
            num_threads=args.threads,
            precision=args.precision,
            device=args.device,
        )
        for recipe in args.recipes or profile.recipes
        for loop in loops
    ]


def _has_tutorials(args: argparse.Namespace) -> bool:
    loops = args.frameworks or args.loops or PROFILES["quick"].loops
    return not get_recipe(_one_of(args)).has_one_hot_labels and all(
        find_loop(name).adapter in FEEDERS for name in loops
    )


def _one_of(args: argparse.Namespace) -> str:
    """One recipe is enough to see whether a setting matters; a small one shows it."""
    asked: list[str] = args.recipes or [AXIS_RECIPE]
    return AXIS_RECIPE if AXIS_RECIPE in asked else asked[0]


def _along(axis: Axis, args: argparse.Namespace, profile: Profile) -> Measured:
    console = new_console()
    console.print(f"\n[bold]sensitivity: {axis}[/]")
    args.values = None
    args.recipes = [_one_of(args)]
    rule = Rule(args.rounds, profile.width, args.axis_limit_s)
    return measure(
        axis_entries(axis, args),
        rule,
        args.results,
        console,
        num_threads=args.threads,
        axis=axis,
        cluster=args.cluster,
    )
