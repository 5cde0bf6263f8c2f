"""Datasets' names for the shell's completion."""

from collections.abc import Callable, Iterable
from typing import Any

from idxdata.catalogue import RECORDS

Completer = Callable[..., Iterable[str]]


def names_completer(metavar: str) -> Completer:
    """An argcomplete completer: names of the catalogue; paths where `metavar` has FILE."""
    has_paths = "FILE" in metavar or "FOLDER" in metavar

    def complete(prefix: str, **_: Any) -> list[str]:
        words = [name for name in RECORDS if name.startswith(prefix)]
        if has_paths:
            from argcomplete.completers import FilesCompleter

            words += FilesCompleter()(prefix)
        return words

    return complete
