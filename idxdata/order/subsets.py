"""Subsets: which rows of a split an epoch is made of, as values without state.

Each maps positions 0 .. size-1 to row numbers. None of them orders anything: that
is the plan's part.
"""

import hashlib
import operator
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import PlanError
from idxdata.order.permutation import (
    MASK64,
    MAX_EXAMPLES,
    checked_integer,
    permuted,
    round_constants,
)

FOLD_PURPOSE = 4
"""Keeps the permutation of folds apart from a plan's with the same seed."""


def checked_labels(labels: object) -> NDArray[Any]:
    """`labels` if they are an integer array of one axis with 1 to 2^32 elements.

    Raises `PlanError` if they are not.
    """
    found = type(labels).__name__
    if isinstance(labels, np.ndarray):
        if labels.ndim == 1 and labels.dtype.kind in "iu":
            checked_integer("the number of labels", len(labels), 1, MAX_EXAMPLES)
            return labels
        found = f"{labels.dtype} {labels.shape}"
    raise PlanError(
        "not labels", expected="an array of integers (num_examples,)", found=found
    )


def _integers(wanted: Iterable[SupportsIndex]) -> list[int]:
    """Sorted, each once. Raises `PlanError` if they are no integers."""
    try:
        return sorted({operator.index(number) for number in wanted})
    except TypeError:
        raise PlanError(
            "no such classes", expected="a list of integers", found=repr(wanted)
        ) from None


@dataclass(frozen=True, slots=True)
class First:
    """The first `count` rows. O(1) memory."""

    count: int

    def __post_init__(self) -> None:
        count = checked_integer("count", self.count, 1, MAX_EXAMPLES)
        object.__setattr__(self, "count", count)

    def size(self, num_examples: int) -> int:
        """Rows in the subset of a split of `num_examples` rows.

        Raises `PlanError` if the split has fewer than `count`.
        """
        if self.count > num_examples:
            raise PlanError(
                "the split is smaller than its subset",
                expected=f"at least {self.count} examples",
                found=num_examples,
            )
        return self.count

    def rows(
        self, positions: NDArray[np.int64], num_examples: int
    ) -> NDArray[np.int64]:
        """The positions as they are."""
        return positions

    def describe(self) -> dict[str, Any]:
        """What fixes the subset, as JSON values."""
        return {"kind": "first", "count": self.count}


@dataclass(frozen=True, slots=True)
class Fold:
    """Cross-validation: fold `index` of `num_folds`, or all others. O(1) memory.

        >>> Fold(5, 0, seed=7, part="held_out").size(60_000)
        12000

    The rows, permuted by a key made of `seed` alone, are cut into `num_folds`
    runs whose sizes differ by one at most: `part="held_out"` is run `index`,
    `part="train"` the rest. Positions count along the permuted rows, so a
    sequential plan of a fold goes in that order, not in the file's.

    Raises `PlanError` if a number is out of range or `part` another word.
    """

    num_folds: int
    index: int
    seed: int = field(kw_only=True)
    part: Literal["train", "held_out"] = field(kw_only=True)

    def __post_init__(self) -> None:
        for name, low, high in (
            ("num_folds", 2, MAX_EXAMPLES),
            ("index", 0, MAX_EXAMPLES),
            ("seed", 0, MASK64),
        ):
            number = checked_integer(name, getattr(self, name), low, high)
            object.__setattr__(self, name, number)
        checked_integer("index", self.index, 0, self.num_folds - 1)
        if self.part not in ("train", "held_out"):
            raise PlanError(
                "no such part", expected="'train' or 'held_out'", found=repr(self.part)
            )

    def _held_out(self, num_examples: int) -> tuple[int, int]:
        start = num_examples * self.index // self.num_folds
        return start, num_examples * (self.index + 1) // self.num_folds

    def size(self, num_examples: int) -> int:
        """Rows in the subset of a split of `num_examples` rows.

        Raises `PlanError` if the split has fewer rows than there are folds.
        """
        if num_examples < self.num_folds:
            raise PlanError(
                "too few examples to fold",
                expected=f"at least num_folds = {self.num_folds}",
                found=num_examples,
            )
        start, stop = self._held_out(num_examples)
        held_out = stop - start
        return held_out if self.part == "held_out" else num_examples - held_out

    def rows(
        self, positions: NDArray[np.int64], num_examples: int
    ) -> NDArray[np.int64]:
        """Row numbers of `positions`, both int64 (m,)."""
        start, stop = self._held_out(num_examples)
        if self.part == "held_out":
            places = positions + start
        else:
            places = np.where(positions < start, positions, positions + (stop - start))
        constants = round_constants(self.seed, 0, FOLD_PURPOSE)
        return permuted(places, num_examples, constants)

    def describe(self) -> dict[str, Any]:
        """What fixes the subset, as JSON values."""
        return {
            "kind": "fold",
            "num_folds": self.num_folds,
            "index": self.index,
            "seed": self.seed,
            "part": self.part,
        }


@dataclass(frozen=True, slots=True, eq=False)
class OfClasses:
    """The rows whose label is one of `wanted`, in file order.

    Holds their numbers: 4 bytes a row of the subset. `labels` is any integer
    array (num_examples,); it is read once and not kept. Equal if the rows are.

    Raises `PlanError` if labels are not integers (n,), `wanted` are not integers, or
    no row is wanted.
    """

    num_examples: int
    table: NDArray[np.uint32]

    def __init__(self, labels: NDArray[Any], wanted: Iterable[SupportsIndex]) -> None:
        labels = checked_labels(labels)
        numbers = _integers(wanted)
        # As numbers of the labels' dtype: of two dtypes NumPy would compare floats.
        info = np.iinfo(labels.dtype)
        possible = [number for number in numbers if info.min <= number <= info.max]
        is_wanted = np.isin(labels, np.array(possible, labels.dtype))
        table = np.flatnonzero(is_wanted).astype(np.uint32)
        if not len(table):
            raise PlanError(
                "no row is of a wanted class", expected=f"a label among {numbers}"
            )
        self.__setstate__((len(labels), table))

    def __reduce__(self) -> tuple[Any, ...]:
        # The constructor wants labels, and arrays come writable out of a pickle.
        state = (self.num_examples, self.table)
        return (object.__new__, (OfClasses,), state)

    def __setstate__(self, state: tuple[int, NDArray[np.uint32]]) -> None:
        num_examples, table = state
        table.setflags(write=False)
        object.__setattr__(self, "num_examples", num_examples)
        object.__setattr__(self, "table", table)

    def size(self, num_examples: int) -> int:
        """Rows in the subset.

        Raises `PlanError` if the split has not as many rows as there were labels.
        """
        if num_examples != self.num_examples:
            raise PlanError(
                "the labels are of another number of examples",
                expected=num_examples,
                found=self.num_examples,
            )
        return len(self.table)

    def rows(
        self, positions: NDArray[np.int64], num_examples: int
    ) -> NDArray[np.int64]:
        """Row numbers of `positions`, both int64 (m,)."""
        return self.table[positions].astype(np.int64)

    def describe(self) -> dict[str, Any]:
        """What fixes the subset, as JSON values: its rows as a SHA-256."""
        digest = hashlib.sha256(self.table.astype("<u4").data).hexdigest()
        return {"kind": "of_classes", "size": len(self.table), "rows": digest}

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, OfClasses)
            and self.num_examples == other.num_examples
            and np.array_equal(self.table, other.table)
        )

    def __hash__(self) -> int:
        return hash((self.num_examples, self.table[:64].tobytes()))


Subset: TypeAlias = First | Fold | OfClasses
