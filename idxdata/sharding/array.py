"""ShardedArray: many IDX files as one array, of which only what is touched is read."""

import math
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from idxdata.cache import Cache
from idxdata.dtypes import DType
from idxdata.errors import PathLike
from idxdata.sharding.heads import Heads, read_heads
from idxdata.sharding.shards import Shards

_PIECE_NBYTES = 1 << 20


class ShardedArray:
    """The rows of many IDX files, one file after the other, as one array (n, ...).

    `ShardedArray.open(paths)` reads every file's header and maps none: a shard is mapped
    read-only at the first touch of one of its rows, or, if it is compressed or of several
    bytes an element, decoded into the cache then and mapped from there. A map takes no
    file descriptor, so there may be more shards than descriptors. Thread-safe.

    `a[2:10]` is a ShardedArray of those rows, which shares the maps. All else is copied:
    `a[7]` and iteration give one row, a fresh array; other slices, arrays of row numbers
    or of n booleans, and tuples, the first of which chooses rows, give what NumPy would.
    `np.asarray(a)` reads all of it into memory.

    Pickled as paths and identities of the files, some 30 bytes a shard: whoever
    unpickles it maps them anew.

    Whatever touches rows raises `CacheError` if a shard is gone, or was written to or
    replaced since it was opened, and for compressed ones the errors of `read_idx`; the
    error's `path` is the shard's. Shards must not be truncated while they are mapped.
    """

    def __init__(
        self, shards: Shards, start: int, stop: int, row_shape: tuple[int, ...]
    ) -> None:
        """`ShardedArray.open` makes one. Rows start .. stop - 1 of `shards`."""
        self._shards = shards
        self._start, self._stop = start, stop
        self.shape = (stop - start, *row_shape)

    @classmethod
    def open(
        cls,
        paths: Sequence[PathLike],
        *,
        cache: Cache | None = None,
        alignment: int = 1,
    ) -> "ShardedArray":
        """The shards at `paths`, in that order; those without rows may be among them.

        Every header is checked, of raw files the size as well. `cache`, `alignment`: as
        of `open_idx`. Raises what `open_idx` raises, naming the shard, and
        `DatasetError` for a shard whose dtype, or the shape of its rows, is not that of
        the first, and if there are no paths.
        """
        heads = read_heads(paths)
        shards = Shards(heads, Cache() if cache is None else cache, alignment)
        return cls(shards, 0, len(shards), heads.row_shape)

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (self._shards, self._start, self._stop, self.shape[1:])
        return (ShardedArray, parts)

    @property
    def dtype(self) -> DType:
        """In native byte order."""
        return self._shards.heads.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        """Elements of all rows."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all rows, in memory or not."""
        return self.size * self.dtype.itemsize

    @property
    def paths(self) -> tuple[str, ...]:
        """The files of all shards, also of those that a slice has no rows of."""
        return self._shards.heads.paths

    @property
    def heads(self) -> Heads:
        """What the shards' headers say."""
        return self._shards.heads

    @property
    def num_mapped(self) -> int:
        """How many of the shards are mapped by now."""
        return self._shards.num_mapped

    def shard_of(self, row: int) -> tuple[str, int]:
        """The file that has `row`, and its row number there.

        Raises `IndexError` if there is no such row.
        """
        number = self._checked(row)
        shard = int(self._shards.shards_of(np.array([number]))[0])
        return self.paths[shard], number - int(self._shards.starts[shard])

    def __len__(self) -> int:
        return self._stop - self._start

    def __repr__(self) -> str:
        return (
            f"<ShardedArray: {self.dtype.name} {self.shape}, {len(self.paths)} shards>"
        )

    def __getitem__(self, rows: Any) -> Any:
        """Rows as described above. Raises `IndexError` as NumPy does."""
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step == 1:
                stop = max(start, stop)
                return self._part(self._start + start, self._start + stop)
            return self._taken(np.arange(start, stop, step))
        if isinstance(rows, tuple):
            if not rows or not isinstance(rows[0], int | np.integer | slice):
                return np.asarray(self)[rows]
            chosen = np.asarray(self[rows[0]])
            is_one = not isinstance(rows[0], slice)
            return chosen[rows[1:] if is_one else (slice(None), *rows[1:])]
        if not isinstance(rows, bool | np.bool_) and not np.ndim(rows):
            return self._row(self._checked(rows))
        return self._taken(self._row_numbers(np.asarray(rows)))

    def __iter__(self) -> Iterator[NDArray[Any]]:
        for row in range(self._start, self._stop):
            yield self._row(row)

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> NDArray[Any]:
        """All rows in memory, a fresh C-contiguous array."""
        if copy is False:
            raise ValueError("rows of many files are one array only as a copy")
        out: NDArray[Any] = np.empty(self.shape, self.dtype)
        self._shards.copy_range(self._start, self._stop, self._flat(out))
        return out if dtype is None else out.astype(dtype, copy=False)

    def reshape(self, *shape: Any) -> "ShardedArray":
        """The same rows in another shape, which share the maps; no row is read.

        `shape` begins with the number of rows, or -1; of what follows one may be -1.
        Raises `ValueError` for any other.
        """
        wanted = tuple(shape[0]) if isinstance(shape[0], tuple | list) else shape
        # NumPy tells whether it fits, of an array that takes no memory.
        one = np.broadcast_to(np.empty((), np.uint8), self.shape[1:])
        if wanted[:1] not in ((len(self),), (-1,)) or wanted.count(-1) > 1:
            raise ValueError(f"cannot reshape {self.shape} to {wanted}: rows stay rows")
        inner = np.empty(math.prod(one.shape), np.uint8).reshape(wanted[1:]).shape
        return ShardedArray(self._shards, self._start, self._stop, inner)

    def pieces(self, nbytes: int = _PIECE_NBYTES) -> Iterator[NDArray[Any]]:
        """All rows in order, as fresh arrays of as many rows as fit `nbytes`, or one."""
        step = max(1, nbytes // max(1, self._shards.row_nbytes))
        for start in range(0, len(self), step):
            yield np.asarray(self[start : start + step])

    def scattered(self, indices: NDArray[np.int64]) -> tuple[Any, object]:
        """Those rows for our kernels, where they lie; and what to keep meanwhile.

        `indices` int64 (m,), each from 0 to n - 1; not checked. Imports numba.
        """
        from idxdata._kernels.scattered import Scattered

        addresses, kept = self._shards.addresses(self._start, indices)
        return Scattered(addresses, self._shards.row_nbytes), kept

    def shares_rows(self, other: object) -> bool:
        """Whether `other` is a ShardedArray of some of the same rows."""
        return (
            isinstance(other, ShardedArray)
            and other._shards is self._shards
            and max(self._start, other._start) < min(self._stop, other._stop)
        )

    def _part(self, start: int, stop: int) -> "ShardedArray":
        return ShardedArray(self._shards, start, stop, self.shape[1:])

    def _checked(self, row: Any) -> int:
        """The row's number among the shards'."""
        number, count = operator.index(row), len(self)
        if not -count <= number < count:
            raise IndexError(f"row {number} is not one of 0 to {count - 1}")
        return self._start + number % count

    def _row(self, number: int) -> NDArray[Any]:
        return np.asarray(self._part(number, number + 1))[0]  # type: ignore[no-any-return]

    def _row_numbers(self, rows: NDArray[Any]) -> NDArray[np.int64]:
        """Row numbers from 0 on; raises `IndexError` as NumPy does."""
        count = len(self)
        if rows.dtype == np.bool_:
            if rows.shape != (count,):
                raise IndexError(
                    f"booleans of shape {rows.shape} do not choose from {count} rows"
                )
            return np.flatnonzero(rows)
        if not rows.size:
            rows = rows.astype(np.int64)
        if rows.dtype.kind not in "iu":
            raise IndexError(f"rows are chosen by integers, not by {rows.dtype.name}")
        outside = (rows < -count) | (rows >= count)
        if outside.any():
            raise IndexError(
                f"row {rows[outside].flat[0]} is not one of 0 to {count - 1}"
            )
        numbers = rows.astype(np.int64)
        numbers[numbers < 0] += count
        return numbers

    def _taken(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        flat = numbers.reshape(-1)
        out: NDArray[Any] = np.empty((len(flat), *self.shape[1:]), self.dtype)
        self._shards.copy_rows(flat + self._start, self._flat(out))
        return out.reshape(*numbers.shape, *self.shape[1:])

    def _flat(self, out: NDArray[Any]) -> NDArray[np.uint8]:
        """A view of `out`, C-contiguous rows, as their bytes (m, row's bytes)."""
        return out.reshape(-1).view(np.uint8).reshape(len(out), self._shards.row_nbytes)


Images = NDArray[Any] | ShardedArray
"""What a split's images are."""
