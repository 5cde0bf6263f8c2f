"""The command line: `idxdata COMMAND`, or `python -m idxdata COMMAND`.

Of the commands only the one that is asked for is imported, so help is quick.
"""
# For argcomplete's completion of all commands: PYTHON_ARGCOMPLETE_OK

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from idxdata import __version__
from idxdata.commands.naming import names_completer
from idxdata.commands.printing import safe
from idxdata.errors import (
    CatalogueError,
    IdxDataError,
    MissingFrameworkError,
    PlanError,
)

INTERRUPTED = 130

COMMANDS = {
    "info": "what is in a file, or why it is refused",
    "verify": "check files whole, and against the hashes that were published",
    "convert": "from IDX to NumPy, pictures, Parquet, and back",
    "fetch": "download a dataset, where it is not there yet",
    "list": "the datasets known by name, or all that is known of one",
    "show": "look at examples in the terminal, or as a sheet of pictures",
    "stats": "labels, ink, duplicates of a dataset in numbers",
    "view": "look through a dataset on a page in the browser",
    "cache": "what has been decoded and is kept for mapping",
    "warm": "compile the kernels ahead of their first use",
    "completion": "code for your shell that completes these commands",
}

_STATUSES = """\
exit status:
  0    done; all that was checked is sound
  1    data is damaged, refused, missing or not what was published; or something
       failed on the way: no mirror, a full disk, a package that is not there
  2    a bad command line: arguments, names, paths
  130  interrupted
"""
_BAD_PATHS = (
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status, see `--help`.

    `arguments`: default `sys.argv[1:]`. As argparse does, raises `SystemExit` for
    `--help` and for arguments that it cannot read.
    """
    if "_ARGCOMPLETE" in os.environ:
        return _complete()
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        # A terminal that has no such letter gets a question mark.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    debug = "--debug" in arguments
    try:
        args = _parser(arguments).parse_args(arguments)
        status: int = _import_command(args.command).main(args)
        if sys.stdout is not None:  # as `idxdata ... >&-` has it
            sys.stdout.flush()
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Who read us has gone; Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - it becomes a line and a status
        if debug:
            traceback.print_exc()
        errors = error.exceptions if isinstance(error, ExceptionGroup) else (error,)
        for one in errors:
            _complain(f"error: {error_line(one)}")
        return max(map(_status, errors))
    return status


def _complain(text: str) -> None:
    # Without a standard error print() would take standard output, which may be JSON.
    if sys.stderr is not None:
        print(text, file=sys.stderr)


def error_line(error: Exception) -> str:
    """The error in one line; what no one expected says where to look."""
    text = " ".join(str(error).split())
    if not isinstance(error, IdxDataError):
        if isinstance(error, OSError) and error.filename is not None:
            text = f"{error.filename}: {error.strerror}"
        elif not isinstance(error, ValueError | OSError):
            text = f"{type(error).__name__}: {text}; --debug shows where"
    return safe(text)


def _status(error: Exception) -> int:
    if isinstance(error, IdxDataError):
        return 2 if isinstance(error, CatalogueError | PlanError) else 1
    return 2 if isinstance(error, (ValueError, *_BAD_PATHS)) else 1


def _complete() -> int:
    """Answer the shell, as argcomplete's protocol has it; does not return if it can."""
    try:
        import argcomplete
    except ImportError:
        return 1
    words = os.environ.get("COMP_LINE", "").split()[1:]
    argcomplete.autocomplete(_parser(words))
    return 1


def _import_command(name: str) -> Any:
    try:
        return importlib.import_module(f"idxdata.commands.{name}_command")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "rich":
            raise
        raise MissingFrameworkError("rich", "cli") from error


class _Parser(argparse.ArgumentParser):
    """Completes datasets' names where an argument is called NAME."""

    def add_argument(self, *flags: str, **options: Any) -> argparse.Action:
        action = super().add_argument(*flags, **options)
        if "NAME" in str(action.metavar) and not action.option_strings:
            action.completer = names_completer(str(action.metavar))  # type: ignore[attr-defined]
        return action


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The parser, with the arguments of that command only that `arguments` begin with."""
    parser = _Parser(
        prog="idxdata",
        description="Look into, check, fetch and convert IDX data, MNIST's family.",
        epilog=_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in arguments if not word.startswith("-")), None)
    for name, text in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=_STATUSES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == chosen:
            _import_command(name).add_arguments(command)
            command.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser
