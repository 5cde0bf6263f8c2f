"""Query strings, taken apart strictly: what is not understood is said, not guessed."""

import re
from collections.abc import Collection
from typing import Any, get_args
from urllib.parse import parse_qsl

from idxdata.viewer.orders import Sort, View

MAX_FIELDS = 12
_MAX_LABELS = 1024
_MAX_DIGITS = 20

_VIEW_NAMES = frozenset({"sort", "labels", "reverse"})


class BadQuery(ValueError):
    """A query string that no page of ours sends."""


class Query:
    """The parameters of one request, each at most once and none but the `allowed`."""

    def __init__(self, text: str, allowed: Collection[str]) -> None:
        self._values: dict[str, str] = {}
        try:
            pairs = parse_qsl(
                text,
                keep_blank_values=True,
                strict_parsing=bool(text),
                max_num_fields=MAX_FIELDS,
                errors="strict",
            )
        except ValueError as error:  # UnicodeDecodeError is one
            raise BadQuery("this is no query string") from error
        for name, value in pairs:
            if name not in allowed:
                raise BadQuery(f"unknown parameter {name!r}")
            if name in self._values:
                raise BadQuery(f"{name} is there twice")
            self._values[name] = value

    def text(self, name: str) -> str:
        """A parameter that must be there."""
        if name not in self._values:
            raise BadQuery(f"{name} is missing")
        return self._values[name]

    def optional(self, name: str) -> str | None:
        return self._values.get(name)

    def number(self, name: str, stop: int) -> int:
        """A number from 0 to `stop - 1` that must be there."""
        value = _integer(name, self.text(name))
        if stop == 0:
            raise BadQuery(f"{name} is {value}, and there is none")
        if not 0 <= value < stop:
            raise BadQuery(f"{name} is {value}, not from 0 to {stop - 1}")
        return value

    def choice(self, name: str, options: tuple[Any, ...], default: str | None) -> Any:
        """One of `options`; must be there where there is no `default`."""
        value = self._values.get(name, default)
        for option in options:
            if option == value:
                return option
        raise BadQuery(f"{name} is not one of {', '.join(options)}")

    def view(self) -> View:
        """`sort`, `labels` ("4,9") and `reverse` ("1"), where they are there."""
        labels = self._values.get("labels")
        numbers = [] if labels is None else labels.split(",")
        if len(numbers) > _MAX_LABELS:
            raise BadQuery(f"more than {_MAX_LABELS} labels")
        return View(
            sort=self.choice("sort", get_args(Sort), "file"),
            labels=tuple(sorted({_integer("labels", number) for number in numbers})),
            is_reversed=self.choice("reverse", ("0", "1"), "0") == "1",
        )


def with_view(*names: str) -> frozenset[str]:
    """The parameters of a view, and those named."""
    return _VIEW_NAMES.union(names)


def _integer(name: str, text: str) -> int:
    if not re.fullmatch(rf"-?[0-9]{{1,{_MAX_DIGITS}}}", text):
        raise BadQuery(f"{name} is not a number")
    return int(text)
