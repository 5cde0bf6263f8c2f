"""What shards' first bytes say, and that they all say the same.

Most shards are raw and sound: of such a one the header is read and its size asked for,
and all are compared with the first at once. Whatever is not like that goes to the
reader of single files, which has the right error for it or finds it compressed.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.atomic import checked_path
from idxdata.dtypes import DType
from idxdata.errors import DatasetError, PathLike
from idxdata.header import DIM_NBYTES, MAGIC_NBYTES, Header, build_header
from idxdata.idx import read_idx
from idxdata.mapping import FileIdentity, file_identity
from idxdata.payload import open_source

# So that a pipe without a writer opens at once; regular files do not care.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_ROWS = slice(MAGIC_NBYTES, MAGIC_NBYTES + DIM_NBYTES)
"""Where a header has the first dim."""


@dataclass(frozen=True, slots=True)
class Heads:
    """Shards that fit together, each with a sound header and, if raw, of the right size.

    `paths`: absolute. `counts` int64 (k,): rows of each. `dtype` native, `row_shape`,
    `offset` (where the payload begins): of all. `is_raw` bool (k,). `identities`: what
    changes when a file does.
    """

    paths: tuple[str, ...]
    counts: NDArray[np.int64]
    dtype: DType
    row_shape: tuple[int, ...]
    offset: int
    is_raw: NDArray[np.bool_]
    identities: tuple[FileIdentity, ...]


def absolute_paths(paths: Sequence[PathLike]) -> tuple[str, ...]:
    """Each in its folder's real path, so that another working directory changes nothing.

    Raises `TypeError` for bytes and for what is no path.
    """
    folders: dict[str, str] = {}
    found = []
    for path in paths:
        folder, name = os.path.split(checked_path(path))
        real = folders.get(folder)
        if real is None:
            real = folders[folder] = os.path.realpath(folder)
        found.append(os.path.join(real, name))
    return tuple(found)


def read_heads(paths: Sequence[PathLike]) -> Heads:
    """Of the shards at `paths`, at least one, in that order.

    Raises for the first that is not sound what `open_idx` raises; `DatasetError` that
    names a shard if its dtype or the shape of its rows is not that of the first, and
    if there are none.
    """
    names = absolute_paths(paths)
    if not names:
        raise DatasetError("no shards", expected="at least one file")
    first = _Head.of(names[0])
    model = first.header
    expected = build_header(model.dtype, model.shape)
    heads, identities = [], []
    for name in names:
        head, status = _glance(name, model.offset)
        heads.append(head.ljust(model.offset, b"\0"))
        identities.append((-1,) if status is None else file_identity(status))
    table = np.frombuffer(b"".join(heads), np.uint8).reshape(-1, model.offset)
    same = table == np.frombuffer(expected, np.uint8)
    same[:, _ROWS] = True
    counts = table[:, _ROWS].copy().view(">u4").astype(np.int64).reshape(-1)
    payloads = np.array([identity[0] for identity in identities]) - model.offset
    # By division: a product could overflow, and fit by that.
    row_nbytes = math.prod(model.shape[1:]) * model.dtype.itemsize
    num_rows, rest = np.divmod(payloads, row_nbytes or 1)
    fits = (num_rows == counts) & (rest == 0) if row_nbytes else payloads == 0
    is_raw = same.all(axis=1) & fits
    for at in np.flatnonzero(~is_raw):
        other = _Head.of(names[at])
        _check_alike(other.header, first, names[at])
        counts[at] = other.header.shape[0]
        is_raw[at] = other.is_raw
        identities[at] = other.identity
    return Heads(
        names,
        counts,
        model.dtype,
        model.shape[1:],
        model.offset,
        is_raw,
        tuple(identities),
    )


def _glance(path: str, nbytes: int) -> tuple[bytes, os.stat_result | None]:
    """The first bytes of a file and its status; nothing where that does not go."""
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            return os.read(descriptor, nbytes), os.fstat(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        return b"", None


@dataclass(frozen=True, slots=True)
class _Head:
    path: str
    header: Header
    is_raw: bool
    identity: FileIdentity

    @classmethod
    def of(cls, path: str) -> "_Head":
        """Raises the errors of `read_idx` as far as the header and the size tell."""
        identity = file_identity(os.stat(path))
        with open_source(Path(path), peek=True) as source:
            source.check_size()
            return cls(path, source.header, source.is_mappable, identity)


def _check_alike(header: Header, first: _Head, path: str) -> None:
    model = first.header
    if (header.dtype, header.shape[1:]) == (model.dtype, model.shape[1:]):
        return
    has_dtype = header.dtype == model.dtype
    raise DatasetError(
        f"a shard's {'shape' if has_dtype else 'dtype'} is not that of the others",
        path=path,
        expected=_shape(model) if has_dtype else model.dtype.name,
        found=_shape(header) if has_dtype else header.dtype.name,
        hint=f"the first is {first.path}",
    )


def _shape(header: Header) -> str:
    return f"({', '.join(['n', *map(str, header.shape[1:])])})"


def read_labels(paths: Sequence[PathLike], partners: Heads) -> NDArray[Any]:
    """All labels of the shards at `paths` as one fresh array (n,), native byte order.

    `partners`: of their images, as many files, each with as many rows. Raises what
    `read_idx` raises; `DatasetError` that names the shard if it has another number, no
    list of integers, or another dtype than the first.
    """
    names = absolute_paths(paths)
    first = _Head.of(names[0]).header
    _check_labels(first, first.dtype, names[0])
    magic = build_header(first.dtype, (0,))[:MAGIC_NBYTES]
    swapped = first.dtype.newbyteorder(">")
    parts: list[NDArray[Any]] = []
    for name, count, partner in zip(
        names, partners.counts.tolist(), partners.paths, strict=True
    ):
        expected = magic + count.to_bytes(DIM_NBYTES, "big")
        nbytes = len(expected) + count * swapped.itemsize
        data, status = _glance(name, nbytes)
        is_whole = status is not None and status.st_size == len(data) == nbytes
        if is_whole and data.startswith(expected):
            parts.append(np.frombuffer(data, swapped, offset=len(expected)))
        else:
            parts.append(_read_odd_labels(name, count, partner, first.dtype))
    return np.concatenate(parts, dtype=first.dtype)


def _read_odd_labels(path: str, count: int, partner: str, dtype: DType) -> NDArray[Any]:
    header = _Head.of(path).header
    _check_labels(header, dtype, path)
    if header.shape[0] != count:
        raise DatasetError(
            "images and labels of a shard differ in number",
            path=path,
            expected=f"{count} labels, one for each image of {partner}",
            found=header.shape[0],
        )
    return read_idx(Path(path))


def _check_labels(header: Header, dtype: DType, path: str) -> None:
    if len(header.shape) != 1 or header.dtype.kind not in "iu":
        raise DatasetError(
            "labels are not a list of integers",
            path=path,
            expected="integers of shape (n,)",
            found=f"{header.dtype.name} of shape {header.shape}",
        )
    if header.dtype != dtype:
        raise DatasetError(
            "a shard's dtype is not that of the others",
            path=path,
            expected=dtype.name,
            found=header.dtype.name,
        )
