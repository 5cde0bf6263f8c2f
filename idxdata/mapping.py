"""Files mapped copy-on-write, as arrays that know what they are a map of.

What that is good for: such an array crosses to another process as some words about
its file, and what is known of the file's content is known of the array, as long as
nobody has written to it.
"""

import math
import mmap
import os
import sys
from dataclasses import dataclass
from io import FileIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.dtypes import DType
from idxdata.errors import CacheError
from idxdata.locks import names, share

_ALIGNMENT = 64
_PAGEMAP = "/proc/self/pagemap"
_PAGEMAP_ENTRY_NBYTES = 8
_PAGEMAP_PIECE_NBYTES = 1 << 20
_GONE_HINT = "was it pruned or replaced since? load the data again"
# Bits of an entry, from Linux: Documentation/admin-guide/mm/pagemap.rst
_PRESENT, _SWAPPED, _OF_FILE = (1 << np.uint64(bit) for bit in (63, 62, 61))

FileIdentity = tuple[int, ...]


def file_identity(status: os.stat_result) -> FileIdentity:
    """What changes when a file does: size, times, inode."""
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@dataclass(frozen=True, slots=True)
class Contents:
    """What is known of an array's content without reading it.

    `idx_sha256`: of its raw IDX file. `minimum`, `maximum`: of its elements where it
    is a list of integers with at least one, else None.
    """

    idx_sha256: str
    minimum: int | None
    maximum: int | None


@dataclass(frozen=True, slots=True)
class Region:
    """An array's place in a file: bytes from `offset` on, in C order."""

    offset: int
    dtype: DType
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class Reference:
    """A mapped array in a few words, for `from_reference` in another process.

    `identity`: what changes when the file does. `is_locked`: whether the map says by
    a shared lock that the file is in use. `contents`: None where they are unknown.
    """

    path: str
    region: Region
    identity: FileIdentity
    is_locked: bool
    contents: Contents | None


class _FileMap(mmap.mmap):
    """A private map that knows its whole array (`reference`) and where it lies."""

    reference: Reference
    start_address: int
    start_offset: int


def map_open_file(
    file: FileIO,
    region: Region,
    *,
    contents: Contents | None = None,
    is_locked: bool = False,
) -> NDArray[Any]:
    """The array at `region` of an open file, which was opened by its real path.

    Writable as copy-on-write: what is written stays in this process. The map keeps
    the open file, with a lock that it has, so `file` may be closed. An array without
    elements is a fresh one, 64-byte aligned.

    Raises `CacheError` if the file is too short.
    """
    if not region.nbytes:
        room = np.empty(_ALIGNMENT, np.uint8)
        start = -room.ctypes.data % _ALIGNMENT
        return np.ndarray(region.shape, region.dtype, room, start)
    status = os.fstat(file.fileno())
    if status.st_size < region.offset + region.nbytes:
        raise CacheError(
            "file is too short to be mapped",
            path=str(file.name),
            expected=f"at least {region.offset + region.nbytes} bytes",
            found=f"{status.st_size} bytes",
        )
    start = region.offset - region.offset % mmap.ALLOCATIONGRANULARITY
    within = region.offset - start
    mapped = _FileMap(
        file.fileno(),
        within + region.nbytes,
        access=mmap.ACCESS_COPY,
        offset=start,
    )
    array: NDArray[Any] = np.ndarray(region.shape, region.dtype, mapped, within)
    mapped.reference = Reference(
        str(file.name), region, file_identity(status), is_locked, contents
    )
    mapped.start_address = array.ctypes.data - within
    mapped.start_offset = start
    return array


