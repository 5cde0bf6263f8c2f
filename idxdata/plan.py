"""Plan: which example goes into which batch, as a pure function. No state.

docs/order.md specifies every number, for other implementations.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import PlanError
from idxdata.order.permutation import (
    MASK64,
    MAX_EXAMPLES,
    checked_integer,
    permuted_range,
    round_constants,
)
from idxdata.order.strata import Stratified
from idxdata.order.subsets import First, Fold, OfClasses, Subset

Order: TypeAlias = Literal["shuffled", "sequential"] | Stratified
_CHUNK_SIZE = 4096

LastBatch: TypeAlias = Literal["keep", "drop", "pad"]


@dataclass(frozen=True, slots=True)
class Plan:
    """An order of batches over a split of `num_examples` rows, the same everywhere.

        >>> plan = Plan(60_000, 128, seed=7)
        >>> plan.num_steps
        469
        >>> plan.indices(epoch=0, step=3)[:4]
        array([16810, 55414, 30274, 31465])

    `batch_size` is the global batch: with `num_ranks` > 1 each of the ranks gets
    consecutive entries of it, rank r the r-th slice, so all ranks together see the
    same batches for any `num_ranks`, in as many steps. Slices are as even as whole
    examples allow: equally long where `num_ranks` divides the batch, else some have
    one example more, and a mean over the batch is not the mean of the ranks' means.
    `seed` is 0 to 2^64 - 1. An epoch goes once through all rows, or through those
    of `subset`, in one of these orders:

    - "shuffled": another one each epoch, a function of (seed, epoch);
    - "sequential": as they come, the same each epoch;
    - `Stratified.by(labels)`: shuffled, and each batch with the classes' shares.

    `last_batch` says what happens where `batch_size` does not divide an epoch:

    - "keep": the last batch is short, shared among ranks in the same way;
    - "drop": it is left out;
    - "pad": it is filled up with the epoch's first examples; `mask` marks them.

    O(1) memory, but for the tables that `Stratified` and `OfClasses` hold.
    Immutable, compared by value, can be pickled.

    Raises `PlanError` if a number is out of range, a word is not one of these,
    `num_ranks` is more than `batch_size`, "drop" leaves no batch, "keep" leaves the
    last batch with fewer examples than ranks, or `order` or `subset` do not fit
    `num_examples`.
    """

    num_examples: int
    batch_size: int
    seed: int = field(kw_only=True)
    order: Order = field(default="shuffled", kw_only=True)
    last_batch: LastBatch = field(default="keep", kw_only=True)
    subset: Subset | None = field(default=None, kw_only=True)
    rank: int = field(default=0, kw_only=True)
    num_ranks: int = field(default=1, kw_only=True)
    epoch_size: int = field(init=False, repr=False, compare=False)
    """Examples of one epoch, before any is dropped or repeated."""
    num_steps: int = field(init=False, repr=False, compare=False)
    """Steps of an epoch, the same on every rank."""
    _strata: Stratified | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check("num_examples", 1, MAX_EXAMPLES)
        self._check("batch_size", 1, MAX_EXAMPLES)
        self._check("seed", 0, MASK64)
        self._check("num_ranks", 1, self.batch_size)
        self._check("rank", 0, self.num_ranks - 1)
        if not _is_one_of(self.last_batch, "keep", "drop", "pad"):
            raise PlanError(
                "no such last_batch",
                expected="'keep', 'drop' or 'pad'",
                found=repr(self.last_batch),
            )
        if self.subset is not None and not isinstance(
            self.subset, First | Fold | OfClasses
        ):
            raise PlanError(
                "not a subset",
                expected="First, Fold or OfClasses",
                found=repr(self.subset),
            )
        size = self.num_examples
        if self.subset is not None:
            size = self.subset.size(self.num_examples)
        self._set("epoch_size", size)
        self._set("_strata", self._restricted_strata())
        self._check_division()
        whole, rest = divmod(size, self.batch_size)
        self._set("num_steps", whole + (rest > 0 and self.last_batch != "drop"))

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _check(self, name: str, low: int, high: int) -> None:
        self._set(name, checked_integer(name, getattr(self, name), low, high))

    def _restricted_strata(self) -> Stratified | None:
        if not isinstance(self.order, Stratified):
            if not _is_one_of(self.order, "shuffled", "sequential"):
                raise PlanError(
                    "no such order",
                    expected="'shuffled', 'sequential' or Stratified",
                    found=repr(self.order),
                )
            return None
        if self.order.num_examples != self.num_examples:
            raise PlanError(
                "the labels are of another number of examples",
                expected=self.num_examples,
                found=self.order.num_examples,
            )
        return self.order if self.subset is None else self.order.restricted(self.subset)

    def _check_division(self) -> None:
        if self.last_batch == "drop" and self.epoch_size < self.batch_size:
            raise PlanError(
                "last_batch='drop' leaves no batch",
                expected=f"at least batch_size = {self.batch_size} examples",
                found=self.epoch_size,
            )
        rest = self.epoch_size % self.batch_size
        if self.last_batch == "keep" and 0 < rest < self.num_ranks:
            raise PlanError(
                "the last batch is too short for all ranks",
                expected=f"at least {self.num_ranks} examples",
                found=rest,
                hint="use last_batch='drop' or 'pad', or another batch_size",
            )

    @property
    def max_batch_size(self) -> int:
        """The most examples that any rank gets in one step."""
        most = self.batch_size
        if self.last_batch == "keep":
            most = min(most, self.epoch_size)
        return -(-most // self.num_ranks)

    def with_rank(self, rank: int, num_ranks: int) -> "Plan":
        """The same global batches as another rank sees them.

        Raises `PlanError` like the constructor.
        """
        return dataclasses.replace(self, rank=rank, num_ranks=num_ranks)

    def indices(self, epoch: int, step: int) -> NDArray[np.int64]:
        """Row numbers of this rank's part of one batch, a fresh int64 array (m,).

        m is this rank's share of the batch. Its cost grows with m, not with
        `num_examples`.

        Raises `PlanError` if `epoch` is not 0 to 2^64 - 1 or `step` not 0 to
        num_steps - 1.
        """
        return self._rows(epoch, *self._share(step, self.rank, self.num_ranks))

    def steps(self, epoch: int, start_step: int = 0) -> Iterator[NDArray[np.int64]]:
        """The `indices` of each step from `start_step` on, at less cost than one by one.

        Views of fresh arrays of some thousand row numbers. `start_step` may be
        num_steps. Raises, before the first, `PlanError` if there is no such epoch
        or step.
        """
        start_step = checked_integer("start_step", start_step, 0, self.num_steps)
        epoch = checked_integer("epoch", epoch, 0, MASK64)
        size = self.batch_size
        # Whole batches that follow each other, in one call of the kernel.
        in_a_row = max(1, _CHUNK_SIZE // size)
        if self._strata is not None or self.num_ranks > 1:
            in_a_row = 1
        for step in range(start_step, self.num_steps, in_a_row):
            last = min(step + in_a_row, self.num_steps)
            if in_a_row == 1:
                yield self.indices(epoch, step)
                continue
            rows = self._rows(epoch, step * size, self._share(last - 1, 0, 1)[1])
            for first in range(0, len(rows), size):
                yield rows[first : first + size]

    def global_batch(self, epoch: int, step: int) -> NDArray[np.int64]:
        """The `indices` of all ranks together, in rank order."""
        return self._rows(epoch, *self._share(step, 0, 1))

    def mask(self, step: int) -> NDArray[np.bool_] | None:
        """Which of this rank's examples of a step are not padding, bool (m,).

        None unless `last_batch` is "pad". A fresh array.

        Raises `PlanError` if there is no such step.
        """
        start, stop = self._share(step, self.rank, self.num_ranks)
        if self.last_batch != "pad":
            return None
        return np.arange(start, stop) < self.epoch_size

    def digest(self, epoch: int) -> str:
        """`indices_digest` of the epoch's global batches: the same on every rank.

        Raises `PlanError` if there is no such epoch.
        """
        return indices_digest(
            self.global_batch(epoch, step) for step in range(self.num_steps)
        )

    def describe(self) -> dict[str, Any]:
        """All that fixes the global batches, as JSON values; ranks do not."""
        order, subset = self.order, self.subset
        return {
            "num_examples": self.num_examples,
            "batch_size": self.batch_size,
            "seed": self.seed,
            "order": order.describe() if isinstance(order, Stratified) else order,
            "last_batch": self.last_batch,
            "subset": None if subset is None else subset.describe(),
        }

    def _share(self, step: int, rank: int, num_ranks: int) -> tuple[int, int]:
        """Positions in the epoch of a rank's part: first, one past the last."""
        if type(step) is not int or not 0 <= step < self.num_steps:
            step = checked_integer("step", step, 0, self.num_steps - 1)
        first = step * self.batch_size
        count = self.batch_size
        if self.last_batch == "keep" and first + count > self.epoch_size:
            count = self.epoch_size - first
        return first + count * rank // num_ranks, first + count * (
            rank + 1
        ) // num_ranks

    def _rows(self, epoch: int, start: int, stop: int) -> NDArray[np.int64]:
        if type(epoch) is not int or not 0 <= epoch <= MASK64:
            epoch = checked_integer("epoch", epoch, 0, MASK64)
        size = self.epoch_size
        if stop > size:
            return self._padded_rows(epoch, start, stop)
        if self._strata is not None:
            return self._strata.indices(
                start, stop, self.batch_size, seed=self.seed, epoch=epoch
            )
        if self.order == "sequential":
            positions = np.arange(start, stop, dtype=np.int64)
        else:
            constants = round_constants(self.seed, epoch)
            positions = permuted_range(start, stop, size, constants)
        if self.subset is None:
            return positions
        return self.subset.rows(positions, self.num_examples)

    def _padded_rows(self, epoch: int, start: int, stop: int) -> NDArray[np.int64]:
        """`_rows` of positions modulo the epoch's size, batch by batch."""
        size = self.epoch_size
        if stop - start >= size:  # so an epoch is one batch
            return self._rows(epoch, 0, size)[np.arange(start, stop) % size]
        parts = []
        while start < stop:
            place = start % size
            end = (place // self.batch_size + 1) * self.batch_size
            count = min(stop - start, end - place, size - place)
            parts.append(self._rows(epoch, place, place + count))
            start += count
        return np.concatenate(parts)


def _is_one_of(value: object, *words: str) -> bool:
    return isinstance(value, str) and value in words


def indices_digest(batches: Iterable[NDArray[Any]]) -> str:
    """SHA-256 (hex) over the row numbers of batches in order, as int64 little-endian.

    What a consumer was given can be hashed this way and compared with
    `Plan.digest`; where one batch ends and the next begins is not hashed.

    Raises `TypeError` if an array's dtype is not int64.
    """
    digest = hashlib.sha256()
    for indices in batches:
        if indices.dtype != np.int64:
            raise TypeError(f"expected int64 row numbers, found {indices.dtype}")
        digest.update(np.ascontiguousarray(indices, "<i8").data)
    return digest.hexdigest()
