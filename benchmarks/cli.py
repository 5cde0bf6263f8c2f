"""The command line of the benchmark."""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contest.entry import AXES
from benchmarks.profiles import (
    AXIS_EPOCHS,
    AXIS_RECIPE,
    FRAMEWORK_LOOPS,
    PROFILE_NAMES,
    PROFILES,
)
from benchmarks.run_loop import names
from idxdata import IdxDataError
from idxdata.cpus import usable_cpus
from trainers.arguments import path_like, positive, threads
from trainers.loops import LOOPS

RESULTS = Path("results")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0, 1 if something failed or was refused, 2 for bad input,
    130 if interrupted."""
    args = parser().parse_args(arguments)
    try:
        status: int = args.command(args)
    except (IdxDataError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "interrupted; rows stay: python -m benchmarks report FOLDER tells them",
            file=sys.stderr,
        )
        return 130
    return status


def parser() -> argparse.ArgumentParser:
    """Of `python -m benchmarks`."""
    whole = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="The same models in every framework, on the same batches: which is "
        "faster, and why. What rows say: docs/rows.md; what is fair: docs/fairness.md.",
    )
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    _add_sensitivity(commands)
    _add_report(commands)
    _add_compare(commands)
    _add_selftest(commands)
    return whole


def _add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from benchmarks.commands.run_command import main as run_main

    quick, full = PROFILES["quick"], PROFILES["full"]
    one = commands.add_parser(
        "run",
        help="measure and report",
        description="Each contender in a fresh process a round, all of a recipe taking "
        "turns; rounds until intervals are narrow or time is up. A rerun goes on where "
        "the last one stopped, or adds rounds.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    one.set_defaults(command=run_main)
    _add_common(one)
    one.add_argument(
        "--profile",
        choices=PROFILE_NAMES,
        default="quick",
        help=f"quick: {', '.join(quick.recipes)} by {', '.join(quick.loops)}, few "
        f"epochs; full: {', '.join(full.recipes)} by {', '.join(full.loops)}, the "
        "recipes' own epochs, every axis of sensitivity (an hour or two)",
    )
    one.add_argument(
        "--recipes",
        type=names,
        help="comma-separated names or files; default: the profile's",
    )
    one.add_argument(
        "--epochs", type=positive, help="default: the profile's, or each recipe's own"
    )
    one.add_argument(
        "--rounds", type=positive, help="exactly so many more; default: until decided"
    )
    one.add_argument("--limit-s", type=_seconds, help="seconds; default: the profile's")
    one.add_argument("--batch-size", type=positive, help="default: each recipe's own")
    one.add_argument(
        "--axes",
        type=_axes,
        help=f"of sensitivity, after that: some of {', '.join(AXES)}, or none; "
        "default: the profile's",
    )
    one.add_argument("--axis-limit-s", type=_seconds, default=600.0, help="for each")
    one.add_argument(
        "--cluster",
        help="rounds on the hosts of a Ray cluster: local, which starts one on this "
        "machine alone, or its address, host:port or ray://host:port; docs/cluster.md",
    )


def _add_sensitivity(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    from benchmarks.commands.sensitivity_command import main as sensitivity_main

    one = commands.add_parser(
        "sensitivity",
        help="does the verdict depend on a setting",
        description="The same measurement along one axis. loop: all loop forms. "
        "loader: the batch service against each framework's own tutorial's loader. "
        "Results join those of `run` in the same folder and report.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    one.set_defaults(command=sensitivity_main, batch_size=None)
    one.add_argument("axis", choices=AXES)
    _add_common(one)
    one.add_argument("--values", type=_numbers, help="comma-separated; default: a few")
    one.add_argument(
        "--recipes", type=names, default=[AXIS_RECIPE], help="comma-separated"
    )
    one.add_argument("--epochs", type=positive, default=AXIS_EPOCHS, help="of each run")
    one.add_argument(
        "--rounds", type=positive, help="exactly so many more; default: until decided"
    )
    one.add_argument("--limit-s", type=_seconds, default=600.0, help="seconds")


def _add_report(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    from benchmarks.commands.report_command import main as report_main

    one = commands.add_parser(
        "report", help="make the report of a folder of results again"
    )
    one.set_defaults(command=report_main)
    one.add_argument("folder", type=Path)


def _add_compare(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    from benchmarks.commands.compare_command import main as compare_main

    one = commands.add_parser(
        "compare",
        help="two folders of results side by side: two machines, two versions",
    )
    one.set_defaults(command=compare_main)
    one.add_argument("a", type=Path)
    one.add_argument("b", type=Path)
    one.add_argument("--out", type=Path, help="also write COMPARE.md to this folder")


def _add_selftest(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    from benchmarks.commands.selftest_command import main as selftest_main

    one = commands.add_parser(
        "selftest",
        help="does the benchmark find what is there, and nothing that is not",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    one.set_defaults(command=selftest_main)
    one.add_argument("--data", type=path_like, default="glyphs")
    one.add_argument("--loop", choices=tuple(LOOPS), default="torch-eager")
    one.add_argument("--recipe", default=AXIS_RECIPE)
    one.add_argument(
        "--threads",
        type=threads,
        default=1,
        help="with more, what the machine does to a barrier between threads adds noise",
    )
    one.add_argument("--runs", type=positive, default=20, help="of equals")
    one.add_argument("--results", type=Path, default=RESULTS / "selftest")


def _add_common(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--data", type=path_like, default="glyphs", help="a dataset's name or a folder"
    )
    who = one.add_mutually_exclusive_group()
    who.add_argument(
        "--frameworks",
        type=_frameworks,
        help="comma-separated: "
        + ", ".join(f"{name} ({loop})" for name, loop in FRAMEWORK_LOOPS.items()),
    )
    who.add_argument(
        "--loops", type=names, help="comma-separated; default: the profile's"
    )
    one.add_argument("--threads", type=threads, default=usable_cpus())
    one.add_argument("--precision", choices=("float32", "float64"), default="float32")
    one.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    one.add_argument("--results", type=Path, default=RESULTS)


def _frameworks(text: str) -> list[str]:
    """Loops that stand for the frameworks named."""
    unknown = [name for name in names(text) if name not in FRAMEWORK_LOOPS]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"expected some of {', '.join(FRAMEWORK_LOOPS)}, found {unknown[0]!r}"
        )
    return [FRAMEWORK_LOOPS[name] for name in names(text)]


def _axes(text: str) -> list[str]:
    asked = [] if text == "none" else names(text)
    unknown = [name for name in asked if name not in AXES]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"expected some of {', '.join(AXES)}, found {unknown[0]!r}"
        )
    return asked


def _numbers(text: str) -> list[float]:
    try:
        values = [float(part) for part in names(text)]
    except ValueError:
        values = [math.nan]
    if not all(0 < value < math.inf for value in values):
        raise argparse.ArgumentTypeError(f"expected positive numbers, found {text!r}")
    return values


def _seconds(text: str) -> float:
    (value, *more) = _numbers(text)
    if more:
        raise argparse.ArgumentTypeError(f"expected one number, found {text!r}")
    return value
