"""Names of files that are one array together: numbered, or matched by a pattern.

Numbered: `train-images-00003-of-00010-idx3-ubyte`, and whatever stands around the
number. The numbers of N shards are 0 to N - 1.
"""

import glob
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from idxdata.errors import DatasetError, PathLike

_WILDCARD = re.compile(r"\*+|\?|\[!?\]?[^]]*\]")
NUMBER = r"(?P<number>\d{1,9})-of-(?P<total>\d{1,9})"
"""Of a shard, as a regular expression that goes into that of a file's name."""

_NUM_DIGITS = 5
_SEPARATORS = re.compile(r"/+")


@dataclass(frozen=True, slots=True)
class Numbered:
    """A shard's place: `number` of `total`, from 0 on; `name` is its own."""

    name: str
    number: int
    total: int


def numbered_name(number: int, total: int) -> str:
    """Such as "00003-of-00010"."""
    width = max(_NUM_DIGITS, len(str(total)))
    return f"{number:0{width}d}-of-{total:0{width}d}"


def in_whole(found: Sequence[Numbered], what: str, folder: PathLike) -> list[str]:
    """The names of all shards in order. Of those of one number the first is taken.

    `what` says what they are. Raises `DatasetError`, with a path in `folder`, if they
    are not all of one total, or one is not there.
    """
    totals = sorted({one.total for one in found})
    if len(totals) > 1:
        raise DatasetError(
            f"{what}: shards of several sets",
            path=folder,
            expected="one number behind -of-",
            found=", ".join(map(str, totals)),
        )
    (total,) = totals
    by_number: dict[int, str] = {}
    for one in found:
        by_number.setdefault(one.number, one.name)
    # Up to the first that is missing: a name can claim any number of shards.
    number = next((n for n in range(total) if n not in by_number), total)
    wrong = [n for n in by_number if n >= total]
    if number == total and not wrong:
        return [by_number[n] for n in range(total)]
    place = by_number[min(wrong)] if wrong else _renumbered(found[0].name, number)
    raise DatasetError(
        f"{what}: {'a shard has no place' if wrong else 'a shard is missing'}",
        path=os.path.join(folder, place),
        expected=f"{total} shards, numbered from 0 to {total - 1}",
        found=f"{len(by_number)} shards",
    )


def _renumbered(name: str, number: int) -> str:
    def other(match: re.Match[str]) -> str:
        width = len(match["number"])
        return f"{number:0{width}d}-of-{match['total']}"

    return re.sub(NUMBER, other, name, count=1)


def is_pattern(path: PathLike) -> bool:
    """Whether `path` has `*`, `?` or `[...]` in it and no file has that very name."""
    name = os.fspath(path)
    return (
        isinstance(name, str)
        and _WILDCARD.search(name) is not None
        and not os.path.lexists(name)
    )


Matches = Mapping[tuple[str, ...], str]
"""Paths by what each wildcard of a pattern stands for, in natural order."""


def matching(pattern: PathLike) -> Matches:
    """The files that `pattern` names, shard-2 before shard-10.

    `*`, `?` and `[...]` as in a shell: none of them goes beyond a folder's name, and
    names that begin with a dot are left out, and so is the .gz of a file that is there
    too. Raises `DatasetError` if there are none.
    """
    name = os.fspath(pattern)
    plain = _SEPARATORS.sub("/", name) if os.sep == "/" else os.path.normpath(name)
    return matching_of(glob.iglob(plain), plain, name)


def matching_of(
    paths: Iterable[str], pattern: str, name: PathLike | None = None
) -> Matches:
    """Those of `paths` that `pattern` names. `name` is the pattern in error texts."""
    regex = _as_regex(pattern)
    found = {}
    for path in paths:
        match = regex and regex.fullmatch(path)
        if match:
            found[match.groups()] = path
    if not found:
        raise DatasetError(
            "no file is named so",
            path=pattern if name is None else name,
            expected="files that fit the pattern",
        )
    there = set(found.values())
    keys = [
        key
        for key, path in found.items()
        # A compressed copy of what is there too.
        if path.removesuffix(".gz") == path or path.removesuffix(".gz") not in there
    ]
    keys.sort(key=lambda key: natural_key(found[key]))
    return {key: found[key] for key in keys}


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """A key to sort by that counts digits as numbers: "2" before "10"."""
    return [
        (1, int(piece), piece) if piece.isdecimal() else (0, 0, piece)
        for piece in re.split(r"(\d+)", text)
    ]


def with_wildcards(pattern: PathLike, parts: Sequence[str]) -> str:
    """`pattern` where each wildcard is what `parts` says."""
    rest = iter(parts)
    return _WILDCARD.sub(lambda match: next(rest), os.fspath(pattern))


def before_wildcards(pattern: PathLike) -> str:
    """What stands before the first."""
    return _WILDCARD.split(os.fspath(pattern), maxsplit=1)[0]


def count_wildcards(pattern: PathLike) -> int:
    return len(_WILDCARD.findall(os.fspath(pattern)))


def _as_regex(pattern: str) -> re.Pattern[str] | None:
    """A group for each wildcard; None for a range that is none, such as [z-a]."""
    within = "[^/]" if os.sep == "/" else r"[^/\\]"
    pieces, end = [], 0
    for match in _WILDCARD.finditer(pattern):
        pieces.append(re.escape(pattern[end : match.start()]))
        text = match[0]
        if text[0] == "[":
            inside = text[1:-1].replace("\\", r"\\").replace("[", r"\[")
            if inside.startswith("!"):
                inside = f"^{inside[1:]}"
            elif inside.startswith("^"):
                inside = f"\\{inside}"
            pieces.append(f"([{inside}])")
        else:
            pieces.append(f"({within}{'*' if text[0] == '*' else ''})")
        end = match.end()
    pieces.append(re.escape(pattern[end:]))
    try:
        return re.compile("".join(pieces), re.DOTALL)
    except re.error:
        return None
