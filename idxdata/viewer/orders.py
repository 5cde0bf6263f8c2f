"""Which example stands at which position: filters and sorts of one part.

File order of all examples is no array at all. Other orders are arrays of row numbers,
made when first asked for: by label from one pass over labels, by ink and by distance
from what was measured in the background.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from idxdata.viewer.gallery import Part
from idxdata.viewer.labelling import MAX_VALUES, Labelling, sort_out
from idxdata.viewer.lru import Lru
from idxdata.viewer.measuring import Measure, Measured, Measuring

Sort = Literal["file", "label", "ink", "distance"]

_MAX_HELD_NBYTES = 256 << 20
"""Of filtered orders: eight of 8 million rows each."""


class NotMeasured(Exception):
    """What an order is by has not been measured yet."""


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at a part: `labels` alone, none for all; sorted by `sort`.

    `is_reversed`: last first.
    """

    sort: Sort = "file"
    labels: tuple[int, ...] = ()
    is_reversed: bool = False


class Orders:
    """The orders of one part, and what they follow from. For any threads."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self._lock = threading.Lock()
        self._labelling: Labelling | None = None
        self._by_label: NDArray[Any] | None = None
        self._filtered: Lru[NDArray[Any]] = Lru(_MAX_HELD_NBYTES, _nbytes)
        self.measuring: Mapping[Measure, Measuring] = MappingProxyType(
            {
                "ink": Measuring(part.pixels, "ink"),
                "distance": Measuring(part.pixels, "distance", self._groups),
            }
        )

    @property
    def labelling(self) -> Labelling | None:
        """The labels sorted out, at the first use; None where there are none."""
        if self.part.labels is None:
            return None
        with self._lock:
            if self._labelling is None:
                self._labelling = sort_out(self.part.labels)
            return self._labelling

    @property
    def classes(self) -> Labelling | None:
        """As `labelling`; None too where there are too many labels to choose from."""
        labelling = self.labelling
        if labelling is None or len(labelling.values) > MAX_VALUES:
            return None
        return labelling

    def _groups(self) -> tuple[NDArray[Any], int]:
        """What distances are within: classes, or all examples together."""
        classes = self.classes
        if classes is None:
            return np.zeros(len(self.part), np.uint8), 1
        return classes.codes, max(1, len(classes.values))

    def count(self, view: View) -> int:
        """How many examples a view has. Raises what `rows` does."""
        order = self._order(view)
        return len(self.part) if order is None else len(order)

    def rows(self, view: View, start: int, stop: int) -> NDArray[Any] | range:
        """The rows at positions `start` up to `stop`, fewer at the end of the view.

        A range where they are next to each other. Raises `NotMeasured`; `ValueError`
        for a label or an order by label where there are no classes.
        """
        order = self._order(view)
        count = len(self.part) if order is None else len(order)
        start, stop = min(start, count), min(stop, count)
        if view.is_reversed:
            first, last = count - stop, count - start
            rows = range(first, last) if order is None else order[first:last]
            return rows[::-1]
        return range(start, stop) if order is None else order[start:stop]

    def position(self, view: View, row: int) -> int | None:
        """Where in a view a row is; None if it is not in it. Raises as `rows` does."""
        order = self._order(view)
        if order is None:
            found, count = row, len(self.part)
        else:
            places = np.flatnonzero(order == row)
            if not len(places):
                return None
            found, count = int(places[0]), len(order)
        return count - 1 - found if view.is_reversed else found

    def _order(self, view: View) -> NDArray[Any] | None:
        if view.sort in ("ink", "distance"):
            order = self.measured(view.sort).order
        elif view.sort == "label":
            order = self._label_order()
        elif not view.labels:
            return None
        else:
            key = (view.sort, view.labels)
            return self._filtered.get(
                key, partial(self._need_classes().rows_of, view.labels)
            )
        if not view.labels:
            return order
        return self._filtered.get(
            (view.sort, view.labels), partial(self._filter, order, view.labels)
        )

    def _filter(self, order: NDArray[Any], labels: tuple[int, ...]) -> NDArray[Any]:
        found: NDArray[Any] = order[self._need_classes().mask(labels)[order]]
        return found

    def measured(self, measure: Measure) -> Measured:
        """Raises `NotMeasured` as long as it is not done."""
        result = self.measuring[measure].result
        if result is None:
            raise NotMeasured(f"{measure} has not been measured yet")
        return result

    def _label_order(self) -> NDArray[Any]:
        classes = self._need_classes()
        with self._lock:
            if self._by_label is None:
                self._by_label = classes.order()
            return self._by_label

    def _need_classes(self) -> Labelling:
        classes = self.classes
        if classes is None:
            raise ValueError("there are no labels to choose by")
        return classes


def _nbytes(array: NDArray[Any]) -> int:
    return array.nbytes
