"""Turns about the middle: exact by right angles, and there and back again."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from tests.training import some_glyphs
from trainers.errors import QuotedError
from trainers.quoted.turning import checked_turns, turned

squares = st.integers(1, 9).flatmap(
    lambda side: arrays.arrays(
        np.uint8, st.tuples(st.integers(0, 3), *[st.just(side)] * 2)
    )
)


@given(squares)
def test_right_angles_move_pixels(images: NDArray[np.uint8]) -> None:
    before = images.copy()
    for degrees, times in ((0, 0), (90, -1), (-90, 1)):
        found = turned(images, degrees)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, np.rot90(images, times, axes=(1, 2)))
        assert not np.shares_memory(found, images)
    np.testing.assert_array_equal(images, before)


def test_there_and_back_is_what_was_there() -> None:
    """Smoothed a little: what is away from the middle of a pixel is read between two."""
    images = some_glyphs(100).train.images
    for degrees in (10.0, -25.0):
        there = turned(images, degrees).astype(float)
        back = turned(turned(images, degrees), -degrees).astype(float)
        assert np.abs(there - images).mean() > 2 * np.abs(back - images).mean()


def test_turns_are_clockwise() -> None:
    """What is to the right of the middle goes down, by as many degrees."""
    image = np.zeros((1, 41, 41), np.uint8)
    image[0, 19:22, 34:37] = 255
    (found,) = turned(image, 30)
    y, x = (np.average(axis, weights=found) - 20 for axis in np.indices(found.shape))
    assert np.degrees(np.arctan2(y, x)) == pytest.approx(30, abs=0.5)
    assert np.hypot(x, y) == pytest.approx(15, abs=0.1)


def test_lists_of_turns() -> None:
    assert checked_turns([]) == ()
    assert checked_turns([-10, 7.5]) == (-10.0, 7.5)


@pytest.mark.parametrize(
    "value", [None, 3, [True], ["1"], [90.5], [float("nan")], [[1]]]
)
def test_no_turns(value: Any) -> None:
    with pytest.raises(QuotedError, match="no turns"):
        checked_turns(value)
