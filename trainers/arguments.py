"""Types of a command line's arguments."""

import argparse

from trainers.options import MAX_THREADS


def positive(text: str) -> int:
    """A command line's number, 1 or more."""
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {text!r}")
    return value


def natural(text: str) -> int:
    """A command line's number, 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected 0 or more, found {text!r}")
    return int(text)


def threads(text: str) -> int:
    """A command line's number of threads, 1 to `MAX_THREADS`."""
    value = positive(text)
    if value > MAX_THREADS:
        raise argparse.ArgumentTypeError(
            f"expected at most {MAX_THREADS}, found {text}"
        )
    return value


def seconds(text: str) -> float:
    """A command line's seconds, 0 or more."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected seconds, found {text!r}")
    return value


def path_like(text: str) -> str:
    """A command line's path or name: any but the empty one."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text


def seed(text: str) -> int:
    """A command line's seed, 0 to 2^64 - 1."""
    value = natural(text)
    if value >= 2**64:
        raise argparse.ArgumentTypeError(f"expected at most 2^64 - 1, found {text}")
    return value


def rows(text: str) -> slice:
    """A command line's row "3", or rows "a:b" as Python slices them."""
    parts = text.split(":")
    try:
        numbers = [int(part) if part else None for part in parts]
    except ValueError:
        numbers = []
    match numbers:
        case [int(row)]:
            return slice(row, row + 1 if row != -1 else None)
        case [start, stop]:
            return slice(start, stop)
    raise argparse.ArgumentTypeError(f"expected a row or A:B, found {text!r}")
