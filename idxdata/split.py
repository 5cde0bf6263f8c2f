"""Split: images with their labels, checked when it is made; ways out of it."""

import hashlib
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from types import MappingProxyType
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from idxdata.digests import array_digest
from idxdata.display import describe, split_html
from idxdata.dtypes import has_code
from idxdata.errors import DatasetError
from idxdata.formats import BatchFormat
from idxdata.frames import frame
from idxdata.header import build_header
from idxdata.mapping import Reference, from_reference, known_contents, reference
from idxdata.sharding import Images, ShardedArray
from idxdata.writer import idx_pieces, payload_pieces


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Examples in file order: `images` (n, ...) of any dtype, `labels` (n,) integers.

        >>> split = Split(np.zeros((3, 28, 28), np.uint8), np.array([5, 0, 4]))
        >>> split[1:]
        <Split: 2 images of 28×28 uint8, labels int64>
        >>> split[split.labels > 3].labels
        array([5, 4])

    `attributes`: more about each example by name, arrays (n,), as QMNIST has the
    writer of each digit. `split[2:10]`, `split[::-1]`: a Split of views; `split[rows]`
    with an array of row numbers or of n booleans: one of copies; `split[7]`, and
    iteration: one example as (image, label).

    `images` of many files are a `ShardedArray`, of which only what is touched is read:
    `split[2:10]` shares its maps, other rows are copies.

    An array that is mapped, and was not written to, is pickled as a reference to its
    file: some hundred bytes, mapped again by whoever unpickles them, and a
    `CacheError` there if the file is gone or another one by then. A `ShardedArray` is
    pickled as its files' paths. Other arrays are pickled as data.

    Raises `DatasetError` if there are no images, labels are not a 1-D integer
    array, or the counts differ; `TypeError` for what is no array.
    """

    images: Images
    labels: NDArray[Any]
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))
        arrays = (self.labels, *self.attributes.values())
        if not isinstance(self.images, ShardedArray):
            arrays = (self.images, *arrays)
        for array in arrays:
            if not isinstance(array, np.ndarray):
                raise TypeError(f"expected NumPy arrays, not a {type(array).__name__}")
        if self.labels.ndim != 1 or self.labels.dtype.kind not in "iu":
            raise DatasetError(
                "labels are not a list of integers",
                expected="integers of shape (n,)",
                found=f"{self.labels.dtype.name} of shape {self.labels.shape}",
            )
        if self.images.ndim < 2:
            raise DatasetError(
                "images have no pixels",
                expected="an array of shape (n, ...)",
                found=f"shape {self.images.shape}",
            )
        if len(self.images) != len(self.labels):
            raise DatasetError(
                "images and labels differ in number",
                expected=f"{len(self.images)} labels, one for each image",
                found=len(self.labels),
            )
        for name, column in self.attributes.items():
            if column.shape != self.labels.shape:
                raise DatasetError(
                    f"attribute {name!r} does not go with the labels",
                    expected=f"shape {self.labels.shape}",
                    found=f"shape {column.shape}",
                )
        if not len(self.images):
            raise DatasetError("a split has no examples")

    def __len__(self) -> int:
        return len(self.labels)

    @overload
    def __getitem__(self, rows: int) -> tuple[NDArray[Any], int]: ...
    @overload
    def __getitem__(self, rows: slice | Sequence[int] | NDArray[Any]) -> "Split": ...
    def __getitem__(
        self, rows: int | slice | Sequence[int] | NDArray[Any]
    ) -> "Split | tuple[NDArray[Any], int]":
        """Rows as described above.

        Raises `IndexError` for a row that is not there, `DatasetError` if none is left.
        """
        if not isinstance(rows, slice) and not np.ndim(rows):
            row = operator.index(rows)  # type: ignore[arg-type]
            return self.images[row], int(self.labels[row])
        columns = {name: column[rows] for name, column in self.attributes.items()}
        return Split(self.images[rows], self.labels[rows], columns)

    def __iter__(self) -> Iterator[tuple[NDArray[Any], int]]:
        for row in range(len(self)):
            yield self[row]

    def __repr__(self) -> str:
        return f"<Split: {describe(self.images, self.labels)}>"

    def _repr_html_(self) -> str:
        return split_html(self.images, self.labels)

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (_packed(self.images), _packed(self.labels), dict(self.attributes))
        return (_unpacked_split, parts)

    def to_numpy(self, **form: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """(images, labels) as they are stored, no copy (of shards: one); or converted.

        With any argument of `BatchFormat` all examples are converted as a batch of
        that format would be, into fresh arrays: `to_numpy(layout="flat")` gives a
        float32 (n, pixels) in [0, 1] and int64 (n,). Raises what `Gatherer` does.
        """
        if not form:
            return np.asarray(self.images), self.labels
        images, labels = _adapter("numpy").whole(self, BatchFormat(**form))
        return images, labels

    def to_xy(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """`X, y` as scikit-learn's estimators take them.

        Fresh arrays: X float32 (n, pixels) in [0, 1], y int64 (n,). Images that are
        not uint8 are only made flat, in their own dtype.
        """
        if self.images.dtype == np.uint8:
            return self.to_numpy(layout="flat")
        flat = np.array(self.images).reshape(len(self), -1)
        return flat, self.labels.astype(np.int64)

    def to_torch(self, **form: Any) -> tuple[Any, Any]:
        """(images, labels) as two CPU tensors for PyTorch, all examples at once.

        By default float32 (n, c, h, w) in [0, 1], as layers of PyTorch take them, and
        int64 (n,); arguments of `BatchFormat` make others. The tensors own their
        memory, four bytes a pixel: for what does not fit, take `Batches`. Raises
        `MissingFrameworkError` without PyTorch, and what `Gatherer` does.
        """
        images, labels = _adapter("torch").whole(
            self, BatchFormat(**{"layout": "nchw", **form})
        )
        return images, labels

    def to_tf(self, **form: Any) -> tuple[Any, Any]:
        """(images, labels) as two eager tensors for TensorFlow, all examples at once.

        By default float32 (n, h, w, c) in [0, 1] and int64 (n,); else as `to_torch`.
        """
        images, labels = _adapter("tensorflow").whole(
            self, BatchFormat(**{"layout": "nhwc", **form})
        )
        return images, labels

    def to_jax(self, **form: Any) -> tuple[Any, Any]:
        """(images, labels) as two JAX arrays on its default device, all at once.

        By default float32 (n, h, w, c) in [0, 1] and int32 (n,); else as `to_torch`.
        """
        images, labels = _adapter("jax").whole(
            self, BatchFormat(**{"layout": "nhwc", "labels": "int32", **form})
        )
        return images, labels

    def as_frame(self) -> Any:
        """A pandas DataFrame: a row an example; raises `MissingFrameworkError` without.

        Columns `pixel_<row>_<column>` (and `_<channel>`), as scikit-learn's digits have
        them, in the images' dtype; then `label`, then the attributes. A copy.
        """
        return frame(np.asarray(self.images), self.labels, self.attributes)

    @cached_property
    def digests(self) -> tuple[str, str]:
        """`idx_digest` of images and of labels, as they are at the first use.

        `array_digest` for a dtype that IDX lacks, as int64 labels have.
        A mapped cache entry that was not written to is not read: what was hashed
        when it was made counts (`Cache.verify` tells whether that still holds).
        """
        return _digest(self.images), _digest(self.labels)

    @property
    def digest(self) -> str:
        """One SHA-256 (hex) for the split: of `digests` joined by a newline."""
        return joined_digest(self.digests)


def idx_digest(array: NDArray[Any]) -> str:
    """SHA-256 (hex) of the raw IDX file of `array`, whatever its byte order here.

    Raises `HeaderError` if IDX cannot hold the array.
    """
    digest = hashlib.sha256()
    for piece in idx_pieces(array):
        digest.update(piece)
    return digest.hexdigest()


def joined_digest(digests: Iterable[str]) -> str:
    """One SHA-256 (hex) of several, joined by newlines."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _digest(array: Images) -> str:
    if isinstance(array, ShardedArray):
        return _sharded_digest(array)
    known = known_contents(array)
    if known is not None:
        return known.idx_sha256
    return idx_digest(array) if has_code(array.dtype) else array_digest(array)


def _sharded_digest(array: ShardedArray) -> str:
    """That of the one IDX file with all the rows."""
    digest = hashlib.sha256(build_header(array.dtype, array.shape))
    big_endian = array.dtype.newbyteorder(">")
    for rows in array.pieces():
        for piece in payload_pieces(rows, big_endian):
            digest.update(piece)
    return digest.hexdigest()


def _packed(array: Images) -> Reference | Images:
    if isinstance(array, ShardedArray):
        return array
    found = reference(array)
    return array if found is None else found


def _unpacked_split(
    images: Reference | Images,
    labels: Reference | NDArray[Any],
    attributes: Mapping[str, NDArray[Any]],
) -> Split:
    if isinstance(images, Reference):
        images = from_reference(images)
    if isinstance(labels, Reference):
        labels = from_reference(labels)
    return Split(images, labels, attributes)


def _adapter(name: str) -> Any:
    # By name: adapters are floors above, and the only ones that know a framework.
    return import_module(f"idxdata.adapters.{name}")
