"""Gatherer: the examples of a split by row number, in a batch's format."""

import math
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.augmentation import Augmentation, gaussian_weights
from idxdata.buffers import aligned_empty
from idxdata.errors import DatasetError
from idxdata.formats import BatchFormat
from idxdata.sharding import Images, ShardedArray
from idxdata.split import Split


def gather_all(split: Split, format: BatchFormat) -> tuple[NDArray[Any], NDArray[Any]]:
    """(images, labels) of all examples in file order, fresh and 64-byte aligned.

    Raises what `Gatherer` does.
    """
    gatherer = Gatherer(split, format)
    count = len(split)
    images = aligned_empty((count, *gatherer.image_shape), gatherer.image_dtype)
    labels = aligned_empty((count, *gatherer.label_shape), gatherer.label_dtype)
    rows = np.arange(count, dtype=np.int64)
    gatherer.fill(rows, images, labels, seed=0, epoch=0)
    return images, labels


class Gatherer:
    """Fills arrays with examples of `split` in `format`, augmented if asked for.

    `image_shape` and `image_dtype` are of one delivered image; `label_shape` is ()
    or (num_classes,), and `label_dtype` its dtype.

    Images must be uint8; they are not copied if they are C-contiguous, or a
    `ShardedArray`. Labels are not copied if they are in native byte order. Thread-safe.

    Raises `DatasetError` if images are not uint8 or not of a shape that the format
    takes, mean and std are not as many as channels, or a label does not fit the
    format's labels.
    """

    def __init__(
        self,
        split: Split,
        format: BatchFormat,
        augmentation: Augmentation | None = None,
    ) -> None:
        if split.images.dtype != np.uint8:
            raise DatasetError(
                "images cannot be converted",
                expected="uint8",
                found=split.images.dtype.name,
            )
        self._split = split
        self.format = format
        self.augmentation = augmentation
        stored = split.images.shape[1:]
        self.image_shape = _image_shape(stored, format.layout)
        self.image_dtype = np.dtype(
            np.uint8 if format.pixels == "uint8" else np.float32
        )
        one_hot = format.labels == "one_hot"
        self.label_shape = (format.num_classes or 0,) if one_hot else ()
        self.label_dtype = np.dtype(np.float32 if one_hot else format.labels)
        channels = max(1, stored[2]) if len(stored) == 3 else 1
        # (h, w, c) to (c, h, w) moves bytes unless one of the two is 1.
        self._planes = channels if format.layout == "nchw" else 1
        self._row_nbytes = math.prod(stored)
        self._rows = _flat_rows(split.images)
        self._labels = _read_only(_checked_labels(split.labels, format))
        self._tables = self._standard_tables(channels)
        self._settings: Any = None
        if augmentation is not None and not augmentation.is_identity:
            self._settings = self._augmentation_settings(augmentation, stored)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Gatherer, (self._split, self.format, self.augmentation))

    def _augmentation_settings(
        self, augmentation: Augmentation, stored: tuple[int, ...]
    ) -> Any:
        from idxdata._kernels.augment import Settings
        from idxdata._kernels.elastic import padded_weights

        if len(stored) not in (2, 3) or 0 in stored:
            raise DatasetError(
                "images cannot be augmented",
                expected="images of shape (h, w) or (h, w, c), none of them 0",
                found=f"shape {stored}",
            )
        height, width, channels = (*stored, 1)[:3]
        alpha, sigma = augmentation.elastic or (0.0, 0.0)
        probability, share = augmentation.erase or (0.0, 1.0)
        sides = (max(1, int(share * height)), max(1, int(share * width)))
        empty = np.empty(0, np.float32)
        mean, std = self._tables or (empty, empty)
        return Settings(
            np.array((height, width, channels, self._planes, *sides), np.int64),
            np.array(
                (
                    augmentation.shift,
                    augmentation.rotate,
                    augmentation.scale,
                    augmentation.shear,
                    alpha,
                    probability,
                )
            ),
            padded_weights(gaussian_weights(sigma)) if alpha else empty,
            mean,
            std,
        )

    def _standard_tables(self, channels: int) -> tuple[NDArray[np.float32], ...]:
        """Mean and std of each delivered number of an image, in delivered order."""
        if self.format.pixels != "standard":
            return ()
        tables = []
        for numbers in (self.format.mean, self.format.std):
            values = np.atleast_1d(np.array(numbers, np.float32))
            if len(values) not in (1, channels):
                raise DatasetError(
                    "mean and std are not as many as channels",
                    expected=f"one number or {channels}",
                    found=len(values),
                )
            last = np.broadcast_to(values, (self._row_nbytes // channels, channels))
            tables.append((last.T if self._planes > 1 else last).ravel())
        return tuple(tables)

    def fill(
        self,
        indices: NDArray[np.int64],
        images: NDArray[Any],
        labels: NDArray[Any],
        *,
        seed: int,
        epoch: int,
    ) -> None:
        """Write the examples of those row numbers, in that order.

        indices: int64 (m,); images: (m, *image_shape) of `image_dtype`; labels:
        (m, *label_shape) of `label_dtype`; all C-contiguous. `seed` and `epoch`,
        0 to 2^64 - 1, key the augmentation, with the row number and nothing else.

        Raises `ValueError` if an array is not like that, `IndexError` if a row
        number is out of range, `DatasetError` if a one-hot label is by now, and what a
        `ShardedArray` raises; then the arrays' contents are unset.
        """
        count = len(indices)
        _check(indices, (count,), np.dtype(np.int64), "indices")
        _check(images, (count, *self.image_shape), self.image_dtype, "images")
        _check(labels, (count, *self.label_shape), self.label_dtype, "labels")
        if not (images.flags.writeable and labels.flags.writeable):
            raise ValueError(
                "images and labels: expected C-contiguous, writable arrays"
            )
        self.fill_unchecked(indices, images, labels, seed, epoch)

    def fill_unchecked(
        self,
        indices: NDArray[np.int64],
        images: NDArray[Any],
        labels: NDArray[Any],
        seed: int,
        epoch: int,
    ) -> None:
        """`fill` for arrays that are known to be as they should; else it may crash.

        Row numbers are checked here too.
        """
        gather_labels, gather_images = self._kernels
        bad = gather_labels(self._labels, indices, labels)
        if bad >= 0:
            raise self._row_error(int(indices[bad]))
        out = images.reshape(len(indices), self._row_nbytes)
        rows, kept = self._rows, None
        if isinstance(rows, ShardedArray):
            rows, kept = rows.scattered(indices)
        if self._settings is not None:
            self._augment(rows, indices, (seed, epoch), out)
        else:
            gather_images(rows, indices, self._planes, *self._tables, out)
        del kept

    def _row_error(self, row: int) -> Exception:
        count = len(self._labels)
        if not 0 <= row < count:
            return IndexError(f"row {row} is not one of 0 to {count - 1}")
        return DatasetError(
            "label was changed since it was checked",
            expected=f"0 to {(self.format.num_classes or 0) - 1}",
            found=f"{self._labels[row]} for example {row}",
        )

    @cached_property
    def _kernels(self) -> tuple[Any, Any]:
        """For labels and for images; numba is imported at the first use."""
        from idxdata._kernels import gather

        images = {
            "uint8": gather.gather_bytes,
            "unit": gather.gather_unit,
            "standard": gather.gather_standard,
        }
        labels = gather.gather_one_hot if self.label_shape else gather.gather_labels
        return labels, images[self.format.pixels]

    def _augment(
        self,
        rows: Any,
        indices: NDArray[np.int64],
        stream: tuple[int, int],
        out: NDArray[Any],
    ) -> None:
        from idxdata._kernels import augment

        seed, epoch = stream
        kernel: Any = (
            augment.augment_bytes if out.dtype == np.uint8 else augment.augment_floats
        )
        with np.errstate(over="ignore"):  # of interpreted kernels, that count modulo
            kernel(
                rows,
                indices,
                (np.uint64(seed), np.uint64(epoch)),
                self._settings,
                augment.new_scratch(self._settings, out.dtype == np.uint8),
                out,
            )


def _check(
    array: NDArray[Any], shape: tuple[int, ...], dtype: np.dtype[Any], name: str
) -> None:
    """Raises `ValueError` unless the array is like that."""
    if array.shape != shape or array.dtype != dtype or not array.flags.c_contiguous:
        raise ValueError(
            f"{name}: expected C-contiguous {dtype.name} of shape {shape}, "
            f"found {array.dtype.name} of shape {array.shape}"
        )


def _flat_rows(images: Images) -> Images:
    """Uint8 (n, pixels), read-only; of many files as they are."""
    if isinstance(images, ShardedArray):
        return images
    return _read_only(np.ascontiguousarray(images).reshape(len(images), -1))


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A view. The same type for every array, so that a kernel is compiled once."""
    view = array.view()
    view.flags.writeable = False
    return view


def _image_shape(stored: tuple[int, ...], layout: str) -> tuple[int, ...]:
    """The delivered shape of an image stored as (h, w), (h, w, c) or otherwise."""
    if layout == "stored":
        return stored
    if layout == "flat":
        return (math.prod(stored),)
    if len(stored) not in (2, 3):
        raise DatasetError(
            f"images cannot be laid out as {layout}",
            expected="images of shape (h, w) or (h, w, c)",
            found=f"shape {stored}",
        )
    height, width, channels = (*stored, 1)[:3]
    if layout == "nhwc":
        return (height, width, channels)
    return (channels, height, width)


def _checked_labels(labels: NDArray[Any], format: BatchFormat) -> NDArray[Any]:
    """Labels in native byte order; an error names the first that does not fit."""
    labels = np.ascontiguousarray(
        labels.astype(labels.dtype.newbyteorder("="), copy=False)
    )
    info = np.iinfo(np.int64 if format.labels == "int64" else np.int32)
    low, high = int(info.min), int(info.max)
    if format.num_classes is not None:
        low, high = 0, format.num_classes - 1
    if int(labels.min()) < low or int(labels.max()) > high:
        # As Python ints: NumPy compares uint64 with negative numbers as float64.
        at = next(i for i, x in enumerate(labels.tolist()) if not low <= x <= high)
        raise DatasetError(
            f"label does not fit {format.labels}",
            expected=f"{low} to {high}",
            found=f"{labels[at]} for example {at}",
        )
    return labels
