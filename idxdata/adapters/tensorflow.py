"""Batches as TensorFlow tensors and as a tf.data pipeline."""

import ctypes
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.adapters._residency import Residency
from idxdata.adapters._walking import Walk, arrays, epoch_order
from idxdata.batches import Batches
from idxdata.buffers import aligned_empty, is_aligned
from idxdata.errors import MissingFrameworkError
from idxdata.formats import BatchFormat
from idxdata.gathering import gather_all
from idxdata.sharding import ShardedArray
from idxdata.split import Split

try:
    import tensorflow as tf
except ModuleNotFoundError as error:
    if error.name != "tensorflow":
        raise
    raise MissingFrameworkError("tensorflow", "tensorflow") from error

_from_dlpack = tf.experimental.dlpack.from_dlpack

Tensors = tuple[Any, ...]

MAX_KNOWN = 8
"""Blocks that an epoch remembers as aligned; a loop goes round two or three."""


def tensors(batches: Batches, epoch: int, start_step: int = 0) -> Iterator[Tensors]:
    """One epoch's (images, labels) or, with plans that pad, (images, labels, mask).

    Eager CPU tensors over our memory, no copies: through dlpack, without tf.data. For
    loops of your own. Moves the batches' position. Raises as `Batches.epoch` does.
    """
    images, labels = _Importer(), _Importer()
    for batch in batches.epoch(epoch, start_step):
        pair = images.tensor(batch.images), labels.tensor(batch.labels)
        yield pair if batch.mask is None else (*pair, tf.constant(batch.mask))


def dataset(batches: Batches, epochs: int) -> Any:
    """A `tf.data.Dataset` of what `tensors` gives, in our order, whatever its options.

    From the batches' position to the end of epoch `epochs` - 1; to iterate again is to
    start there again. Its cardinality is known; for `fit` over several epochs pass
    `steps_per_epoch=batches.num_steps`. Works inside a `tf.function`, and with
    `experimental_distribute_dataset`, whose replicas each get a part of every batch.

    Iterators can be saved by `tf.train.Checkpoint(iterator=...)`, in some kilobytes, and
    go on exactly there. TensorFlow takes elements ahead of their use, so iterating
    moves no position of `batches`.

    An epoch's order comes from Python as one array; batches are gathered and
    converted by TensorFlow from the split's own memory where it is 64-byte aligned and
    writable, else from a copy. Augmented or standardised images, and (h, w, c) to
    "nchw", are made by our kernels, and all of many files. So the pipeline runs only in
    this process and cannot be saved in a graph.
    """
    walk = Walk.onwards(batches, epochs)
    made = _indexed(walk) if _is_plain(batches) else _called(walk)
    sized = made.apply(tf.data.experimental.assert_cardinality(len(walk)))
    return sized.with_options(_options())


def _options() -> Any:
    """Serial, since threads cost more than a batch does; never sharded by files."""
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = False
    options.threading.max_intra_op_parallelism = 1
    options.experimental_optimization.apply_default_optimizations = False
    options.experimental_optimization.inject_prefetch = False
    policy = tf.data.experimental.AutoShardPolicy.OFF
    options.experimental_distribute.auto_shard_policy = policy
    return options


def _is_plain(batches: Batches) -> bool:
    """Whether TensorFlow's own operations give our bits, and at least as fast."""
    form, stored = batches.format, batches.split.images.shape[1:]
    augmented = batches.augmentation and not batches.augmentation.is_identity
    moved = form.layout == "nchw" and len(stored) == 3 and stored[2] > 1
    # Of many files TensorFlow's operations would need all in memory.
    if isinstance(batches.split.images, ShardedArray):
        return False
    return not augmented and not moved and form.pixels != "standard"


