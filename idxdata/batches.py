"""Batches: a split in the order of a plan, gathered and scaled, ready for a framework."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.buffers import BufferRing
from idxdata.dataset import Split
from idxdata.errors import DatasetError, PlanError
from idxdata.plan import Plan


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One step's examples: `images` float32 (m, ...) in [0, 1], `labels` int64 (m,).

    Both 64-byte aligned, C-contiguous, writable, and never overwritten while they
    or views of them are held.
    """

    epoch: int
    step: int
    images: NDArray[np.float32]
    labels: NDArray[np.int64]


class Batches:
    """The batches of `split` in the order of `plan`.

    Images must be uint8; they are delivered as float32, each value divided by 255
    (not multiplied by 1/255, which differs in the last bit). Labels are delivered
    as int64. Batches of any epoch and step can be asked for in any order: nothing
    is remembered from one to the next but memory (see `BufferRing`). Not
    thread-safe. Can be pickled, along with all data of its split.

    An image array that is not C-contiguous is copied once.

    Raises `PlanError` if the plan is for another number of examples,
    `DatasetError` if images are not uint8.
    """

    def __init__(self, split: Split, plan: Plan) -> None:
        if plan.num_examples != len(split):
            raise PlanError(
                "the plan is for another number of examples",
                expected=len(split),
                found=plan.num_examples,
            )
        if split.images.dtype != np.uint8:
            raise DatasetError(
                "images cannot be scaled to [0, 1]",
                expected="uint8",
                found=split.images.dtype.name,
            )
        self.split = split
        self.plan = plan
        self.example_shape: tuple[int, ...] = split.images.shape[1:]
        # Native order, which is what the kernel can read.
        self._label_numbers = split.labels.astype(split.labels.dtype.newbyteorder("="))
        self._rows = np.ascontiguousarray(split.images).reshape(len(split), -1)
        self._images = BufferRing(
            (plan.max_batch_size, *self.example_shape), np.float32
        )
        self._labels = BufferRing((plan.max_batch_size,), np.int64)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Batches, (self.split, self.plan))

    @property
    def num_steps(self) -> int:
        """Steps of an epoch."""
        return self.plan.num_steps

    def batch(self, epoch: int, step: int) -> Batch:
        """The batch of that epoch and step.

        Raises `PlanError` if there is no such epoch or step.
        """
        from idxdata._kernels.gather import gather_scaled

        indices = self.plan.indices(epoch, step)
        images: Any = self._images.take((len(indices), *self.example_shape))
        labels: Any = self._labels.take((len(indices),))
        gather_scaled(
            self._rows,
            self._label_numbers,
            indices,
            images.reshape(len(indices), -1),
            labels,
        )
        return Batch(epoch, step, images, labels)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch, in order."""
        return (self.batch(epoch, step) for step in range(self.num_steps))

    def digest(self, epoch: int) -> str:
        """`batch_digest` of one epoch: equal digests, equal training data."""
        return batch_digest((b.images, b.labels) for b in self.epoch(epoch))


def batch_digest(pairs: Iterable[tuple[NDArray[Any], NDArray[Any]]]) -> str:
    """SHA-256 (hex) over (images, labels) pairs in order, bit for bit.

    Of each batch: its number of examples as 8 bytes, images as float32, labels as
    int64, all little-endian in C order. Whatever a framework was given can be
    hashed this way (`tensor.numpy()`) and compared with `Batches.digest`.

    Raises `TypeError` if an array is of another dtype, since converting it would
    hide a difference.
    """
    digest = hashlib.sha256()
    for images, labels in pairs:
        if images.dtype != np.float32 or labels.dtype != np.int64:
            raise TypeError(
                f"expected float32 images and int64 labels, "
                f"found {images.dtype} and {labels.dtype}"
            )
        digest.update(len(labels).to_bytes(8, "little"))
        digest.update(np.ascontiguousarray(images, "<f4").data)
        digest.update(np.ascontiguousarray(labels, "<i8").data)
    return digest.hexdigest()
