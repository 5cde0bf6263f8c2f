"""The command line: `python -m trainers run|list|show|predict|eval|reproduce`.

What a command needs is imported when it runs, so that help and bad arguments are quick.
"""

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, get_args

from idxdata.cpus import usable_cpus
from idxdata.errors import IdxDataError, MissingFrameworkError
from trainers.arguments import (
    natural,
    path_like,
    positive,
    rows,
    seconds,
    seed,
    threads,
)
from trainers.errors import DeviceError, DivergedError, RankLostError
from trainers.launch import DEFAULT_TIMEOUT_S, Launch, find_launch
from trainers.loops import LOOPS, find_loop
from trainers.loops.job import Device, Precision
from trainers.options import DEFAULT_CHECKPOINT_S, MAX_THREADS
from trainers.quoted.quoted_recipes import QUOTED
from trainers.recipes import RECIPES

DEFAULT_RECIPE = "mlp-3x100"
DEFAULT_LOOP = "torch-eager"
DEFAULT_RESULTS = "results/quoted"
INTERRUPTED = 130

_STATUSES = """\
exit status:
  0    done
  1    something failed on the way: a loss that is not finite, a device or a package
       that is not there, a full disk
  2    bad input: arguments, recipes, files, data
  130  interrupted; with --checkpoint, the same command and --resume goes on
"""
_SEVERAL = """\
several processes, one model:
  torchrun --nproc-per-node 4 -m trainers run --loop torch-eager ...
  and --loop tf-function in each process that a TF_CONFIG names; docs/distributed.md
"""
_BAD_FILES = (
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status, see `--help`."""
    args = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that has no half blocks gets question marks.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        if args.command == "run":
            args.launch = find_launch(find_loop(args.loop), os.environ)
        _set_thread_variables(_threads(args))
        module: Any = _import_command(args.command)
        status: int = module.main(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Who read us has gone; Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - it becomes a line and a status
        if args.debug:
            traceback.print_exc()
        errors = error.exceptions if isinstance(error, ExceptionGroup) else (error,)
        for one in errors:
            # In one piece: other processes of a run may write to the same place.
            sys.stderr.write(f"{_who(args)}error: {_printable(_line(one))}\n")
        return max(map(_status, errors))
    return status


def _who(args: argparse.Namespace) -> str:
    """Which process speaks, where there are several."""
    launch: Launch | None = getattr(args, "launch", None)
    return "" if launch is None else f"rank {launch.rank}: "


def _import_command(name: str) -> Any:
    try:
        return importlib.import_module(f"trainers.commands.{name}_command")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "rich":
            raise
        raise MissingFrameworkError("rich", "progress") from error


def _threads(args: argparse.Namespace) -> int:
    """The number asked for, or this process's share of the CPUs; it is set in `args`."""
    if not hasattr(args, "threads"):
        return 1
    if args.threads is None:
        launch: Launch | None = getattr(args, "launch", None)
        cpus = usable_cpus() // (1 if launch is None else launch.num_local)
        args.threads = min(max(cpus, 1), MAX_THREADS)
    count: int = args.threads
    return count


def _set_thread_variables(count: int) -> None:
    """For libraries that look at them when they are loaded; what is set stays."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, str(count))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def _status(error: Exception) -> int:
    of_machine = DivergedError | DeviceError | MissingFrameworkError | RankLostError
    if isinstance(error, of_machine):
        return 1
    return 2 if isinstance(error, (IdxDataError, ValueError, *_BAD_FILES)) else 1


def _line(error: Exception) -> str:
    """The error in one line; what no one expected says where to look."""
    text = " ".join(str(error).split())
    if isinstance(error, IdxDataError):
        return text
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, ValueError | OSError):
        return text
    return f"{type(error).__name__}: {text}; --debug shows where"


def _printable(text: str) -> str:
    """Names from files may hold what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trainers",
        description="Train and use the same models in every framework.",
        epilog=_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text, add in (
        ("run", "train a recipe by a loop", _add_run),
        ("list", "the recipes and the loops there are", _add_list),
        ("show", "a recipe as a picture, or what is in a file of weights", _add_show),
        ("predict", "what a model says of pictures", _add_predict),
        ("eval", "how good a model is on a dataset", _add_eval),
        (
            "reproduce",
            "reach a result that others quote, and keep a row",
            _add_reproduce,
        ),
    ):
        command = commands.add_parser(
            name,
            help=text,
            description=f"{text}.".capitalize(),
            epilog=_SEVERAL if name == "run" else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add(command)
        command.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "recipe",
        nargs="?",
        type=path_like,
        metavar="RECIPE",
        help=f"a name ({', '.join(RECIPES)}), or a .toml or .py file; "
        f"default {DEFAULT_RECIPE}",
    )
    add(
        "--recipe",
        dest="recipe_option",
        type=path_like,
        metavar="RECIPE",
        help="the same",
    )
    parser.set_defaults(default_recipe=DEFAULT_RECIPE)
    _add_loop(parser, default=DEFAULT_LOOP)
    add("--data", default="glyphs", help="a dataset's name or a folder; default glyphs")
    add("--seed", type=seed, default=0, help="of weights, order and dropout; default 0")
    add("--epochs", type=positive, help="default: the recipe's")
    add("--batch-size", type=positive, help="default: the recipe's")
    _add_machine(parser)
    add("--precision", choices=get_args(Precision), default="float32")
    add(
        "--validation",
        type=natural,
        default=0,
        metavar="K",
        help="hold out one K-th of the train split, keep what is best on it",
    )
    add(
        "--patience",
        type=positive,
        metavar="N",
        help="stop after N epochs without a better validation loss",
    )
    add(
        "--checkpoint",
        type=path_like,
        metavar="FOLDER",
        help="where last.npz, best.npz, record.json go",
    )
    add(
        "--checkpoint-s",
        type=seconds,
        default=DEFAULT_CHECKPOINT_S,
        metavar="S",
        help="seconds between checkpoints within an epoch, at least; default "
        f"{DEFAULT_CHECKPOINT_S:g}",
    )
    add(
        "--resume",
        action="store_true",
        help="go on from the folder's last.npz; without one the run starts anew. Epochs "
        "are part of the run: one that is finished does not get longer",
    )
    add(
        "--save",
        type=path_like,
        metavar="PATH",
        help="write the final model: .npz (any framework), or .keras, .safetensors, .pt "
        "as the loop's framework has them",
    )
    add(
        "--timeout-s",
        type=seconds,
        default=DEFAULT_TIMEOUT_S,
        metavar="S",
        help="of several processes: how long to wait for another one; default "
        f"{DEFAULT_TIMEOUT_S:g}",
    )
    _add_json(parser, "print events as JSON lines")


def _add_list(parser: argparse.ArgumentParser) -> None:
    _add_json(parser, "print one JSON object")


def _add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what", metavar="RECIPE", help="a name, a .toml, .py or .npz file"
    )
    parser.add_argument(
        "--toml", action="store_true", help="print the recipe as a file to start from"
    )


