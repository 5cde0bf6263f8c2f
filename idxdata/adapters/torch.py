"""Batches as PyTorch tensors."""

import operator
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.adapters._residency import Residency
from idxdata.adapters._walking import Walk, arrays, each, epoch_order
from idxdata.batches import Batch, Batches
from idxdata.buffers import BufferRing, aligned_empty
from idxdata.errors import MissingFrameworkError
from idxdata.formats import BatchFormat
from idxdata.gathering import Gatherer, gather_all
from idxdata.split import Split

try:
    import torch
    from torch.utils.data import (
        Dataset,
        IterableDataset,
        default_collate,
        get_worker_info,
    )
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise MissingFrameworkError("torch", "torch") from error

Tensors = tuple[torch.Tensor, ...]
Device = torch.device | str | int | None

MAX_COPIES = 4
"""Batches whose copies to a device may be under way at a time."""


def tensors(
    batches: Batches, epoch: int, start_step: int = 0, *, device: Device = None
) -> Iterator[Tensors]:
    """One epoch's (images, labels) or, with plans that pad, (images, labels, mask).

    CPU tensors over our memory, no copies. With a CUDA `device` batches are made in
    pinned memory and copied without waiting, on the current stream; their memory is
    used again once the copy has ended. To other devices they are copied one after the
    other. Moves the batches' position. Raises as `Batches.epoch` does, and at once
    PyTorch's own error if it has no such device.
    """
    pairs = each(_tensors, batches.epoch(epoch, start_step))
    if device is None or torch.device(device).type == "cpu":
        return pairs
    check_device(torch.device(device))
    if torch.device(device).type != "cuda":
        return (tuple(tensor.to(device) for tensor in pair) for pair in pairs)
    return _copied(batches, epoch, start_step, torch.device(device))


def dataset(batches: Batches, epochs: int) -> "BatchStream":
    """An `IterableDataset` of what `tensors` gives, for `DataLoader(batch_size=None)`.

    From the batches' position to the end of epoch `epochs` - 1; to iterate again is to
    start there again. With workers each makes its part and the loader puts them in
    order. Without, each batch handed out moves the batches' position; a worker has
    batches of its own, so with workers the position stays.

    A `DataLoader` makes lists of tuples; give it `collate_fn=tuple` to keep them.
    Keras takes it by `fit(iter(dataset), steps_per_epoch=batches.num_steps)`.
    """
    return BatchStream(Walk.onwards(batches, epochs))


class BatchStream(IterableDataset[Tensors]):
    """See `dataset`. Its length is in batches."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk

    def __len__(self) -> int:
        return len(self._walk)

    def __iter__(self) -> Iterator[Tensors]:
        worker = get_worker_info()
        if worker is None:
            return each(_tensors, self._walk)
        return each(_tensors, self._walk.part(worker.id, worker.num_workers))


def _tensors(batch: Batch) -> Tensors:
    if batch.mask is None:
        return torch.from_numpy(batch.images), torch.from_numpy(batch.labels)
    return tuple(map(torch.from_numpy, arrays(batch)))


def check_device(device: torch.device) -> None:
    """Raises what PyTorch raises where it has no such device."""
    torch.empty(0, device=device)


def pinned_bytes(nbytes: int) -> Any:
    """Page-locked memory, which a GPU can copy from while the host goes on."""
    return torch.empty(nbytes, dtype=torch.uint8, pin_memory=True).numpy()


def copy_to(tensors: Tensors, device: torch.device) -> tuple[Tensors, Any]:
    """Copies under way on the current stream, and the event that ends them."""
    copies = tuple(tensor.to(device, non_blocking=True) for tensor in tensors)
    with torch.cuda.device(device):
        event: Any = torch.Event("cuda")
        event.record()
    return copies, event


def _copied(
    batches: Batches, epoch: int, start_step: int, device: torch.device
) -> Iterator[Tensors]:
    under_way: deque[tuple[Any, Batch]] = deque()
    batches.allocate_by(pinned_bytes)
    try:
        for batch in batches.epoch(epoch, start_step):
            copies, event = copy_to(_tensors(batch), device)
            under_way.append((event, batch))
            del batch
            while under_way and (
                under_way[0][0].query() or len(under_way) > MAX_COPIES
            ):
                under_way[0][0].synchronize()
                under_way.popleft()
            yield copies
    finally:
        for event, _ in under_way:
            event.synchronize()
        # Else later batches were pinned too, also in workers, where CUDA cannot be.
        batches.allocate_by(bytearray)


class Resident:
    """A split as bytes on a device, from which batches are made there."""

    def __init__(self, batches: Batches, device: Device) -> None:
        self._batches = batches
        self._device = torch.device("cpu" if device is None else device)
        held = Residency.of(batches)
        self._parts: list[Any] = [
            None if part is None else self._place(part) for part in held.parts()
        ]
        self._num_classes = held.num_classes

    def _place(self, array: Any) -> torch.Tensor:
        # A copy also on the CPU: mapped files may be read-only, which torch warns of.
        return torch.tensor(array, device=self._device)

    def tensors(self, epoch: int, start_step: int = 0) -> Iterator[Tensors]:
        """One epoch, as the adapter's `tensors` gives it; moves no position."""
        plan = self._batches.plan
        order = self._place(epoch_order(self._batches, epoch, start_step))
        rows = torch.split(order, plan.max_batch_size)
        steps = range(start_step, plan.num_steps)
        masks = [mask for step in steps if (mask := plan.mask(step)) is not None]
        placed = self._place(np.array(masks))
        for number in range(len(steps)):
            pair = self._gather(rows[number])
            yield (*pair, placed[number]) if masks else pair

    def _gather(self, rows: torch.Tensor) -> Tensors:
        images, labels, table, offsets = self._parts
        # Selecting flat rows is many times as fast as selecting images by `[]`.
        pixels = images.flatten(1).index_select(0, rows).unflatten(1, images.shape[1:])
        numbers = labels.index_select(0, rows)
        if table is not None:
            pixels = pixels.int() if offsets is None else pixels.int() + offsets
            pixels = table[pixels]
        if self._num_classes is not None:
            rows_of_zeros = pixels.new_zeros(
                (len(rows), self._num_classes), dtype=torch.float32
            )
            numbers = rows_of_zeros.scatter_(1, numbers[:, None], 1.0)
        return pixels, numbers