def _indexed(walk: Walk) -> Any:
    """Rows of row numbers, an epoch at a time; then operations on the split."""
    batches, (held, walk_of) = walk.batches, _held_by_tensor(walk)
    last = batches.num_steps - 1
    size, rest = (len(batches.plan.indices(0, step)) for step in (0, last))
    padded = batches.plan.mask(last) is not None

    def order(_: Any, epoch: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
        walk = walk_of()
        start = walk.start_step(int(epoch))
        rows = epoch_order(walk.batches, int(epoch), start)
        whole = len(rows) // size * size
        plan, steps = walk.batches.plan, range(start, last + 1)
        masks = [plan.mask(step) for step in steps] if padded else []
        return (
            rows[:whole].reshape(-1, size),
            rows[whole:].reshape(-1, rest),
            np.array(masks, np.bool_).reshape(-1, size),
        )

    def rows_of(epoch: Any) -> Any:
        kinds = [tf.int64, tf.int64, tf.bool]
        # Stateless, as it is: what has state cannot be saved in a checkpoint.
        whole, short, masks = tf.numpy_function(
            order, [held, epoch], kinds, stateful=False
        )
        for tensor, width in ((whole, size), (short, rest), (masks, size)):
            tensor.set_shape((None, width))
        slices = tf.data.Dataset.from_tensor_slices
        if padded:
            return slices((whole, masks))
        rows = slices((whole,))
        return rows if rest == size else rows.concatenate(slices((short,)))

    epochs = tf.data.Dataset.range(walk.epoch, walk.epochs)
    return epochs.flat_map(rows_of).map(_gatherer(batches))


def _gatherer(batches: Batches) -> Any:
    """Row numbers (and mask) to a batch, as operations of TensorFlow."""
    with tf.device("CPU:0"):
        parts = Residency.of(batches)
        images, labels = _tensor(parts.images), tf.constant(parts.labels)
        # Taken from outside of the function, it is no constant there: by the
        # reciprocals of constants compilers multiply where they were told to divide.
        scale = tf.constant(255, tf.float32)
    form = batches.format

    def gather(rows: Any, *mask: Any) -> Tensors:
        pixels, numbers = tf.gather(images, rows), tf.gather(labels, rows)
        if form.pixels == "unit":
            pixels = tf.cast(pixels, tf.float32) / scale
        if form.labels == "one_hot":
            numbers = tf.one_hot(numbers, form.num_classes)
        return pixels, numbers, *mask

    return gather


def _called(walk: Walk) -> Any:
    """Batches by a call of Python each."""
    batches, (held, walk_of) = walk.batches, _held_by_tensor(walk)
    kinds = [batches.image_dtype, batches.label_dtype]
    shapes = [(None, *batches.image_shape), (None, *batches.label_shape)]
    if batches.plan.mask(0) is not None:
        kinds.append(np.dtype(np.bool_))
        shapes.append((None,))

    def make(number: Any) -> Tensors:
        made = tf.numpy_function(
            lambda _, at: arrays(walk_of().at(int(at))),
            [held, number],
            kinds,
            stateful=False,
        )
        for tensor, shape in zip(made, shapes, strict=True):
            tensor.set_shape(shape)
        return tuple(made)

    return tf.data.Dataset.range(len(walk)).map(make)


class _Held(np.ndarray[Any, np.dtype[np.uint8]]):
    """Memory that a walk lives as long as."""

    walk: Walk


def _held_by_tensor(walk: Walk) -> tuple[Any, Callable[[], Walk]]:
    """A tensor that keeps `walk`, and a function of a weak reference that gives it.

    TensorFlow keeps the functions that numpy_function calls to the end of the process,
    and with them all that they refer to. Tensors it frees: one that a function takes
    lives as long as any dataset, iterator or graph by which it can be called.
    """
    # More than the 128 elements that TensorFlow would copy into a graph as constants.
    held = aligned_empty((256,), np.uint8).view(_Held)
    held.walk = walk
    reference = weakref.ref(held)

    def get() -> Walk:
        alive = reference()
        if alive is None:
            raise RuntimeError("called from a copy of a dataset that is gone")
        return alive.walk

    return _from_dlpack(held.__dlpack__()), get


class Resident:
    """A split as bytes on a device, from which batches are made there."""

    def __init__(self, batches: Batches, device: str) -> None:
        self._batches = batches
        self._device = device
        _check_device(device)
        held = Residency.of(batches)
        with tf.device(device):
            self._parts = [
                None if part is None else tf.constant(part) for part in held.parts()
            ]
        self._num_classes = held.num_classes

    def tensors(self, epoch: int, start_step: int = 0) -> Iterator[Tensors]:
        """One epoch, as the adapter's `tensors` gives it; moves no position."""
        plan = self._batches.plan
        for step, rows in enumerate(plan.steps(epoch, start_step), start_step):
            with tf.device(self._device):
                pair = self._gather(tf.constant(rows))
                mask = plan.mask(step)
                batch = pair if mask is None else (*pair, tf.constant(mask))
            yield batch

    def _gather(self, rows: Any) -> Tensors:
        images, labels, table, offsets = self._parts
        pixels, numbers = tf.gather(images, rows), tf.gather(labels, rows)
        if table is not None:
            pixels = tf.cast(pixels, tf.int32)
            pixels = tf.gather(table, pixels if offsets is None else pixels + offsets)
        if self._num_classes is not None:
            numbers = tf.one_hot(numbers, self._num_classes)
        return pixels, numbers


def _check_device(device: str) -> None:
    """TensorFlow would take another one, without a word."""
    asked = tf.DeviceSpec.from_string(device)
    found = [found.name for found in tf.config.list_logical_devices()]
    if not any(
        asked.device_type in (None, spec.device_type)
        and asked.device_index in (None, spec.device_index)
        for spec in map(tf.DeviceSpec.from_string, found)
    ):
        raise ValueError(f"TensorFlow has no {device!r} here, only {', '.join(found)}")


def resident(batches: Batches, device: str = "CPU:0") -> Resident:
    """Copy the split as bytes to `device` once; its `tensors` are made there.

    `device`: as for `tf.device`, such as "GPU:0". Raises `PlanError` for augmented
    batches, `ValueError` if there is no such device.
    """
    return Resident(batches, device)


def whole(split: Split, format: BatchFormat) -> Tensors:
    """(images, labels) of all examples in file order, as eager CPU tensors.

    Raises what `Gatherer` does.
    """
    images, labels = gather_all(split, format)
    return _tensor(images), _tensor(labels)


class _Importer:
    """`_tensor` for the arrays of a ring: looks up a block's address once only.

    That takes as long as all else that is done to import an array.
    """

    def __init__(self) -> None:
        self._aligned: dict[int, Any] = {}

    def tensor(self, array: NDArray[Any]) -> Any:
        base: Any = array.base
        known = self._aligned.get(id(base))
        if known is not None and ctypes.sizeof(known) == array.nbytes:
            return _from_dlpack(array.__dlpack__())
        # An array as large as its block begins where that begins. The dictionary
        # holds the block, so that no other object gets its id.
        is_whole = (
            isinstance(base, ctypes.Array) and ctypes.sizeof(base) == array.nbytes
        )
        if is_whole and is_aligned(array) and len(self._aligned) < MAX_KNOWN:
            self._aligned[id(base)] = base
        return _tensor(array)


def _tensor(array: NDArray[Any]) -> Any:
    """Over the same memory where TensorFlow can do with it, else a copy.

    It aborts the process at the first operation on memory from dlpack that is not
    64-byte aligned; dlpack refuses what is read-only.
    """
    if not is_aligned(array) or not array.flags.writeable:
        return tf.constant(array)
    return _from_dlpack(array.__dlpack__())
