"""Deskewing: against plain Python, and what follows from its definition."""

from collections.abc import Callable
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from idxdata import load
from trainers.errors import QuotedError
from trainers.quoted.deskewing import MAX_PIXELS, TOP, deskew, moments

images = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(0, 2), st.integers(1, 8), st.integers(1, 8)),
    elements=st.sampled_from([0, 0, 0, 1, 7, 128, 254, 255]),
)


def rounded(value: Fraction, to: int) -> Fraction:
    """To a multiple of 1 / `to`, halves up."""
    return Fraction(floor(value * to + Fraction(1, 2)), to)


def moments_oracle(image: NDArray[np.uint8]) -> tuple[Fraction, Fraction, Fraction]:
    """From the definition, in fractions; not yet rounded."""
    inked = [
        (x, y, int(image[y, x])) for y, x in np.ndindex(image.shape) if image[y, x]
    ]
    ink = sum(value for _, _, value in inked)
    if not ink:
        return Fraction(0), Fraction(0), Fraction(0)
    cx = Fraction(sum(x * value for x, _, value in inked), ink)
    cy = Fraction(sum(y * value for _, y, value in inked), ink)
    covariance = sum((x - cx) * (y - cy) * value for x, y, value in inked)
    variance = sum((y - cy) ** 2 * value for _, y, value in inked)
    return cx, cy, covariance / variance if variance else Fraction(0)


def deskew_oracle(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A pixel at a time."""
    height, width = image.shape
    cx, cy, slant = (rounded(value, 2**16) for value in moments_oracle(image))

    def pixel(x: int, y: int) -> int:
        return int(image[y, x]) if 0 <= x < width and 0 <= y < height else 0

    result = np.empty_like(image)
    for row, column in np.ndindex(image.shape):
        u = column - Fraction(width - 1, 2)
        v = row - Fraction(height - 1, 2)
        x, y = rounded(cx + u + slant * v, 256), rounded(cy + v, 256)
        left, above = floor(x), floor(y)
        grey = sum(
            pixel(left + right, above + down)
            * (x - left if right else 1 - x + left)
            * (y - above if down else 1 - y + above)
            for right in (0, 1)
            for down in (0, 1)
        )
        result[row, column] = rounded(grey * Fraction(TOP, 255), 1)
    return result


@given(images)
def test_as_the_oracle_has_it(batch: NDArray[np.uint8]) -> None:
    found = deskew(batch)
    assert (found.dtype, found.shape) == (np.uint8, batch.shape)
    for image, one in zip(batch, found, strict=True):
        assert np.array_equal(one, deskew_oracle(image))


@given(images)
def test_moments_are_rounded_once(batch: NDArray[np.uint8]) -> None:
    for image, *found in zip(batch, *moments(batch), strict=True):
        wanted = [rounded(value, 2**16) * 2**16 for value in moments_oracle(image)]
        assert found == wanted


@pytest.mark.parametrize("shape", [(28, 28), (1, MAX_PIXELS), (MAX_PIXELS, 1)])
def test_sums_fit(shape: tuple[int, int]) -> None:
    """The largest there are: half the ink at each end, and one faint pixel between."""
    image = np.zeros(shape, np.uint8)
    image.reshape(-1)[:400] = image.reshape(-1)[-384:] = 255
    image[shape[0] // 2, shape[1] // 2] = 1
    found = moments(image[None])
    wanted = [rounded(value, 2**16) * 2**16 for value in moments_oracle(image)]
    assert [int(value[0]) for value in found] == wanted
    image[...] = 0
    image[0, 0], image[-1, -1] = 1, 255
    found = moments(image[None])
    wanted = [rounded(value, 2**16) * 2**16 for value in moments_oracle(image)]
    assert [int(value[0]) for value in found] == wanted


def test_an_upright_centred_image_stays() -> None:
    image = np.zeros((1, 9, 9), np.uint8)
    image[0, 2:7, 3:6] = 255
    assert np.array_equal(deskew(image), image // 255 * TOP)


@settings(max_examples=20)
@given(st.integers(-3, 3), st.integers(-3, 3), st.integers(0, 2**32 - 1))
def test_a_shift_of_the_image_is_taken_back(down: int, right: int, seed: int) -> None:
    image = np.zeros((1, 16, 16), np.uint8)
    random = np.random.default_rng(seed)
    image[0, 5:11, 5:11] = random.integers(0, 256, (6, 6))
    moved = np.roll(image, (down, right), axis=(1, 2))
    difference = deskew(image).astype(int) - deskew(moved)
    # The centre is rounded anew: a 2^-8 of a pixel to either side, on both axes.
    assert abs(difference).max() <= 2


def test_glyphs_become_upright() -> None:
    glyphs = load("glyphs").train.images[:200]
    slant = moments(deskew(glyphs))[2] / 2**16
    assert abs(slant).max() < 0.05
    assert abs(moments(glyphs)[2] / 2**16).max() > 0.3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a.astype(np.float32), "float32 (2, 4, 4)"),
        (lambda a: a[0], "uint8 (4, 4)"),
        (lambda a: a[:, :0], "(2, 0, 4)"),
        (lambda a: np.zeros((1, 40, 40), np.uint8), "40 x 40"),
    ],
)
def test_what_is_refused(
    change: Callable[[NDArray[Any]], NDArray[Any]], words: str
) -> None:
    wrong = change(np.zeros((2, 4, 4), np.uint8))
    for function in (deskew, moments):
        with pytest.raises(QuotedError) as caught:
            function(wrong)
        assert words in str(caught.value)
