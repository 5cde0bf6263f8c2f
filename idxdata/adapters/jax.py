"""Batches as JAX arrays."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from idxdata.adapters._residency import Residency
from idxdata.adapters._walking import Elements, Walk, arrays, each, epoch_order
from idxdata.batches import Batch, Batches
from idxdata.errors import MissingFrameworkError
from idxdata.formats import BatchFormat
from idxdata.gathering import gather_all
from idxdata.split import Split

try:
    import jax
except ModuleNotFoundError as error:
    if error.name != "jax":
        raise
    raise MissingFrameworkError("jax", "jax") from error

Arrays = tuple[jax.Array, ...]

_INT64_TEXT = (
    "JAX would make int32 of int64 labels; take BatchFormat(labels='int32') or "
    "set jax_enable_x64"
)


def tensors(
    batches: Batches, epoch: int, start_step: int = 0, *, device: Any = None
) -> Iterator[Arrays]:
    """One epoch's (images, labels) or, with plans that pad, (images, labels, mask).

    `device`: a `jax.Device` or sharding; None is JAX's default. On the CPU no copies.
    Right under asynchronous dispatch: JAX holds the memory of a batch until the last
    computation on it has ended, and we use it again only after that.
    Moves the batches' position. Raises as `Batches.epoch` does, and `ValueError` if
    labels are int64 and JAX would make them int32 (`jax_enable_x64` is off).
    """
    _check_labels(batches)
    return each(partial(_put, device=device), batches.epoch(epoch, start_step))


def dataset(batches: Batches, epochs: int, *, device: Any = None) -> Elements[Arrays]:
    """An iterable, with a length, of what `tensors` gives: JAX has no kind of its own.

    From the batches' position to the end of epoch `epochs` - 1; to iterate again is to
    start there again. Each batch handed out moves the position. Keras takes it by
    `fit(iter(dataset), steps_per_epoch=batches.num_steps)`, and takes two ahead.
    """
    _check_labels(batches)
    return Elements(Walk.onwards(batches, epochs), partial(_put, device=device))


def _put(batch: Batch, device: Any) -> Arrays:
    # Of aligned NumPy arrays device_put makes CPU arrays without a copy, and holds a
    # reference to the array: to it itself, which is what a BufferRing looks at.
    placed: Arrays = jax.device_put(arrays(batch), device)
    return placed


def _check_labels(batches: Batches) -> None:
    if batches.label_dtype == np.int64 and not _has_int64():
        raise ValueError(_INT64_TEXT)


def _has_int64() -> bool:
    return bool(jax.dtypes.canonicalize_dtype(np.int64) == np.int64)


class Resident:
    """A split as bytes on a device, from which batches are made there."""

    def __init__(self, batches: Batches, device: Any) -> None:
        _check_labels(batches)
        if len(batches.split) > 2**31:
            raise ValueError("a split of more than 2**31 examples, which int32 counts")
        self._batches = batches
        self._device = device
        held = Residency.of(batches)
        self._split = jax.device_put(held.parts(), device)
        self._num_classes = held.num_classes

    def tensors(self, epoch: int, start_step: int = 0) -> Iterator[Arrays]:
        """One epoch, as the adapter's `tensors` gives it; moves no position."""
        order = epoch_order(self._batches, epoch, start_step).astype(np.int32)
        placed = jax.device_put(order, self._device)
        size = self._batches.plan.max_batch_size
        for step in range(start_step, self._batches.num_steps):
            start = (step - start_step) * size
            count = min(size, len(order) - start)
            pair = _gather(
                self._split, placed, np.int32(start), count, self._num_classes
            )
            mask = self._batches.plan.mask(step)
            yield pair if mask is None else (*pair, jax.device_put(mask, self._device))


def resident(batches: Batches, device: Any = None) -> Resident:
    """Copy the split as bytes to `device` once; its `tensors` are made there.

    An epoch's order is computed on the host and copied as one int32 array, so that a
    step costs one compiled call. Raises `PlanError` for augmented batches, else as
    `tensors` does.
    """
    return Resident(batches, device)


def whole(split: Split, format: BatchFormat) -> Arrays:
    """(images, labels) of all examples in file order, on JAX's default device.

    Raises what `Gatherer` does, and `ValueError` for int64 labels as `tensors` does.
    """
    if format.labels == "int64" and not _has_int64():
        raise ValueError(_INT64_TEXT)
    placed: Arrays = jax.device_put(gather_all(split, format))
    return placed


@partial(jax.jit, static_argnames=("count", "num_classes"))
def _gather(
    split: Any,
    order: jax.Array,
    start: jax.Array,
    count: int,
    num_classes: int | None,
) -> Arrays:
    images, labels, table, offsets = split
    rows = jax.lax.dynamic_slice(order, (start,), (count,))
    # The split comes as an argument: closed over, it would be a constant of the program.
    take = partial(_take, rows=rows)
    pixels, numbers = take(images), take(labels)
    if table is not None:
        pixels = pixels.astype(np.int32)
        pixels = _take(table, pixels if offsets is None else pixels + offsets)
    if num_classes is not None:
        numbers = jax.nn.one_hot(numbers, num_classes, dtype=np.float32)
    return pixels, numbers


def _take(array: jax.Array, rows: jax.Array) -> jax.Array:
    taken: jax.Array = array.at[rows].get(mode="promise_in_bounds")
    return taken
