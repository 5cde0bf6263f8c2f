"""What a device needs to make the same batches itself from bytes that it holds.

Bytes become numbers by a table and not by arithmetic: a division on a device may be
turned into a multiplication by the reciprocal, with another last bit for 126 of the 256
values, or be inexact there.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.batches import Batches
from idxdata.errors import PlanError
from idxdata.formats import BatchFormat
from idxdata.gathering import Gatherer
from idxdata.split import Split


@dataclass(frozen=True, slots=True, eq=False)
class Residency:
    """One split, to be copied to a device once.

    `images` uint8 (n, *image_shape), laid out as delivered; a view where the layout
    moves nothing, of shards a copy in memory. `labels` int64 or int32 (n,). A delivered
    image is `table[offsets + images[i]]`, or `images[i]` where `table` is None; a
    delivered label is row `labels[i]` of the float32 identity matrix of `num_classes`,
    or `labels[i]` where `num_classes` is None.

    `table` float32 (256,), or (channels * 256,) if channels differ; then `offsets` is
    int32 `image_shape`, 256 * channel, else None.
    """

    images: NDArray[np.uint8]
    labels: NDArray[Any]
    table: NDArray[np.float32] | None
    offsets: NDArray[np.int32] | None
    num_classes: int | None

    @classmethod
    def of(cls, batches: Batches) -> "Residency":
        """Raises `PlanError` if the batches are augmented: kernels for that are ours."""
        if batches.augmentation is not None and not batches.augmentation.is_identity:
            raise PlanError(
                "augmented batches cannot be made on a device",
                expected="no augmentation",
                hint="take tensors or dataset, which augment on the host",
            )
        form, split = batches.format, batches.split
        table, offsets = _table(batches)
        one_hot = form.labels == "one_hot"
        return cls(
            images=_laid_out(
                np.asarray(split.images), batches.image_shape, form.layout
            ),
            labels=split.labels.astype(np.int64 if one_hot else form.labels),
            table=table,
            offsets=offsets,
            num_classes=form.num_classes if one_hot else None,
        )

    def parts(self) -> tuple[NDArray[Any] | None, ...]:
        """Images, labels, table, offsets: what goes to the device."""
        return self.images, self.labels, self.table, self.offsets


def _table(
    batches: Batches,
) -> tuple[NDArray[np.float32] | None, NDArray[np.int32] | None]:
    """What each byte becomes, asked of the kernel that makes batches."""
    form, stored = batches.format, batches.split.images.shape[1:]
    if form.pixels == "uint8":
        return None, None
    channels = stored[2] if len(stored) == 3 else 1
    table = conversion_table(form, channels)
    if (table == table[0]).all():
        return table[0], None
    last = np.broadcast_to(np.arange(channels, dtype=np.int32) * 256, (1, *stored))
    return table.ravel(), _laid_out(last, batches.image_shape, form.layout)[0]


def conversion_table(form: BatchFormat, channels: int) -> NDArray[np.float32]:
    """float32 (channels, 256): the number that a byte becomes in each channel."""
    values = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1)
    ramps = Split(np.tile(values, (1, 1, 1, channels)), np.zeros(256, np.uint8))
    flat = replace(form, layout="flat", labels="int64", num_classes=None)
    out = np.empty((256, channels), np.float32)
    rows, labels = np.arange(256), np.empty(256, np.int64)
    Gatherer(ramps, flat).fill(rows, out, labels, seed=0, epoch=0)
    return np.ascontiguousarray(out.T)


def _laid_out(
    images: NDArray[Any], image_shape: tuple[int, ...], layout: str
) -> NDArray[Any]:
    """(n, ...) as stored to (n, *image_shape), C-contiguous."""
    if layout == "nchw" and images.ndim == 4:
        images = images.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(images).reshape(len(images), *image_shape)
