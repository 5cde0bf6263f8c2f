"""Batches: a split in the order of a plan, gathered and converted for a framework."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.augmentation import Augmentation
from idxdata.buffers import Allocate, BufferRing, aligned_empty
from idxdata.checkpoint import Validity, make_state, read_state
from idxdata.digests import batch_digest
from idxdata.errors import PlanError
from idxdata.formats import BatchFormat
from idxdata.gathering import Gatherer
from idxdata.order.permutation import MASK64, checked_integer
from idxdata.plan import Plan
from idxdata.service_time import EpochTime, Meter
from idxdata.split import Split

_Steps = Iterable[tuple[int, NDArray[np.int64]]]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One step's examples, m of them.

    `images` (m, ...) and `labels` (m,) or (m, num_classes): shapes and dtypes are the
    batches' `format`'s. `indices` int64 (m,): the examples' row numbers in the split.
    `mask` bool (m,), only of plans that pad: False where an example is a repetition
    that fills up the last batch; else None.

    Images and labels are 64-byte aligned, C-contiguous, writable, and never
    overwritten while they or views of them are held.
    """

    epoch: int
    step: int
    images: NDArray[Any]
    labels: NDArray[Any]
    indices: NDArray[np.int64]
    mask: NDArray[np.bool_] | None = None


