"""Paths, URLs and patterns as lists of files; pairs by what wildcards matched."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from idxdata import shard_names
from idxdata.errors import DatasetError, MissingFrameworkError, PathLike
from idxdata.shard_names import matching, matching_of
from idxdata.sources import is_url

Paths = PathLike | Sequence[PathLike]
"""A path, a URL `scheme://...`, a pattern of either, or a list of these."""

# "?" begins a URL's query.
_URL_WILDCARDS = re.compile(r"[*[]")

_Matches = dict[tuple[str, ...], str]


def expand(paths: Paths) -> list[str]:
    """The files that `paths` names, absolute where they are local.

    In the order given; those of one pattern as `shard_names.matching` has them,
    shard-2 before shard-10. In URLs "?" is no wildcard. `file://` URLs become local
    paths.

    Raises `DatasetError` for a pattern that matches nothing or an empty list,
    `TypeError` for what is no path, `MissingFrameworkError` for a URL without fsspec.
    """
    return [file for item in _items(paths) for file in _matches(item).values()]


def expand_pairs(images: Paths, labels: Paths) -> tuple[list[str], list[str]]:
    """As `expand`, files of `labels` beside those of `images`.

    Items go by position: a path with a path, a pattern with a pattern, whose files go
    together if the wildcards matched the same.

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


def _is_pattern(path: str) -> bool:
    """Whether `path` has wildcards, and is no local file of just that name."""
    if is_url(path):
        return _URL_WILDCARDS.search(path) is not None
    return shard_names.is_pattern(path)


def _pairs(image: str, label: str) -> list[tuple[str, str]]:
    if _is_pattern(image) != _is_pattern(label):
        raise DatasetError(
            "a pattern goes with a pattern, a path with a path",
            path=label,
            found=image,
        )
    images, labels = _matches(image), _matches(label)
    for files, others, pattern in ((images, labels, label), (labels, images, image)):
        for match, file in files.items():
            if match not in others:
                raise DatasetError(
                    "file without a partner",
                    path=file,
                    expected=f"a match of {pattern} by {' '.join(match)}",
                )
    return [(file, labels[match]) for match, file in images.items()]


def _matches(path: str) -> _Matches:
    """Files by what the wildcards of `path` matched in each; nothing in a plain path."""
    if is_url(path):
        return _url_matches(path)
    if _is_pattern(path):
        return dict(matching(os.path.abspath(path)))
    return {(): os.path.abspath(path)}


def _url_matches(url: str) -> _Matches:
    """As `_matches`; local paths for `file://`."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingFrameworkError("fsspec", "fsspec") from error
    system, path = url_to_fs(url)
    protocols = system.protocol
    is_local = "file" in ((protocols,) if isinstance(protocols, str) else protocols)
    if not _is_pattern(url):
        return {(): path if is_local else url}
    named: Callable[[str], str] = str if is_local else system.unstrip_protocol
    return dict(matching_of(map(named, system.glob(path)), named(path), url))
