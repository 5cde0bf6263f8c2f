"""Examples that are there more than once, in a split or in two of them.

Told by digests of 16 bytes each. Needs some 80 bytes an example.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUM_PAIRS = 5


@dataclass(frozen=True, slots=True)
class Repeats:
    """Rows that are as others are.

    `count`: rows that are as an earlier one of the same split, or of another split.
    `num_conflicts`: those of them with another label than that; None without labels.
    `pairs`: the first of them, (row, the first row that is the same).
    """

    count: int
    num_conflicts: int | None
    pairs: tuple[tuple[int, int], ...]


def repeats(digests: NDArray[np.uint8], labels: NDArray[Any] | None) -> Repeats:
    """Rows of `digests` (n, 16) that are as an earlier one; `labels` (n,) or None."""
    firsts = first_equal(digests)
    rows = np.flatnonzero(firsts < np.arange(len(firsts)))
    return _told(rows, firsts[rows], labels, labels)


def overlap(
    digests: NDArray[np.uint8],
    others: NDArray[np.uint8],
    labels: NDArray[Any] | None,
    other_labels: NDArray[Any] | None,
) -> Repeats:
    """Rows of `digests` that are in `others` too; pairs (row, the other's row)."""
    firsts = first_equal(np.concatenate([others, digests]))[len(others) :]
    rows = np.flatnonzero(firsts < len(others))
    return _told(rows, firsts[rows], labels, other_labels)


def first_equal(digests: NDArray[np.uint8]) -> NDArray[np.int64]:
    """For each row of `digests` (n, 16) the first row that is the same."""
    keys = np.ascontiguousarray(digests).view(np.uint64)
    # Stable: of equal rows the first comes first.
    order = np.lexsort((keys[:, 1], keys[:, 0]))
    ordered = keys[order]
    is_new = np.ones(len(order), bool)
    is_new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    firsts = np.empty(len(order), np.int64)
    firsts[order] = order[is_new][np.cumsum(is_new) - 1]
    return firsts


def _told(
    rows: NDArray[np.int64],
    firsts: NDArray[np.int64],
    labels: NDArray[Any] | None,
    other_labels: NDArray[Any] | None,
) -> Repeats:
    conflicts = None
    if labels is not None and other_labels is not None:
        conflicts = int((labels[rows] != other_labels[firsts]).sum())
    shown = zip(rows[:NUM_PAIRS].tolist(), firsts[:NUM_PAIRS].tolist(), strict=True)
    return Repeats(len(rows), conflicts, tuple(shown))
