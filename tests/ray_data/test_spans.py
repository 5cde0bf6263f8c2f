"""Rows of many files as one sequence, cut into parts: laws."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import IdxDataError, PlanError
from idxdata.adapters._spans import Span, blocks_of, cut, spans_of

COUNTS = st.lists(st.integers(0, 60), min_size=1, max_size=12)


def numbers(spans: Sequence[Span]) -> list[int]:
    """Global row numbers, each checked against its place in its file."""
    return [span.first + number for span in spans for number in range(len(span))]


@given(counts=COUNTS, data=st.data())
def test_spans_are_the_rows_asked_for(counts: list[int], data: st.DataObject) -> None:
    total = sum(counts)
    begins = [0, *accumulate(counts)]
    bounds = st.tuples(st.integers(0, total), st.integers(0, total)).map(sorted)
    pairs = [tuple(pair) for pair in data.draw(st.lists(bounds, max_size=4))]
    spans = spans_of(pairs, counts)
    assert numbers(spans) == [row for pair in pairs for row in range(*pair)]
    for span in spans:
        assert span.start + begins[span.file] == span.first
        assert 0 <= span.start < span.stop <= counts[span.file]


@given(counts=COUNTS, start=st.integers(), stop=st.integers())
def test_slices_count_as_everywhere_but_are_not_clipped(
    counts: list[int], start: int, stop: int
) -> None:
    total = sum(counts)
    low, high = (bound + total if bound < 0 else bound for bound in (start, stop))
    if 0 <= low <= high <= total:
        found = numbers(spans_of(slice(start, stop), counts))
        assert found == list(range(total))[start:stop]
    else:
        with pytest.raises(PlanError):
            spans_of(slice(start, stop), counts)


@pytest.mark.parametrize(
    "rows", [slice(0, 11), range(5, 11), [(0, 3), (9, 11)], [(-1, 3)], [(4, 3)]]
)
def test_rows_that_are_not_there(rows: Any) -> None:
    with pytest.raises(IdxDataError) as caught:
        spans_of(rows, [4, 6])
    assert caught.value.expected == "0 <= start <= stop <= 10"


def test_steps_and_other_things_are_refused() -> None:
    with pytest.raises(ValueError, match="steps of 1"):
        spans_of(slice(0, 4, 2), [4])
    with pytest.raises(TypeError):
        spans_of([(0, 1.5)], [4])  # type: ignore[list-item]
    assert numbers(spans_of(range(3, 1), [4])) == []
    assert numbers(spans_of(slice(np.int64(1), None), [4])) == [1, 2, 3]


@given(counts=COUNTS, num_parts=st.integers(1, 80), data=st.data())
def test_parts_are_all_rows_once_and_about_equal(
    counts: list[int], num_parts: int, data: st.DataObject
) -> None:
    can_cut = data.draw(
        st.lists(st.booleans(), min_size=len(counts), max_size=len(counts))
    )
    total = sum(counts)
    spans = spans_of(None, counts)
    parts = cut(spans, num_parts, can_cut)
    assert numbers([span for part in parts for span in part]) == list(range(total))
    assert all(map(numbers, parts))
    for part in parts:
        for span in part:
            assert can_cut[span.file] or len(span) == counts[span.file]
    if all(can_cut) and total:
        share = total / min(num_parts, total)
        assert len(parts) == min(num_parts, total)
        assert max(len(numbers(part)) for part in parts) <= 2 * share + 1
        for part in parts:
            for one, other in pairwise(part):
                assert min(len(one), len(other)) <= share + 1


@given(counts=COUNTS, rows_per_block=st.one_of(st.none(), st.integers(1, 50)))
def test_blocks_are_of_one_size(counts: list[int], rows_per_block: int | None) -> None:
    spans = spans_of(None, counts)
    blocks = blocks_of(spans, rows_per_block)
    assert numbers([span for block in blocks for span in block]) == numbers(spans)
    sizes = [len(numbers(block)) for block in blocks]
    if rows_per_block is None:
        assert len(sizes) == bool(sum(counts))
    else:
        assert all(size == rows_per_block for size in sizes[:-1])
        assert all(0 < size <= rows_per_block for size in sizes)


@given(counts=COUNTS, limit=st.integers(0, 100), size=st.integers(1, 50))
def test_a_limit_is_of_the_first_rows(counts: list[int], limit: int, size: int) -> None:
    blocks = blocks_of(spans_of(None, counts), size, limit)
    found = numbers([span for block in blocks for span in block])
    assert found == list(range(min(limit, sum(counts))))


def test_large_files_are_cut_and_small_ones_kept() -> None:
    parts = cut(spans_of(None, [100, 100, 100]), 6, [True] * 3)
    assert [len(part) for part in parts] == [1] * 6
    many = cut(spans_of(None, [1] * 1000), 4, [True] * 1000)
    assert [len(part) for part in many] == [250] * 4
    uneven = cut(spans_of(None, [10, 1000, 10]), 3, [True] * 3)
    assert [len(numbers(part)) for part in uneven] == [340, 340, 340]
