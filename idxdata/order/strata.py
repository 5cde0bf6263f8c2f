"""Stratified order: every batch has the dataset's class shares.

docs/order.md has the construction and its proof. In short: all n rows are laid in
a line, class after class. Full batch k takes rows k + ceil(j * n / batch_size), one
from each of batch_size cells of equal size, so that it gets of every class its
share rounded up or down. Which k comes when, who stands where in its class and
where in the batch are keyed permutations.
"""

import functools
import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import PlanError
from idxdata.order.permutation import (
    permuted_range,
    round_constants,
)
from idxdata.order.subsets import Subset, checked_labels

STEPS_PURPOSE = 1
PLACES_PURPOSE = 2
MEMBERS_PURPOSE = 3


@dataclass(frozen=True, slots=True, eq=False)
class Stratified:
    """The order that gives every batch the shares of classes that all rows have.

    `rows` uint32 (n,) are row numbers sorted by class, `starts` int64
    (num_classes + 1,) where each class begins in it; `num_examples` counts the
    rows of the split. Made by `Stratified.by(labels)`. 4 bytes a row. Equal if the
    tables are.

    Raises `PlanError` if the tables are not like that.
    """

    num_examples: int
    rows: NDArray[np.uint32]
    starts: NDArray[np.int64]

    def __post_init__(self) -> None:
        if not self._is_sound():
            raise PlanError(
                "not a table of rows by class", hint="make it by Stratified.by(labels)"
            )
        self.rows.setflags(write=False)
        self.starts.setflags(write=False)

    def _is_sound(self) -> bool:
        rows, starts = self.rows, self.starts
        if rows.dtype != np.uint32 or starts.dtype != np.int64:
            return False
        if rows.ndim != 1 or starts.ndim != 1 or not 0 < len(rows) <= self.num_examples:
            return False
        if len(starts) < 2 or starts[0] != 0 or starts[-1] != len(rows):
            return False
        if rows.max() >= self.num_examples or (np.diff(starts) < 1).any():
            return False
        seen = np.zeros(self.num_examples, np.bool_)
        seen[rows] = True
        return int(seen.sum()) == len(rows)

    def __reduce__(self) -> tuple[Any, ...]:
        # Arrays come writable out of a pickle; the constructor sees to that.
        return (Stratified, (self.num_examples, self.rows, self.starts))

    @classmethod
    def by(cls, labels: NDArray[Any]) -> "Stratified":
        """From the labels of all rows, any integers (num_examples,); read once.

        Raises `PlanError` if they are not integers of one axis, or none.
        """
        labels = checked_labels(labels)
        return _sorted_by_class(
            len(labels), np.arange(len(labels), dtype=np.uint32), labels
        )

    def restricted(self, subset: Subset) -> "Stratified":
        """The same classes with the rows of `subset` only."""
        classes = np.empty(self.num_examples, np.int64)
        classes[self.rows] = np.repeat(
            np.arange(len(self.starts) - 1), np.diff(self.starts)
        )
        size = subset.size(self.num_examples)
        rows = subset.rows(np.arange(size, dtype=np.int64), self.num_examples)
        return _sorted_by_class(
            self.num_examples, rows.astype(np.uint32), classes[rows]
        )

    def indices(
        self, start: int, stop: int, batch_size: int, *, seed: int, epoch: int
    ) -> NDArray[np.int64]:
        """Row numbers at positions start .. stop-1 of an epoch: int64, fresh.

        All of one batch: start // batch_size == (stop - 1) // batch_size.
        """
        from idxdata._kernels.stratify import stratify

        n = len(self.rows)
        num_full = n // batch_size
        step, place = divmod(start, batch_size)
        size = min(batch_size, n - step * batch_size)
        out = permuted_range(
            place,
            place + stop - start,
            size,
            round_constants(seed, epoch, PLACES_PURPOSE, step),
        )
        cell = num_full
        if step < num_full:
            constants = round_constants(seed, epoch, STEPS_PURPOSE)
            cell = int(permuted_range(step, step + 1, num_full, constants)[0])
        stratify(
            np.uint64(batch_size),
            np.uint64(cell),
            self.rows,
            self.starts,
            _class_constants(seed, epoch, len(self.starts) - 1),
            out,
        )
        return out

    def describe(self) -> dict[str, Any]:
        """What fixes the order, as JSON values: the table as a SHA-256."""
        digest = hashlib.sha256(self.starts.astype("<i8").data)
        digest.update(self.rows.astype("<u4").data)
        return {
            "kind": "stratified",
            "num_classes": len(self.starts) - 1,
            "table": digest.hexdigest(),
        }

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Stratified)
            and self.num_examples == other.num_examples
            and np.array_equal(self.starts, other.starts)
            and np.array_equal(self.rows, other.rows)
        )

    def __hash__(self) -> int:
        return hash((self.num_examples, self.starts.tobytes()))


def _sorted_by_class(
    num_examples: int, rows: NDArray[np.uint32], labels: NDArray[Any]
) -> Stratified:
    order = np.argsort(labels, kind="stable")
    _, counts = np.unique(labels, return_counts=True)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Stratified(num_examples, rows[order], starts)


@functools.lru_cache(maxsize=4)
def _class_constants(seed: int, epoch: int, num_classes: int) -> NDArray[np.uint64]:
    """`round_constants` of each class: uint64 (num_classes, 2, rounds)."""
    return np.stack(
        [
            round_constants(seed, epoch, MEMBERS_PURPOSE, number)
            for number in range(num_classes)
        ]
    )