def reference(array: NDArray[Any]) -> Reference | None:
    """What `from_reference` needs to map `array`, also in another process.

    None if the array is not C-contiguous in a map made here, or may have been written
    to (`is_unwritten`), so that its file does not have its values; and if its path
    does not name its file any more, as that was replaced, deleted or changed.
    """
    mapped = _map_of(array)
    if mapped is None or not array.flags.c_contiguous or not is_unwritten(array):
        return None
    whole = mapped.reference
    try:
        if file_identity(os.stat(whole.path)) != whole.identity:
            return None
    except OSError:
        return None
    offset = array.ctypes.data - mapped.start_address + mapped.start_offset
    region = Region(offset, array.dtype, array.shape)
    contents = whole.contents if region == whole.region else None
    return Reference(whole.path, region, whole.identity, whole.is_locked, contents)


def from_reference(reference: Reference) -> NDArray[Any]:
    """The array that `reference` describes, mapped again.

    Raises `CacheError` if its file is gone, or is another one by now.
    """
    with open_known(reference.path, reference.identity) as file:
        is_locked = reference.is_locked and share(file.fileno())
        # Again, since it may have waited for who had the file alone.
        _check_known(file, reference.identity)
        if not names(reference.path, file.fileno()):
            raise _other_file(reference.path)
        return map_open_file(
            file,
            reference.region,
            contents=reference.contents,
            is_locked=is_locked,
        )


def open_known(path: str, identity: FileIdentity) -> FileIO:
    """The file at `path`, open for reading, which is the one of that identity.

    Raises `CacheError` if it is gone, or another one by now.
    """
    try:
        file = FileIO(path)
    except OSError as error:
        raise CacheError(
            "a mapped file is gone", path=path, found=error.strerror, hint=_GONE_HINT
        ) from error
    try:
        _check_known(file, identity)
    except CacheError:
        file.close()
        raise
    return file


def _check_known(file: FileIO, identity: FileIdentity) -> None:
    if file_identity(os.fstat(file.fileno())) != identity:
        raise _other_file(str(file.name))


def _other_file(path: str) -> CacheError:
    return CacheError("a mapped file is another one by now", path=path, hint=_GONE_HINT)


def whole_reference(array: NDArray[Any]) -> Reference | None:
    """Of all that the map below `array` was made of, whatever was written to it.

    None if it is no map made here.
    """
    mapped = _map_of(array)
    return None if mapped is None else mapped.reference


def known_contents(array: NDArray[Any]) -> Contents | None:
    """What is known of `array` if it is a whole mapped array, and unwritten."""
    mapped = _map_of(array)
    if mapped is None or mapped.reference.contents is None:
        return None
    own = reference(array)
    return None if own is None else own.contents


def is_unwritten(array: NDArray[Any]) -> bool:
    """Whether `array` is a map made here, and no page of it was copied by a write.

    False where the system does not tell (it does on Linux), and where something else
    in the same page was written to.
    """
    if sys.platform != "linux" or _map_of(array) is None:
        return False
    low, high = _bounds(array)
    first, last = low // mmap.PAGESIZE, (high - 1) // mmap.PAGESIZE
    try:
        with open(_PAGEMAP, "rb", buffering=0) as file:
            file.seek(first * _PAGEMAP_ENTRY_NBYTES)
            return _has_no_copies(file, (last + 1 - first) * _PAGEMAP_ENTRY_NBYTES)
    except OSError:
        return False


def _bounds(array: NDArray[Any]) -> tuple[int, int]:
    if array.flags.c_contiguous:
        return array.ctypes.data, array.ctypes.data + array.nbytes
    return np.lib.array_utils.byte_bounds(array)


def _has_no_copies(pagemap: FileIO, nbytes: int) -> bool:
    while nbytes:
        piece = pagemap.read(min(nbytes, _PAGEMAP_PIECE_NBYTES))
        if not piece:
            return False
        nbytes -= len(piece)
        pages = np.frombuffer(piece, np.uint64)
        # A copy is anonymous memory, in RAM or swapped out.
        used = pages & (_PRESENT | _SWAPPED) != 0
        if (used & (pages & _OF_FILE == 0)).any():
            return False
    return True


def _map_of(array: NDArray[Any]) -> _FileMap | None:
    # Subclasses are more than their bytes, as a masked array with its mask.
    if type(array) is not np.ndarray:
        return None
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, _FileMap) else None