class Batches:
    """The batches of `split` in the order of `plan`, as `format` says.

    Images must be uint8. Batches of any epoch and step can be asked for in any order.

    Memory goes round: a batch's arrays stay valid as long as they, or any view or
    tensor over them, are held, and their memory is used again after that (see
    `BufferRing`). What keeps only an address, such as a pointer passed to C, is not
    seen: with `fresh` every batch has memory of its own.

    With `augmentation` images are changed by chance, the same for the same seed, epoch
    and example. With `prefetch` a thread makes the next batch of an epoch while the
    last one is used; that pays where making it takes long, as augmentation does. A pass
    under way cannot go on in a forked process.

    Can be pickled: as paths if the split is mapped, else with its data. Position
    and times are not. `batch` may be called by several threads.

    Raises `PlanError` if the plan is for another number of examples, and the errors of
    `Gatherer` if split and format do not fit, `TypeError` for arguments of other types.
    """

    def __init__(
        self,
        split: Split,
        plan: Plan,
        *,
        format: BatchFormat | None = None,
        augmentation: Augmentation | None = None,
        prefetch: bool = False,
        fresh: bool = False,
    ) -> None:
        _check_types(split, plan, format, augmentation)
        if plan.num_examples != len(split):
            raise PlanError(
                "the plan is for another number of examples",
                expected=len(split),
                found=plan.num_examples,
            )
        self.split = split
        self.plan = plan
        self.format = format or BatchFormat()
        self.augmentation = augmentation
        self.prefetch = prefetch
        self.fresh = fresh
        gatherer = Gatherer(split, self.format, augmentation)
        self._gatherer = gatherer
        most = plan.max_batch_size
        self._images = BufferRing((most, *gatherer.image_shape), gatherer.image_dtype)
        self._labels = BufferRing((most, *gatherer.label_shape), gatherer.label_dtype)
        self._next = 0, 0
        self._meter = Meter(0)

    def __reduce__(self) -> tuple[Any, ...]:
        options = {
            "format": self.format,
            "augmentation": self.augmentation,
            "prefetch": self.prefetch,
            "fresh": self.fresh,
        }
        return _unpickled, (self.split, self.plan, options)

    @property
    def num_steps(self) -> int:
        """Steps of an epoch."""
        return self.plan.num_steps

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Of one example, as delivered."""
        return self._gatherer.image_shape

    @property
    def image_dtype(self) -> np.dtype[Any]:
        """As delivered."""
        return self._gatherer.image_dtype

    @property
    def label_shape(self) -> tuple[int, ...]:
        """Of one example's label, as delivered: () or (num_classes,)."""
        return self._gatherer.label_shape

    @property
    def label_dtype(self) -> np.dtype[Any]:
        """As delivered."""
        return self._gatherer.label_dtype

    def batch(self, epoch: int, step: int) -> Batch:
        """The batch of that epoch and step.

        Raises `PlanError` if there is no such epoch or step.
        """
        return self._make(epoch, step, self.plan.indices(epoch, step))

    def epoch(self, epoch: int, start_step: int = 0) -> Iterator[Batch]:
        """The batches of one epoch in order, from `start_step` on.

        Moves the position that `state` tells. Raises, when the first batch is asked
        for, `PlanError` if there is no such epoch or step; `start_step` may be
        `num_steps`, with which no batch is left.
        """
        epoch = checked_integer("epoch", epoch, 0, MASK64)
        meter = self._meter = Meter(epoch)
        steps = enumerate(self.plan.steps(epoch, start_step), start_step)
        batches = (
            self._ahead(epoch, steps) if self.prefetch else self._each(epoch, steps)
        )
        for batch in meter.each(batches):
            self._next = epoch, batch.step + 1
            yield batch
            del batch

    def stream(self, epochs: int) -> Iterator[Batch]:
        """All batches from the position on, to the end of epoch `epochs` - 1.

        The position is the start, or what `restore` has set, or where the last
        iteration has come to: iterating again goes on from there. Raises, when the
        first batch is asked for, `PlanError` if `epochs` is no integer from 0 to 2^64.
        """
        epochs = checked_integer("epochs", epochs, 0, MASK64 + 1)
        epoch, step = self.position
        while epoch < epochs:
            yield from self.epoch(epoch, step)
            epoch, step = epoch + 1, 0

    @property
    def position(self) -> tuple[int, int]:
        """Epoch and step of the batch that comes next."""
        epoch, step = self._next
        return (epoch, step) if step < self.num_steps else (epoch + 1, 0)

    def state(self) -> dict[str, int | str]:
        """Where the last iteration has come to, as JSON-able integers and digests.

        "seed", "epoch" and "step" of the batch that comes next; "data" and "order",
        SHA-256 of the data, and of the plan and augmentation. Ranks are not in it: a
        state is every rank's, and may be restored at another `num_ranks`. A batch
        counts as soon as it is handed out. The first call hashes the data, unless the
        cache knows its digest; what is changed after that is not noticed.
        """
        return make_state(self.position, self._valid_for)

    def restore(self, state: Mapping[str, object]) -> None:
        """Stand where `state` was taken; `stream` then gives exactly what remained.

        Raises `DatasetError` if it was taken on other data, `PlanError` if with another
        plan or augmentation, or if it is no such state; then nothing has changed.
        Not while a pass is under way: its next batch would move the position again.
        """
        self._next = read_state(state, self._valid_for, self.num_steps)

    @cached_property
    def _valid_for(self) -> Validity:
        return Validity.of(self.split, self.plan, self.augmentation)

    @property
    def time(self) -> EpochTime:
        """Of the last `epoch` or `stream` pass, as far as it has come."""
        return self._meter.read()

    def digest(self, epoch: int) -> str:
        """`batch_digest` of one epoch: equal digests, equal training data."""
        steps = range(self.num_steps)
        batches = (self.batch(epoch, step) for step in steps)
        return batch_digest((batch.images, batch.labels) for batch in batches)

    def allocate_by(self, allocate: Allocate) -> None:
        """Take memory for coming batches from `allocate`; see `BufferRing`."""
        self._images.allocate_by(allocate)
        self._labels.allocate_by(allocate)

    def _make(self, epoch: int, step: int, indices: NDArray[np.int64]) -> Batch:
        gatherer, count = self._gatherer, len(indices)
        if self.fresh:
            images = aligned_empty((count, *self.image_shape), self.image_dtype)
            labels = aligned_empty((count, *self.label_shape), self.label_dtype)
        else:
            images, labels = self._images.take(count), self._labels.take(count)
        gatherer.fill_unchecked(indices, images, labels, self.plan.seed, epoch)
        return Batch(epoch, step, images, labels, indices, self.plan.mask(step))

    def _each(self, epoch: int, steps: _Steps) -> Iterator[Batch]:
        return (self._make(epoch, step, indices) for step, indices in steps)

    def _ahead(self, epoch: int, steps: _Steps) -> Iterator[Batch]:
        """The same, each made by a thread while the one before it is used."""
        with ThreadPoolExecutor(1, "idxdata-prefetch") as thread:
            coming: Future[Batch] | None = None
            for step, indices in steps:
                ready = coming
                coming = thread.submit(self._make, epoch, step, indices)
                if ready is not None:
                    yield ready.result()
                    # A future holds its result.
                    del ready
            if coming is not None:
                yield coming.result()


def _check_types(*arguments: object) -> None:
    kinds = (Split, Plan, BatchFormat | None, Augmentation | None)
    for argument, kind in zip(arguments, kinds, strict=True):
        if not isinstance(argument, kind):
            name = getattr(kind, "__name__", str(kind))
            raise TypeError(f"expected a {name}, not a {type(argument).__name__}")


def _unpickled(split: Split, plan: Plan, options: dict[str, Any]) -> Batches:
    return Batches(split, plan, **options)
