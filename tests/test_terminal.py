"""Pictures, bars and numbers of a terminal."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata.terminal import bar, duration, percent, picture, top


def test_each_half_has_its_pixels_grey() -> None:
    image = np.array([[0, 10, 20], [30, 40, 50], [60, 70, 80]], np.uint8)
    text = picture(image)
    assert text.plain == "▀▀▀\n▀▀▀"
    styles = [
        (span.style.color.triplet.red, span.style.bgcolor.triplet.red)  # type: ignore[union-attr]
        for span in text.spans
    ]
    # A row that has no other below it stands on black.
    assert styles == [(0, 30), (10, 40), (20, 50), (60, 0), (70, 0), (80, 0)]


def test_without_colour_bright_is_filled() -> None:
    image = np.array([[0, 200, 0, 200], [0, 0, 200, 150]], np.uint8)
    assert picture(image, has_colour=False).plain == " ▀▄█"
    # Above half of the brightest, so faint pictures are seen too.
    assert picture(image // 10, has_colour=False).plain == " ▀▄█"
    assert picture(image * 0, has_colour=False).plain == "    "


def test_colours() -> None:
    image = np.array([[[255, 0, 0]], [[0, 10, 20]]], np.uint8)
    (span,) = picture(image).spans
    assert str(span.style) == "rgb(255,0,0) on rgb(0,10,20)"
    assert picture(image, has_colour=False).plain == "▀"
    wide = picture(np.full((4, 8, 3), 9, np.uint8), max_width=4)
    assert wide.plain == "▀▀▀▀"
    assert str(wide.spans[0].style) == "rgb(9,9,9) on rgb(9,9,9)"


@pytest.mark.parametrize("shape", [(57, 56), (57, 57), (200, 113), (1, 300), (300, 1)])
def test_wide_pictures_are_reduced(shape: tuple[int, int]) -> None:
    lines = picture(np.full(shape, 77, np.uint8)).plain.split("\n")
    factor = -(-shape[1] // 56)
    assert {len(line) for line in lines} == {max(1, shape[1] // factor)}
    assert max(map(len, lines)) <= 56
    assert len(lines) == -(-max(1, shape[0] // factor) // 2)


@given(st.floats(0, 1), st.integers(1, 40))
def test_bars(share: float, width: int) -> None:
    text = bar(share, width)
    assert len(text) == width
    filled = sum(" ▏▎▍▌▋▊▉█".index(mark) for mark in text) / 8
    assert filled == pytest.approx(share * width, abs=1 / 16 + 1e-9)


def test_percent() -> None:
    assert [percent(x) for x in (0, 0.0004, 0.5, 0.99999, 1)] == [
        "  0.0 %",
        "  0.0 %",
        " 50.0 %",
        " 99.9 %",
        "100.0 %",
    ]
    assert percent(0.99999, digits=2) == " 99.99 %"


def test_duration() -> None:
    seconds = [0.004, 0.996, 1, 59.94, 59.96, 185.4, 3599.6, 7620]
    assert [duration(x) for x in seconds] == [
        "0.00 s",
        "1.0 s",
        "1.0 s",
        "59.9 s",
        "1 min 00 s",
        "3 min 05 s",
        "1 h 00 min",
        "2 h 07 min",
    ]


@given(st.lists(st.floats(0, 1), max_size=8), st.integers(0, 10))
def test_top(values: list[float], count: int) -> None:
    places = top(values, count)
    assert len(set(places)) == len(places) == min(count, len(values))
    assert [values[p] for p in places] == sorted(values, reverse=True)[:count]
