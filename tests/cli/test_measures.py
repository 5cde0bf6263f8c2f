"""Measures against one line of plain NumPy each, with pieces of any size."""

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from idxdata import measures

NUM_CLASSES = 4
DTYPES = st.sampled_from(["u1", "i1", "<i2", ">i4", "<f4"])


@st.composite
def examples(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any]]:
    shape = draw(arrays.array_shapes(min_dims=2, max_dims=4, max_side=5))
    dtype = np.dtype(draw(DTYPES))
    values = st.integers(0, 127).map(float if dtype.kind == "f" else int)
    images = draw(arrays.arrays(dtype, shape, elements=values))
    labels = arrays.arrays(np.uint8, shape[0], elements=st.integers(0, NUM_CLASSES - 1))
    return draw(st.sampled_from([images, images[::-1]])), draw(labels)


@pytest.fixture(autouse=True, params=[1, 7, 1 << 21])
def piece_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "_PIECE_SIZE", request.param)


# What the fixture sets is the same for all examples.
each = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40
)


@each
@given(examples())
def test_ink_is_the_mean_pixel(given: tuple[NDArray[Any], NDArray[Any]]) -> None:
    images, _ = given
    rows = [sum(map(float, row.ravel())) / row.size for row in images]
    np.testing.assert_allclose(measures.ink(images), rows, rtol=1e-12)


@each
@given(examples())
def test_class_means_and_distances(given: tuple[NDArray[Any], NDArray[Any]]) -> None:
    images, labels = given
    means = measures.class_means(images, labels, NUM_CLASSES)
    assert means.shape == (NUM_CLASSES, *images.shape[1:])
    for label in range(NUM_CLASSES):
        mine = images[labels == label].astype(float)
        if len(mine):
            np.testing.assert_allclose(means[label], mine.mean(axis=0), rtol=1e-12)
        else:
            assert np.isnan(means[label]).all()
    away = (images.astype(float) - means[labels]).reshape(len(images), -1)
    found = measures.distances(images, labels, means)
    np.testing.assert_allclose(found, np.linalg.norm(away, axis=1), rtol=1e-9)


@each
@given(examples())
def test_row_digests_are_of_the_bytes(given: tuple[NDArray[Any], NDArray[Any]]) -> None:
    images, _ = given
    found = measures.row_digests(images)
    want = [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in images]
    assert [row.tobytes() for row in found] == want


@each
@given(examples())
def test_advance_counts_all_rows(given: tuple[NDArray[Any], NDArray[Any]]) -> None:
    images, labels = given
    means = measures.class_means(images, labels, NUM_CLASSES)
    for call in (
        lambda advance: measures.ink(images, advance=advance),
        lambda advance: measures.class_means(images, labels, 4, advance=advance),
        lambda advance: measures.distances(images, labels, means, advance=advance),
        lambda advance: measures.row_digests(images, advance=advance),
    ):
        done: list[int] = []
        call(done.append)
        assert sum(done) == len(images)


def test_no_examples() -> None:
    images, labels = np.zeros((0, 2, 3), np.uint8), np.zeros(0, np.uint8)
    means = measures.class_means(images, labels, 2)
    assert means.shape == (2, 2, 3) and np.isnan(means).all()
    assert measures.ink(images).shape == (0,)
    assert measures.distances(images, labels, means).shape == (0,)
    assert measures.row_digests(images).shape == (0, 16)


@pytest.mark.parametrize("shape", [(3,), (3, 0), (3, 2, 0)])
def test_no_pixels_are_refused(shape: tuple[int, ...]) -> None:
    images, labels = np.zeros(shape, np.uint8), np.zeros(3, np.uint8)
    with pytest.raises(ValueError, match="no pixels"):
        measures.ink(images)
    with pytest.raises(ValueError, match="no pixels"):
        measures.row_digests(images)
    with pytest.raises(ValueError, match="no pixels"):
        measures.class_means(images, labels, 1)


@pytest.mark.parametrize(
    "labels",
    [
        np.zeros(2, np.uint8),
        np.zeros((3, 1), np.uint8),
        np.zeros(3),
        np.array([0, 1, 2], np.int64),
        np.array([0, -1, 1], np.int64),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: NDArray[Any]) -> None:
    images = np.zeros((3, 2, 2), np.uint8)
    with pytest.raises(ValueError, match="label"):
        measures.class_means(images, labels, 2)
    with pytest.raises(ValueError, match="label"):
        measures.distances(images, labels, np.zeros((2, 2, 2)))


def test_means_that_do_not_fit_are_refused() -> None:
    images, labels = np.zeros((3, 2, 2), np.uint8), np.zeros(3, np.uint8)
    with pytest.raises(ValueError, match="do not fit"):
        measures.distances(images, labels, np.zeros((2, 2, 3)))
