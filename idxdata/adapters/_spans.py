"""Rows of many files as one sequence: asked for by number, cut into parts. Pure.

Files follow each other, so a row has a global number, from 0 on.
"""

import operator
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from idxdata.errors import PlanError

Rows = slice | range | Sequence[tuple[int, int]]
"""Global row numbers: a slice or range of step 1, or pairs (start, stop)."""


@dataclass(frozen=True, slots=True)
class Span:
    """Rows `start` to `stop` - 1 of file number `file`.

    `first`: the global number of the first of them.
    """

    file: int
    start: int
    stop: int
    first: int

    def __len__(self) -> int:
        return self.stop - self.start

    def part(self, start: int, stop: int) -> "Span":
        """Its rows `start` to `stop` - 1, counted from its first."""
        return Span(
            self.file, self.start + start, self.start + stop, self.first + start
        )


def spans_of(rows: Rows | None, num_rows: Sequence[int]) -> list[Span]:
    """The rows asked for in the order asked, of files with so many rows each.

    Raises `PlanError` for rows that are not there and a stop before its start,
    `ValueError` for a step that is not 1, `TypeError` for what is no number.
    """
    begins = [0, *accumulate(num_rows)]
    spans = []
    for start, stop in _ranges(rows, begins[-1]):
        if not 0 <= start <= stop <= begins[-1]:
            raise PlanError(
                "rows that are not there",
                expected=f"0 <= start <= stop <= {begins[-1]}",
                found=f"{start} to {stop}",
            )
        for file in range(bisect_right(begins, start) - 1, len(num_rows)):
            low, high = max(start, begins[file]), min(stop, begins[file + 1])
            if begins[file] >= stop:
                break
            if low < high:
                spans.append(Span(file, low - begins[file], high - begins[file], low))
    return spans


def _ranges(rows: Rows | None, total: int) -> Iterator[tuple[int, int]]:
    if rows is None:
        yield 0, total
        return
    if isinstance(rows, slice | range):
        if rows.step not in (None, 1):
            raise ValueError(f"rows come in steps of 1, not {rows.step!r}")
        start, stop = rows.start, rows.stop
        if isinstance(rows, range):
            yield start, max(start, stop)
            return
        # As slices count, from the end if negative; but nothing is clipped.
        yield _bound(start, 0, total), _bound(stop, total, total)
        return
    for pair in rows:
        start, stop = pair
        yield operator.index(start), operator.index(stop)


def _bound(value: Any, default: int, total: int) -> int:
    if value is None:
        return default
    number = operator.index(value)
    return number + total if number < 0 else number


def cut(
    spans: Sequence[Span], num_parts: int, can_cut: Sequence[bool]
) -> list[list[Span]]:
    """`spans` in `num_parts` parts of about equal length, in order, none empty.

    A cut falls between two files where one lies within half a part of its place; so a
    part has rows of two files only if one of these gives it less than a part. Where
    `can_cut` says so of no file, all cuts fall between files. There are fewer parts
    where there are fewer rows, or no places to cut.
    """
    bounds = [0, *accumulate(map(len, spans))]
    total = bounds[-1]
    num_parts = max(1, min(num_parts, total))
    cuts = {0, total}
    for number in range(1, num_parts):
        place = number * total  # in units of 1 / num_parts rows
        after = bisect_left(bounds, -(-place // num_parts))
        around = bounds[max(after - 1, 0) : after + 1]
        nearest = min(around, key=lambda bound: abs(bound * num_parts - place))
        is_near = -total <= 2 * (nearest * num_parts - place) < total
        index = bisect_right(bounds, place // num_parts) - 1
        if is_near or not can_cut[spans[index].file]:
            cuts.add(nearest)
        else:
            cuts.add((2 * place + num_parts) // (2 * num_parts))
    return [_between(spans, bounds, *ends) for ends in pairwise(sorted(cuts))]


def _between(
    spans: Sequence[Span], bounds: Sequence[int], start: int, stop: int
) -> list[Span]:
    first = bisect_right(bounds, start) - 1
    found = []
    for index in range(first, len(spans)):
        if bounds[index] >= stop:
            break
        low = max(start - bounds[index], 0)
        high = min(stop - bounds[index], len(spans[index]))
        found.append(spans[index].part(low, high))
    return found


def blocks_of(
    spans: Iterable[Span], rows_per_block: int | None, limit: int | None = None
) -> list[list[Span]]:
    """`spans` in blocks of `rows_per_block` rows; of the first `limit` rows only."""
    blocks: list[list[Span]] = []
    room = 0
    left = sum(map(len, spans := list(spans)))
    left = left if limit is None else min(left, limit)
    for span in spans:
        at = 0
        while at < len(span) and left:
            if not room:
                blocks.append([])
                room = left if rows_per_block is None else rows_per_block
            count = min(len(span) - at, room, left)
            blocks[-1].append(span.part(at, at + count))
            at, room, left = at + count, room - count, left - count
    return blocks
