"""Orders against Python's own sorting; labels sorted out; measures called off."""

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from idxdata import measures
from idxdata.viewer.gallery import Gallery, Part
from idxdata.viewer.labelling import MAX_VALUES, narrow_rows, sort_out
from idxdata.viewer.lru import Lru
from idxdata.viewer.measuring import Measuring
from idxdata.viewer.orders import NotMeasured, Orders, View


@st.composite
def label_arrays(draw: st.DrawFn) -> NDArray[Any]:
    dtype = np.dtype(draw(st.sampled_from(["u1", "i1", ">i2", "i4", "i8", "u8"])))
    info = np.iinfo(dtype)
    start = draw(st.integers(int(info.min), int(info.max) - 5))
    near = st.integers(start, start + 5)
    anywhere = st.integers(int(info.min), int(info.max))
    values = draw(st.lists(draw(st.sampled_from([near, anywhere])), max_size=40))
    return np.array(values, dtype)


@given(label_arrays())
def test_labels_sorted_out(labels: NDArray[Any]) -> None:
    found = sort_out(labels)
    assert found.values == tuple(sorted({int(label) for label in labels}))
    assert found.counts == tuple(labels.tolist().count(one) for one in found.values)
    assert [found.values[code] for code in found.codes] == labels.tolist()
    assert found.codes.dtype.itemsize == 1
    by_label = sorted(range(len(labels)), key=lambda row: int(labels[row]))
    assert found.order().tolist() == by_label
    assert found.order().dtype == np.uint32
    chosen = found.values[::2]
    expected = [row for row in range(len(labels)) if int(labels[row]) in chosen]
    assert found.rows_of(chosen).tolist() == expected


def test_labels_in_several_pieces_and_of_many_values() -> None:
    random = np.random.default_rng(5)
    labels = random.integers(-300, 3000, (1 << 20) + 77)
    found = sort_out(labels)
    values, counts = np.unique(labels, return_counts=True)
    assert found.values == tuple(values.tolist())
    assert found.counts == tuple(counts.tolist())
    assert found.codes.dtype == np.uint16
    assert np.array_equal(np.array(found.values)[found.codes], labels)


def test_row_numbers_beyond_32_bits_stay_wide() -> None:
    assert narrow_rows(np.array([1 << 32])).tolist() == [1 << 32]
    assert narrow_rows(np.array([(1 << 32) - 1])).dtype == np.uint32


@st.composite
def parts(draw: st.DrawFn) -> Part:
    count = draw(st.integers(0, 30))
    images = draw(arrays.arrays(np.uint8, (count, 2, 2), elements=st.integers(0, 3)))
    labels = draw(arrays.arrays(np.int8, count, elements=st.integers(-1, 2)))
    return Part(images, draw(st.sampled_from([labels, None])))


def measured(orders: Orders) -> Orders:
    for measuring in orders.measuring.values():
        measuring.start()
        measuring.join()
        assert measuring.progress.state == "done", measuring.progress
    return orders


def expected_rows(part: Part, view: View) -> list[int]:
    """What a view shows, by Python's sorted."""
    rows = list(range(len(part)))
    labels = None if part.labels is None else part.labels.tolist()
    if view.sort == "label":
        assert labels is not None
        rows.sort(key=lambda row: labels[row])
    elif view.sort == "ink" and rows:
        ink = measures.ink(part.images)
        rows.sort(key=lambda row: ink[row])
    elif view.sort == "distance" and rows:
        groups = np.zeros(len(rows), int) if labels is None else np.array(labels) + 1
        means = measures.class_means(part.images, groups, 4)
        away = measures.distances(part.images, groups, means)
        rows.sort(key=lambda row: away[row])
    if view.labels:
        assert labels is not None
        rows = [row for row in rows if labels[row] in view.labels]
    return rows[::-1] if view.is_reversed else rows


@settings(max_examples=60)
@given(parts(), st.data())
def test_views_are_what_sorting_gives(part: Part, data: st.DataObject) -> None:
    orders = measured(Orders(part))
    classes = orders.classes
    sorts = ["file", "ink", "distance"] + ([] if classes is None else ["label"])
    values = () if classes is None else classes.values
    view = View(
        sort=data.draw(st.sampled_from(sorts)),  # type: ignore[arg-type]
        labels=tuple(v for v in values if data.draw(st.booleans())),
        is_reversed=data.draw(st.booleans()),
    )
    expected = expected_rows(part, view)
    assert orders.count(view) == len(expected)
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, 40)] * 2)))
    assert list(orders.rows(view, start, stop)) == expected[start:stop]
    for row in range(len(part)):
        place = expected.index(row) if row in expected else None
        assert orders.position(view, row) == place


