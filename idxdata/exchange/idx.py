"""One array in an IDX file, raw or in any container that `read_idx` takes."""

import os
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.dtypes import has_code, nearest_dtype
from idxdata.errors import (
    DatasetError,
    FormatError,
    HeaderError,
    IdxDataError,
    PathLike,
)
from idxdata.exact import check_exact
from idxdata.exchange.content import Content, Part
from idxdata.exchange.labelling import small
from idxdata.exchange.npy import described
from idxdata.header import Header
from idxdata.idx import read_header, read_idx
from idxdata.mapping import Region, map_open_file
from idxdata.payload import open_source
from idxdata.writer import write_idx


def matches(path: Path) -> bool:
    """Whether the file's content begins as IDX, compressed or not."""
    try:
        read_header(path)
    except HeaderError as error:
        # A header that is wrong further on is IDX, and gets its own error.
        return error.what != "not an IDX magic" and error.offset != 0
    except IdxDataError:
        return False
    return True


def read(path: Path) -> Content:
    """The array as one unnamed part. Raises the errors of `read_idx`."""
    return Content({"": Part(read_array(path))})


def read_array(path: PathLike) -> NDArray[Any]:
    """The array: mapped copy-on-write from a raw file of bytes, else in memory.

    Raises the errors of `read_idx`.
    """
    with FileIO(os.path.realpath(path)) as file, open_source(file, peek=True) as source:
        header = source.header
        if source.is_mappable and header.dtype.itemsize == 1:
            source.check_size()
            return map_open_file(
                file, Region(header.offset, header.dtype, header.shape)
            )
    return read_idx(path)


def read_joined(paths: Sequence[Path]) -> NDArray[Any]:
    """The rows of several files, at least one, one after the other, in memory.

    Raises `DatasetError` that names a file whose dtype, or the shape of whose rows, is
    not that of the first, and the errors of `read_idx`.
    """
    headers = [_checked_header(path) for path in paths]
    first = headers[0]
    for path, header in zip(paths, headers, strict=True):
        if (header.dtype, header.shape[1:]) != (first.dtype, first.shape[1:]):
            raise DatasetError(
                "a shard's rows are not like those of the others",
                path=path,
                expected=f"{first.dtype.name} {first.shape[1:]}",
                found=f"{header.dtype.name} {header.shape[1:]}",
            )
    counts = [header.shape[0] for header in headers]
    joined: NDArray[Any] = np.empty((sum(counts), *first.shape[1:]), first.dtype)
    start = 0
    for path, count in zip(paths, counts, strict=True):
        joined[start : start + count] = read_idx(path)
        start += count
    return joined


def _checked_header(path: Path) -> Header:
    with open_source(path, peek=True) as source:
        source.check_size()
        return source.header


def storable(content: Content, path: PathLike) -> Content:
    """`content` in dtypes that IDX has; what was changed is in the notices.

    Labels become uint8, int32 if that does not hold them; other arrays of integers
    int32, of bool uint8, of float16 float32, of long double float64. Values stay.

    Raises `HeaderError` for a value that would change, and a dtype like none of these.
    """
    notices = list(content.notices)
    parts = {}
    for name, part in content.parts.items():
        data = _converted(part.data, f"{name} data".lstrip(), notices, path)
        labels = part.labels
        if labels is not None and not has_code(labels.dtype):
            labels = small(labels)
        if labels is not None:
            labels = _converted(labels, f"{name} labels".lstrip(), notices, path)
        parts[name] = Part(data, labels)
    return Content(parts, content.classes, tuple(notices))


def _converted(
    array: NDArray[Any], what: str, notices: list[str], path: PathLike
) -> NDArray[Any]:
    if has_code(array.dtype):
        return array
    nearest = nearest_dtype(array.dtype)
    if nearest is None:
        raise HeaderError(
            "IDX has no code for this dtype",
            path=path,
            expected="one of uint8, int8, int16, int32, float32, float64",
            found=array.dtype,
            hint="npy and npz have it",
        )
    check_exact(array, nearest, path=path)
    notices.append(f"{what}: {array.dtype} written as {nearest}, all values the same")
    return array.astype(nearest)


def write(content: Content, path: Path) -> None:
    """Write the one array, gzip if the name ends in ".gz".

    Raises `FormatError` where there are labels or several parts, and the errors of
    `write_idx`.
    """
    part = content.single
    if part is None:
        raise FormatError(
            "an IDX file holds one array",
            path=path,
            found=described(content),
            hint="name a folder, and each gets a file of its own",
        )
    write_idx(path, part.data)