def _add_predict(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help="IDX files, PNG or JPEG pictures")
    add(
        "--rows",
        type=rows,
        metavar="A:B",
        help="of IDX files: one row (3, or -1 for the last), or A:B as Python slices, "
        "without a step; default: the first 10, with --json all",
    )
    add("--invert", action="store_true", help="the pictures are dark on light")
    add("--data", metavar="NAME", help="the catalogue's dataset that names the classes")
    _add_machine(parser)
    _add_json(parser, "print one JSON line a picture")


def _add_eval(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    add = parser.add_argument
    add("--data", default="glyphs", help="a dataset's name or a folder; default glyphs")
    add("--split", choices=("test", "train"), default="test")
    _add_machine(parser)
    _add_json(parser, "print one JSON object")


def _add_reproduce(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("name", metavar="NAME", help=f"of a quoted recipe: {', '.join(QUOTED)}")
    add("--data", default="mnist", help="a dataset's name or a folder; default mnist")
    add(
        "--held-out",
        action="store_true",
        help="hold out a part of the train split and judge by it; the test set, which "
        "is looked at once otherwise, is not",
    )
    add(
        "--results",
        type=path_like,
        default=DEFAULT_RESULTS,
        metavar="FOLDER",
        help=f"where the row goes, a JSON file; default {DEFAULT_RESULTS}",
    )
    _add_loop(parser, default=None, otherwise="all that the recipe names")
    add(
        "--work",
        type=path_like,
        metavar="FOLDER",
        help="keep what networks are trained to, so that the same command goes on after "
        "an interruption; default: nothing is kept",
    )
    _add_threads(parser)
    _add_json(parser, "print events and rows as JSON lines")


def _add_model(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "weights",
        type=path_like,
        metavar="WEIGHTS",
        help="an .npz, .keras, .safetensors or .pt file",
    )
    add(
        "--recipe",
        type=path_like,
        metavar="RECIPE",
        help="of a file that is no .npz: name or file",
    )
    _add_loop(parser, default=None)


def _add_loop(
    parser: argparse.ArgumentParser,
    *,
    default: str | None,
    otherwise: str = "one that reads the file",
) -> None:
    parser.add_argument(
        "--loop",
        choices=LOOPS,
        default=default,
        metavar="LOOP",
        help=f"{', '.join(LOOPS)}; default {default or otherwise}",
    )


def _add_machine(parser: argparse.ArgumentParser) -> None:
    _add_threads(parser)
    parser.add_argument("--device", choices=get_args(Device), default="cpu")


def _add_threads(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--threads",
        type=threads,
        help=f"1 to {MAX_THREADS}; default: as many as there are CPUs to use, shared "
        "with the other processes of a run on this host",
    )


def _add_json(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--json", action="store_true", help=text)
