"""Views of digits: what they make equal, and that they change nothing else."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from idxdata import Split
from tests.training import some_glyphs
from trainers.errors import QuotedError
from trainers.quoted.deskewing import moments
from trainers.quoted.views import VIEWS, View, _spread, find_view

images = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(0, 2), st.integers(1, 8), st.integers(1, 8)),
    elements=st.sampled_from([0, 0, 0, 1, 7, 128, 254, 255]),
)
NAMED = [name for name, view in VIEWS.items() if view is not None]


@pytest.fixture(scope="module")
def glyphs() -> Iterator[Split]:
    yield some_glyphs(300).train


def seen(name: str, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    view = find_view(name)
    assert view is not None
    return view(pictures)


@given(images, st.sampled_from(NAMED))
def test_any_image_can_be_seen(batch: NDArray[np.uint8], name: str) -> None:
    """Those without ink among them, which stay so."""
    before = batch.copy()
    found = seen(name, batch)
    assert (found.dtype, found.shape) == (np.uint8, batch.shape)
    assert np.array_equal(batch, before)
    for image, one in zip(batch, found, strict=True):
        assert image.any() or not one.any()
        assert np.array_equal(one, seen(name, image[None])[0])


@given(images)
def test_spread_is_the_standard_deviation(batch: NDArray[np.uint8]) -> None:
    for image, found in zip(batch, _spread(batch, False), strict=True):
        if image.any():
            rows, columns = np.nonzero(image)
            ink = image[rows, columns].astype(float)
            middle = np.average(columns, weights=ink)
            wanted = np.sqrt(np.average((columns - middle) ** 2, weights=ink))
            assert found == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("name", NAMED)
def test_what_views_make_equal(glyphs: Split, name: str) -> None:
    """Of most glyphs: a few are not as wide as a factor of 2 could make them, or reach
    over the edge."""
    view = find_view(name)
    assert view is not None
    found = view(glyphs.images)
    cx, cy, slant = moments(found)
    middle = 13.5 * 65536
    assert np.median(np.abs(cx - middle)) < 0.1 * 65536
    assert np.median(np.abs(cy - middle)) < 0.1 * 65536
    if view.is_upright:
        assert np.median(np.abs(slant)) < 0.02 * 65536
    after, before = _spread(found, False), _spread(glyphs.images, view.is_upright)
    wanted = view.zoom * before if view.across is None else view.across
    assert np.median(np.abs(after / wanted - 1)) < 0.05


def test_nothing_is_made_more_than_twice_as_large() -> None:
    dot = np.zeros((1, 28, 28), np.uint8)
    dot[0, 10:12, 10:12] = 255
    (spread,) = _spread(View(across=13.0)(dot), False)
    assert 2 * 0.5 <= spread < 1.35  # between pixels it is smooth


def test_plain_is_as_it_is_and_others_are_not_known() -> None:
    assert find_view("plain") is None
    with pytest.raises(QuotedError, match="sideways"):
        find_view("sideways")


def test_images_that_are_none() -> None:
    with pytest.raises(QuotedError, match="uint16"):
        View()(np.zeros((1, 4, 4), np.uint16))  # type: ignore[arg-type]
