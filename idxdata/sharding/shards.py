"""Shards: the rows of many files, each mapped when one of its rows is first touched."""

import math
import pickle
import zlib
from dataclasses import dataclass
from functools import cached_property
from io import FileIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.cache import Cache
from idxdata.errors import CacheError
from idxdata.mapping import FileIdentity, open_known, whole_reference
from idxdata.sharding.heads import Heads
from idxdata.sharding.maps import FileMap, has_room, map_file

_BUCKETS_PER_SHARD = 2
_NOWHERE = 64
"""The address of rows of no bytes."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a shard's payload lies as it is to be mapped, and what file that is."""

    path: str
    offset: int
    identity: FileIdentity


class Shards:
    """The rows of `heads`, one after the other. Thread-safe, and so without locks.

    A raw shard of one-byte elements, whose payload has the `alignment` asked for, is
    mapped as it lies there; all else from its entry in `cache`, which is made when a row
    of it is first touched. A shard stays mapped as long as this lives; without a
    descriptor there is no lock, so `Cache.prune` may delete an entry that is mapped here,
    whose bytes stay as they are. Where there may be no more maps (`maps.max_maps`), rows
    are read from the file each time.

    `starts` int64 (k + 1,): the first row of each shard, and the number of all.
    `row_nbytes`: of one row. Pickled as paths and identities: whoever unpickles it maps
    the files himself.

    What touches a row raises `CacheError` if its shard is gone, or another one than it
    was when `heads` were read, and the errors of `Cache.open`; each names the shard.
    """

    def __init__(self, heads: Heads, cache: Cache, alignment: int) -> None:
        self.heads = heads
        self.cache = cache
        self.alignment = alignment
        self.starts = np.concatenate([[0], np.cumsum(heads.counts)]).astype(np.int64)
        self.row_nbytes = math.prod(heads.row_shape) * heads.dtype.itemsize
        # Set once and never again: who has read an address may go on using it.
        self._bases = np.zeros(len(heads.paths), np.uint64)
        if not self.row_nbytes:
            self._bases[:] = _NOWHERE
        self._maps: dict[int, FileMap] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        # Paths have much in common.
        packed = zlib.compress(pickle.dumps(self.heads, protocol=5), level=1)
        return _unpickled, (packed, self.cache, self.alignment)

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def num_mapped(self) -> int:
        return len(self._maps)

    def shards_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The shard of each row; rows are such that there are."""
        return np.searchsorted(self.starts, rows, side="right") - 1

    def copy_range(self, start: int, stop: int, out: NDArray[np.uint8]) -> None:
        """Write rows start .. stop - 1 to `out`, C-contiguous (stop - start, row_nbytes)."""
        if start == stop or not self.row_nbytes:
            return
        first, last = self.shards_of(np.array([start, stop - 1]))
        for shard in range(first, last + 1):
            begin, end = self.starts[shard : shard + 2].tolist()
            begin, end = max(begin, start), min(end, stop)
            if begin < end:
                self._copy(shard, begin, out[begin - start : end - start])

    def copy_rows(self, rows: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
        """Write those rows to `out`, C-contiguous (len(rows), row_nbytes)."""
        if not self.row_nbytes:
            return
        shards = self.shards_of(rows)
        order = np.argsort(shards, kind="stable")
        cuts = np.flatnonzero(np.diff(shards[order])) + 1
        for places in np.split(order, cuts) if len(order) else ():
            shard = int(shards[places[0]])
            whole = self._whole(shard)
            if whole is not None:
                out[places] = whole[rows[places] - self.starts[shard]]
                continue
            for place in places.tolist():
                self._copy(shard, int(rows[place]), out[place : place + 1])

    def _copy(self, shard: int, start: int, out: NDArray[np.uint8]) -> None:
        """Write rows of one shard, from row `start` on, to `out`."""
        within = start - int(self.starts[shard])
        whole = self._whole(shard)
        if whole is None:
            self._read(shard, within, out)
        else:
            out[:] = whole[within : within + len(out)]

    def _whole(self, shard: int) -> NDArray[np.uint8] | None:
        """All rows of a shard (count, row_nbytes), read-only; None where not mapped."""
        mapped = self._mapped(shard)
        if mapped is None:
            return None
        nbytes = int(self.heads.counts[shard]) * self.row_nbytes
        content = np.asarray(mapped)[mapped.nbytes - nbytes :]
        return content.reshape(-1, self.row_nbytes)

    def addresses(
        self, first: int, indices: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint64], object]:
        """Where rows first + indices lie, uint64 (m,), and what to keep so long.

        Rows of shards that are not mapped are read into memory that only `kept` keeps.
        """
        from idxdata._kernels.scattered import locate

        buckets, shift = self._buckets
        found = np.empty(len(indices), np.uint64)
        places = (self.starts, buckets, shift, self._bases, self.row_nbytes, found)
        if not locate(indices, first, *places):
            return found, None
        rows = indices[found == 0] + first
        for shard in np.unique(self.shards_of(rows)).tolist():
            self._mapped(shard)
        if not locate(indices, first, *places):
            return found, None
        lost = np.flatnonzero(found == 0)
        kept = np.empty((len(lost), self.row_nbytes), np.uint8)
        self.copy_rows(indices[lost] + first, kept)
        begin = kept.ctypes.data
        found[lost] = begin + np.arange(len(lost), dtype=np.uint64) * np.uint64(
            self.row_nbytes
        )
        return found, kept

    @cached_property
    def _buckets(self) -> tuple[NDArray[np.int64], int]:
        """For `locate`: so that of shards of like size one step finds the right one."""
        most = _BUCKETS_PER_SHARD * len(self.heads.paths)
        shift = max(0, (len(self) // most).bit_length())
        edges = np.arange((len(self) >> shift) + 2, dtype=np.int64) << shift
        return np.searchsorted(self.starts[:-1], edges, side="right") - 1, shift

    def _mapped(self, shard: int) -> FileMap | None:
        """The map of a shard, which is made if need be; None if there is no room."""
        mapped = self._maps.get(shard)
        if mapped is not None or not has_room():
            return mapped
        place = self._place(shard)
        nbytes = int(self.heads.counts[shard]) * self.row_nbytes
        with open_known(place.path, place.identity) as file:
            made = map_file(file.fileno(), place.offset + nbytes)
        if made is None:
            return None
        # Of two threads that map the same shard, both use the map of the first.
        mapped = self._maps.setdefault(shard, made)
        self._bases[shard] = mapped.address + place.offset
        return mapped

    def _place(self, shard: int) -> _Place:
        heads = self.heads
        path, identity = heads.paths[shard], heads.identities[shard]
        is_in_place = heads.dtype.itemsize == 1 and not heads.offset % self.alignment
        if heads.is_raw[shard] and is_in_place:
            return _Place(path, heads.offset, identity)
        open_known(path, identity).close()
        array = self.cache.open(path)
        found = whole_reference(array)
        shape = (int(heads.counts[shard]), *heads.row_shape)
        if found is None or (found.region.shape, array.dtype) != (shape, heads.dtype):
            raise CacheError(
                "a shard's cache entry is not what the shard's header tells",
                path=path,
                expected=f"{heads.dtype.name} {shape}",
                found=f"{array.dtype.name} {array.shape}",
            )
        return _Place(found.path, found.region.offset, found.identity)

    def _read(self, shard: int, first: int, out: NDArray[np.uint8]) -> None:
        """Rows of a shard, from its row `first` on, from the file into `out`."""
        place = self._place(shard)
        with open_known(place.path, place.identity) as file:
            file.seek(place.offset + first * self.row_nbytes)
            _fill(file, out.reshape(-1).data, place.path)


def _fill(file: FileIO, out: memoryview, path: str) -> None:
    while out:
        count = file.readinto(out)
        if not count:
            raise CacheError("a mapped file was cut short", path=path)
        out = out[count:]


def _unpickled(packed: bytes, cache: Cache, alignment: int) -> Shards:
    return Shards(pickle.loads(zlib.decompress(packed)), cache, alignment)
