"""Numbers and rows as a command line has them."""

import argparse
import re

Rows = tuple[int | slice, ...]
"""Rows as Python has them: numbers, from the end if negative, and slices."""

_INTEGER = r"[+-]?\d{1,18}"
_ROW = re.compile(
    rf"({_INTEGER})|({_INTEGER})?:({_INTEGER})?(?::({_INTEGER})?)?", re.ASCII
)


def rows(text: str) -> Rows:
    """Rows such as "0:20", "5,7,9", "-10:", "::1000"."""
    found: list[int | slice] = []
    for word in text.replace(" ", "").split(","):
        match = _ROW.fullmatch(word)
        if match is None:
            raise argparse.ArgumentTypeError(
                f"expected such as 0:20 or 5,7,9, found {text!r}"
            )
        ends = [None if end is None else int(end) for end in match.group(2, 3, 4)]
        if ends[2] == 0:
            raise argparse.ArgumentTypeError(f"a step of 0 in {text!r}")
        found.append(int(word) if match[1] else slice(*ends))
    return tuple(found)


def positive(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 31:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, found {text!r}")
    return int(text)
