"""Paths, URLs and patterns as lists of files; pairs by what wildcards matched."""

import glob
import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from idxdata.errors import DatasetError, MissingFrameworkError, PathLike
from idxdata.sources import is_url

Paths = PathLike | Sequence[PathLike]
"""A path, a URL `scheme://...`, a pattern of either, or a list of these."""

# "?" begins a URL's query.
_WILDCARDS, _URL_WILDCARDS = re.compile(r"[*?[]"), re.compile(r"[*[]")
_PARTS = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^]]*\]|.", re.DOTALL)

_Match = tuple[str, ...]


def expand(paths: Paths) -> list[str]:
    """The files that `paths` names, absolute where they are local.

    In the order given; those of one pattern in the order of their names as text. `*`
    and `?` match within one folder, `**` any number of folders, `[...]` one of some
    characters; a local file of just that name comes before what a pattern matches. In
    URLs "?" is none. `file://` URLs become local paths.

    Raises `DatasetError` for a pattern that matches nothing or an empty list,
    `TypeError` for what is no path, `MissingFrameworkError` for a URL without fsspec.
    """
    return [file for item in _items(paths) for _, file in _matches(item)]


def expand_pairs(images: Paths, labels: Paths) -> tuple[list[str], list[str]]:
    """As `expand`, files of `labels` beside those of `images`.

    Items go by position: a path with a path, a pattern with a pattern, whose files go
    together if the wildcards matched the same, in that order.

    Raises, beyond what `expand` does, `DatasetError` if there are not as many items, if
    a path meets a pattern, or if a file has no partner, whose path the error has.
    """
    image_items, label_items = _items(images), _items(labels)
    if len(image_items) != len(label_items):
        raise DatasetError(
            "images and labels are not as many files",
            expected=f"{len(image_items)} of labels, one for each of images",
            found=len(label_items),
        )
    pairs: list[tuple[str, str]] = []
    for image, label in zip(image_items, label_items, strict=True):
        pairs += _pairs(image, label)
    return [image for image, _ in pairs], [label for _, label in pairs]


def _items(paths: Paths) -> list[str]:
    if isinstance(paths, str | bytes | os.PathLike) or not isinstance(paths, Iterable):
        paths = [paths]
    found = list(map(_text, paths))
    if not found:
        raise DatasetError("no files are named")
    return found


def _text(path: Any) -> str:
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"the path {text!r} is bytes; pass a str: os.fsdecode(path)")
    return text


def is_pattern(path: str) -> bool:
    """Whether `path` has wildcards, and is no local file of just that name."""
    if is_url(path):
        return _URL_WILDCARDS.search(path) is not None
    return _WILDCARDS.search(path) is not None and not os.path.lexists(path)


def _pairs(image: str, label: str) -> list[tuple[str, str]]:
    if is_pattern(image) != is_pattern(label):
        raise DatasetError(
            "a pattern goes with a pattern, a path with a path",
            path=label,
            found=image,
        )
    images, labels = dict(_matches(image)), dict(_matches(label))
    for files, others, pattern in ((images, labels, label), (labels, images, image)):
        for match, file in files.items():
            if match not in others:
                raise DatasetError(
                    "file without a partner",
                    path=file,
                    expected=f"a match of {pattern} by {' '.join(match) or 'nothing'}",
                )
    return [(file, labels[match]) for match, file in images.items()]


def _matches(path: str) -> list[tuple[_Match, str]]:
    """Files, and what the wildcards of `path` matched in each; none for a plain path."""
    if is_url(path):
        files, pattern = _url_files(path)
    else:
        pattern = os.path.abspath(path)
        files = glob.glob(pattern, recursive=True) if is_pattern(path) else [pattern]
    if not is_pattern(path):
        return [((), files[0])]
    regex = _regex(pattern)
    if not files:
        raise DatasetError("no file matches the pattern", path=path)
    found = ((regex.fullmatch(file), file) for file in sorted(files))
    return [(match.groups("") if match else (file,), file) for match, file in found]


def _url_files(url: str) -> tuple[list[str], str]:
    """The files of a URL, local paths for `file://`; and its pattern in that form."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingFrameworkError("fsspec", "fsspec") from error
    system, path = url_to_fs(url)
    protocols = system.protocol
    is_local = "file" in ((protocols,) if isinstance(protocols, str) else protocols)
    named: Callable[[str], str] = str if is_local else system.unstrip_protocol
    if not is_pattern(url):
        return [path if is_local else url], url
    return list(map(named, system.glob(path))), named(path)


def _regex(pattern: str) -> re.Pattern[str]:
    """A regular expression with a group for each wildcard."""
    return re.compile("".join(map(_as_regex, _PARTS.findall(pattern))), re.DOTALL)


def _as_regex(part: str) -> str:
    if part == "**/":
        return "((?:[^/]+/)*)"
    if part == "**":
        return "(.*)"
    if part == "*":
        return "([^/]*)"
    if part == "?":
        return "([^/])"
    if part.startswith("[") and len(part) > 2:
        is_negated = part[1] == "!"
        characters = re.sub(r"([]\[\\^&~|])", r"\\\1", part[1 + is_negated : -1])
        return f"([{'^' * is_negated}{characters}])"
    return re.escape(part)
