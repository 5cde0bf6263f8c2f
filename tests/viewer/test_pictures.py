"""Pictures of examples against one line of plain NumPy or a loop each."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from idxdata.errors import DatasetError
from idxdata.viewer.gallery import MAX_PIXELS, Gallery, Part
from idxdata.viewer.pictures import (
    MAX_CELL_PX,
    as_bytes,
    cell_size,
    sheet,
    sheet_columns,
)

DTYPES = ["u1", "i1", ">i2", "<i4", "i8", "u8", "f2", ">f4", "f8", "?"]


@st.composite
def images(draw: st.DrawFn) -> NDArray[Any]:
    shape = draw(arrays.array_shapes(min_dims=3, max_dims=3, max_side=6))
    shape += draw(st.sampled_from([(), (3,)]))
    return draw(arrays.arrays(draw(st.sampled_from(DTYPES)), shape))


def stretched(image: NDArray[Any]) -> NDArray[np.uint8]:
    """One example as the eye shall see it, pixel by pixel in Python's numbers."""
    values = [float(value) / 2 for value in image.ravel()]
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0), max(finite, default=0)
    out = [
        round((value - low) / (high - low) * 255)
        if math.isfinite(value) and high > low
        else 0
        for value in values
    ]
    return np.array(out, np.uint8).reshape(image.shape)


@given(images())
def test_examples_as_bytes(images: NDArray[Any]) -> None:
    shown = as_bytes(images)
    assert shown.dtype == np.uint8
    if images.dtype == np.uint8:
        assert shown is images
    elif images.dtype == np.bool_:
        assert np.array_equal(shown, np.where(images, 255, 0))
    else:
        expected = [stretched(image) for image in images]
        assert np.array_equal(shown, np.stack(expected))


def test_extremes_as_bytes() -> None:
    most = np.finfo(np.float64).max
    image = np.array([[[-most, most, np.nan, np.inf, 0.0]]])
    assert as_bytes(image).tolist() == [[[0, 255, 0, 0, 128]]]
    assert as_bytes(np.full((1, 2, 2), 7.0)).tolist() == [[[0, 0], [0, 0]]]
    assert as_bytes(np.full((1, 1, 2), np.nan)).tolist() == [[[0, 0]]]


@settings(max_examples=60)
@given(images(), st.integers(4, 16), st.data())
def test_sheets_cell_by_cell(
    images: NDArray[Any], columns: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, min(len(images) * 5, columns * columns)))
    images = np.resize(images, (count, *images.shape[1:]))
    height, width = images.shape[1:3]
    made = sheet(images, columns)
    rows = -(-count // columns)
    assert made.shape[:2] == (rows * height, columns * width)
    for place in range(rows * columns):
        top, left = place // columns * height, place % columns * width
        cell = made[top : top + height, left : left + width]
        expected = as_bytes(images)[place] if place < count else np.zeros_like(cell)
        assert np.array_equal(cell, expected)


def test_large_examples_are_thinned() -> None:
    image = np.arange(300 * 200, dtype=np.int32).reshape(1, 300, 200)
    assert cell_size(300, 200) == (75, 50)
    # Stretched by all of its pixels, of which the last ones are not seen.
    assert np.array_equal(sheet(image, 4)[:75, :50], as_bytes(image)[0, ::4, ::4])


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_cells_and_sheets_stay_small(height: int, width: int) -> None:
    cell_height, cell_width = cell_size(height, width)
    assert 1 <= cell_height <= MAX_CELL_PX
    assert 1 <= cell_width <= MAX_CELL_PX
    columns = sheet_columns(height, width)
    assert 4 <= columns <= 16
    assert columns * max(cell_height, cell_width) <= 512


@pytest.mark.parametrize(
    "shape, dtype, hint",
    [
        ((10,), "u1", "--labels"),
        ((10, 784), "u1", None),
        ((10, 3, 32, 32), "u1", "moveaxis"),
        ((10, 28, 28, 4), "u1", None),
        ((10, 0, 28), "u1", None),
        ((10, 28, 28), "c8", None),
        ((10, 28, 28), "U1", None),
        ((1, MAX_PIXELS + 1, 1), "u1", None),
    ],
)
def test_what_is_no_picture(
    shape: tuple[int, ...], dtype: str, hint: str | None
) -> None:
    with pytest.raises(DatasetError) as caught:
        Part(np.empty(shape, dtype))
    assert (hint or "") in (caught.value.hint or "")
    assert caught.value.found


@pytest.mark.parametrize(
    "labels", [np.zeros(3, int), np.zeros(4), np.zeros((4, 1), int)]
)
def test_labels_that_do_not_fit(labels: NDArray[Any]) -> None:
    with pytest.raises(DatasetError):
        Part(np.zeros((4, 2, 2)), labels)


def test_an_axis_of_one_channel_is_taken_off_without_a_copy() -> None:
    images = np.zeros((4, 2, 3, 1), np.uint8)
    assert Part(images).pixels.shape == (4, 2, 3)
    assert np.shares_memory(Part(images).pixels, images)


def test_a_gallery_names_classes_as_far_as_they_reach() -> None:
    parts = {"only": Part(np.zeros((1, 2, 2), np.uint8))}
    gallery = Gallery("one", parts, ("cat", "dog"), "")
    assert [gallery.class_name(label) for label in (-1, 0, 1, 2)] == [
        None,
        "cat",
        "dog",
        None,
    ]
    assert Gallery("one", parts, None, "").class_name(0) is None
    with pytest.raises(DatasetError):
        Gallery("none", {}, None, "")
