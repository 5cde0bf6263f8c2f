"""`completion`: what a shell evaluates to complete `idxdata`'s commands."""

import argparse

from idxdata.commands.printing import print_json
from idxdata.errors import MissingFrameworkError

SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `main`."""
    parser.add_argument(
        "shell",
        choices=SHELLS,
        help='in bash or zsh: eval "$(idxdata completion bash)"; in fish: idxdata '
        "completion fish | source",
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def main(args: argparse.Namespace) -> int:
    """Print the code. Raises `MissingFrameworkError` without argcomplete."""
    try:
        from argcomplete.shell_integration import shellcode
    except ImportError as error:
        raise MissingFrameworkError("argcomplete", "cli") from error
    code = shellcode(["idxdata"], shell=args.shell)
    if args.json:
        print_json({"shell": args.shell, "code": code})
    else:
        print(code)
    return 0