def test_what_was_not_measured_is_said_to_be() -> None:
    orders = Orders(Part(np.zeros((3, 2, 2), np.uint8)))
    with pytest.raises(NotMeasured):
        orders.rows(View("ink"), 0, 1)
    with pytest.raises(ValueError, match="labels"):
        orders.rows(View("label"), 0, 1)


def test_too_many_labels_are_no_classes() -> None:
    images = np.zeros((MAX_VALUES + 1, 1, 1), np.uint8)
    orders = measured(Orders(Part(images, np.arange(MAX_VALUES + 1))))
    assert orders.classes is None
    # Distances are to the mean of all, not each example's to itself.
    images[-1] = 255
    orders = measured(Orders(Part(images, np.arange(MAX_VALUES + 1))))
    assert (orders.measured("distance").values > 0).all()


def test_what_is_not_finite_sorts_last_and_warns_nobody() -> None:
    images = np.zeros((4, 2, 2), np.float32)
    images[0, 0, 0], images[1, 0, 0], images[2] = np.nan, np.inf, 1
    orders = measured(Orders(Part(images)))
    assert orders.rows(View("ink"), 0, 4).tolist() == [3, 2, 1, 0]  # type: ignore[union-attr]


class Held:
    """Groups that are not told before somebody lets them go."""

    def __init__(self, count: int) -> None:
        self.is_asked = threading.Event()
        self.is_let_go = threading.Event()
        self._count = count

    def __call__(self) -> tuple[NDArray[Any], int]:
        self.is_asked.set()
        assert self.is_let_go.wait(60)
        return np.zeros(self._count, np.uint8), 1


def test_a_measure_is_called_off_and_made_after_all() -> None:
    images = np.arange(40, dtype=np.uint8).reshape(10, 2, 2)
    groups = Held(10)
    measuring = Measuring(images, "distance", groups)
    assert measuring.progress.state == "idle"
    measuring.cancel()
    assert measuring.progress.state == "idle"
    measuring.start()
    assert groups.is_asked.wait(60)
    assert measuring.progress.state == "running"
    measuring.cancel()
    assert measuring.progress.state == "cancelled"
    first = measuring._thread
    measuring.start()  # the first one is still on its way
    assert measuring.progress.state == "running"
    groups.is_let_go.set()
    assert first is not None
    first.join(60)
    measuring.join(60)
    assert measuring.progress.state == "done"
    assert measuring.progress.done == measuring.progress.total == 20
    result = measuring.result
    measuring.cancel()
    measuring.start()
    assert measuring.result is result
    assert result is not None
    assert result.values.dtype == np.float32
    assert result.order.dtype == np.uint32


def test_a_measure_that_fails_says_why_and_may_be_tried_again() -> None:
    failing = True

    def groups() -> tuple[NDArray[Any], int]:
        if failing:
            raise MemoryError("no room")
        return np.zeros(3, np.uint8), 1

    measuring = Measuring(np.zeros((3, 2, 2), np.uint8), "distance", groups)
    measuring.start()
    measuring.join()
    assert measuring.progress.state == "failed"
    assert measuring.progress.message == "MemoryError: no room"
    failing = False
    measuring.start()
    measuring.join()
    assert measuring.progress.state == "done"


def test_what_was_longest_not_asked_for_goes_first() -> None:
    kept: Lru[bytes] = Lru(10, len)
    made: list[str] = []

    def get(key: str, nbytes: int) -> None:
        def make() -> bytes:
            made.append(key)
            return bytes(nbytes)

        assert len(kept.get(key, make)) == nbytes
        assert kept.held_nbytes <= 10

    for key, nbytes in [("a", 4), ("b", 4), ("a", 4), ("c", 4), ("a", 4), ("b", 4)]:
        get(key, nbytes)
    assert made == ["a", "b", "c", "b"]
    get("large", 11)
    get("large", 11)
    assert made[-2:] == ["large", "large"]
    get("a", 4)
    assert made[-1] == "large"


def test_galleries_keep_what_they_were_given() -> None:
    parts = {"a": Part(np.zeros((1, 2, 2), np.uint8))}
    gallery = Gallery("one", parts, None, "")
    parts.clear()
    assert list(gallery.parts) == ["a"]