def resident(batches: Batches, device: Device = None) -> Resident:
    """Copy the split as bytes to `device` once; its `tensors` are made there.

    An epoch's order is computed on the host and copied as one array, so that no step
    waits for a copy. Raises `PlanError` for augmented batches.
    """
    return Resident(batches, device)


def whole(split: Split, format: BatchFormat) -> Tensors:
    """(images, labels) of all examples in file order, as CPU tensors of their own.

    Raises what `Gatherer` does.
    """
    images, labels = gather_all(split, format)
    return torch.from_numpy(images), torch.from_numpy(labels)


def examples(split: Split, format: BatchFormat | None = None) -> "Examples":
    """A map-style dataset of (image, label), for samplers and workers of your own.

    `DataLoader(examples(split), batch_size=128, shuffle=True, collate_fn=collate)`
    gathers a whole batch at once, without a copy; without `collate_fn` the loader
    stacks single examples, with the same result. Can be pickled: as paths if the split
    is mapped, else with its data. Raises the errors of `Gatherer`.
    """
    return Examples(split, format or BatchFormat())


class Examples(Dataset[Tensors]):
    """See `examples`."""

    def __init__(self, split: Split, format: BatchFormat) -> None:
        self._split = split
        self._format = format
        self._gatherer = Gatherer(split, format)
        self._most = 0
        self._make_rings(1)

    def __reduce__(self) -> tuple[Any, ...]:
        return Examples, (self._split, self._format)

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, index: int) -> Tensors:
        """As of a list: from the end if negative; `IndexError` out of range."""
        if isinstance(index, slice):
            raise TypeError("examples come by one number each; take Subset for slices")
        pair: Tensors = self.__getitems__([index])[0]
        return pair

    def __getitems__(self, indices: Sequence[int]) -> "Gathered":
        """What a `DataLoader` asks for: the examples of a batch in one call."""
        # By the protocol of indices, since NumPy would make 1 of 1.7.
        rows = np.array(list(map(operator.index, indices)), np.int64)
        rows[rows < 0] += len(self)
        gatherer = self._gatherer
        images, labels = self._empty(len(rows))
        gatherer.fill(rows, images, labels, seed=0, epoch=0)
        return Gathered(torch.from_numpy(images), torch.from_numpy(labels))

    def _empty(self, size: int) -> tuple[NDArray[Any], NDArray[Any]]:
        self._make_rings(size)
        # Who keeps single examples would keep a large batch's memory for each.
        if size < self._most // 2:
            made = self._gatherer
            return (
                aligned_empty((size, *made.image_shape), made.image_dtype),
                aligned_empty((size, *made.label_shape), made.label_dtype),
            )
        return self._images.take(size), self._labels.take(size)

    def _make_rings(self, size: int) -> None:
        if size > self._most:
            made = self._gatherer
            self._images = BufferRing((size, *made.image_shape), made.image_dtype)
            self._labels = BufferRing((size, *made.label_shape), made.label_dtype)
            self._most = size


class Gathered(Sequence[Tensors]):
    """Examples of one batch: a list of (image, label) to all but `collate`."""

    def __init__(self, *columns: torch.Tensor) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns[0])

    def __getitem__(self, index: Any) -> Any:
        return tuple(column[index] for column in self.columns)

    def __iter__(self) -> Iterator[Tensors]:
        return zip(*(column.unbind() for column in self.columns), strict=True)


def collate(batch: Sequence[Any]) -> Any:
    """The `collate_fn` that goes with `examples`: images and labels as gathered.

    What a loader has put together itself, such as a batch of a `ConcatDataset`, is
    stacked as PyTorch does it, also to a tuple; a single example, which is what comes
    with `batch_size=None`, stays one.
    """
    if isinstance(batch, Gathered):
        return batch.columns
    if not isinstance(batch, list):
        return batch
    columns = default_collate(batch)
    return tuple(columns) if isinstance(columns, list) else columns
