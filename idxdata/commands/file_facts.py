"""What a file says of itself at its beginning: container, IDX header, first values."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from idxdata.caching.entry_data import shown
from idxdata.commands.containers import (
    GzipHeader,
    Member,
    container_of,
    count_gzip_members,
    read_gzip_header,
    zip_members,
)
from idxdata.dtypes import as_bytes, to_native
from idxdata.errors import HeaderError, IdxDataError, LimitError
from idxdata.idx import read_idx
from idxdata.payload import open_source

NUM_VALUES = 12
_MAX_EXAMPLE_NBYTES = 1 << 24
_CONVERTIBLE = (".npy", ".npz", "NumPy", "PNG", "Parquet")
_PIECE_NBYTES = 1 << 20
_CONVERT = "idxdata convert reads it"


@dataclass(frozen=True, slots=True)
class IdxFacts:
    """IDX data's header and its first example.

    `member`: its name in a zip archive, else None. `packed_nbytes`: as it lies in the
    file. `values`: the first ones, of a table or of images those of the first
    example from its first that is not 0, which `num_zeros` of them precede; None
    where an example is too large. `minimum`, `maximum`: of all values but NaN; None if
    not asked for, and where there are none.
    """

    member: str | None
    dtype: str
    shape: tuple[int, ...]
    header_nbytes: int
    payload_nbytes: int
    packed_nbytes: int
    num_zeros: int
    values: tuple[float, ...] | None
    minimum: float | None = None
    maximum: float | None = None

    @property
    def ratio(self) -> float:
        """Bytes of IDX for one byte of the file."""
        return (self.header_nbytes + self.payload_nbytes) / self.packed_nbytes


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file. `refused`: why nothing is to be had from it, else None.

    `others`: names of an archive's members that are no IDX data. `num_gzip_members`:
    None if not asked for, and of all but gzip.
    """

    path: str
    nbytes: int | None = None
    container: str | None = None
    gzip_header: GzipHeader | None = None
    num_gzip_members: int | None = None
    arrays: tuple[IdxFacts, ...] = ()
    others: tuple[str, ...] = ()
    refused: str | None = None


def file_facts(path: str, *, is_whole: bool = False) -> FileFacts:
    """All that `info` tells of the file; raises nothing that its bytes could cause.

    `is_whole`: read all of it, for the range of its values and the number of members.
    """
    facts: dict[str, Any] = {"path": path}
    try:
        facts["nbytes"] = os.stat(path).st_size
        facts["container"] = kind = container_of(Path(path))
        if kind == "gzip":
            facts["gzip_header"] = read_gzip_header(Path(path))
        if kind == "zip":
            arrays, others = _members(path, zip_members(Path(path)), is_whole)
            facts |= {"arrays": arrays, "others": others}
        else:
            facts["arrays"] = (_idx_facts(path, None, facts["nbytes"], is_whole),)
        if kind == "gzip" and is_whole:
            facts["num_gzip_members"] = count_gzip_members(Path(path))
    except IdxDataError as error:
        facts["refused"] = _reason(error)
    except (OSError, ValueError) as error:
        facts["refused"] = without_path(error)
        if isinstance(error, IsADirectoryError):
            facts["refused"] += "; idxdata verify takes folders"
    return FileFacts(**facts)


def _members(
    path: str, members: list[Member], is_whole: bool
) -> tuple[tuple[IdxFacts, ...], tuple[str, ...]]:
    """The archive's IDX data, and the names of all else.

    Raises the error of a member that is damaged, and of the first if none is IDX.
    """
    arrays, others, first = [], [], None
    for member in members:
        try:
            nbytes = member.packed_nbytes
            arrays.append(_idx_facts(path, member.name, nbytes, is_whole))
        except HeaderError as error:
            if error.offset != 0:
                raise
            others.append(member.name)
            first = first or error
        except IdxDataError as error:
            raise IdxDataError(
                f"member {member.name!r}: {without_path(error)}", path=path
            ) from None
    if not arrays:
        raise first or IdxDataError("a zip archive without files", path=path)
    return tuple(arrays), tuple(others)


def _idx_facts(
    path: str, member: str | None, packed_nbytes: int, is_whole: bool
) -> IdxFacts:
    with open_source(path, member=member, engine="zlib") as source:
        header = source.header
        source.check_size()
    num_zeros, values = _first_values(path, member, len(header.shape))
    low, high = _range(path, member) if is_whole else (None, None)
    return IdxFacts(
        member=member,
        dtype=header.dtype.name,
        shape=header.shape,
        header_nbytes=header.offset,
        payload_nbytes=header.nbytes,
        packed_nbytes=packed_nbytes,
        num_zeros=num_zeros,
        values=values,
        minimum=low,
        maximum=high,
    )


def _first_values(
    path: str, member: str | None, ndim: int
) -> tuple[int, tuple[float, ...] | None]:
    rows = slice(0, NUM_VALUES if ndim == 1 else 1)
    try:
        array = read_idx(
            path,
            rows=rows,
            member=member,
            engine="zlib",
            max_nbytes=_MAX_EXAMPLE_NBYTES,
        ).reshape(-1)
    except LimitError:
        return 0, None
    start = int((array != 0).argmax()) if ndim > 1 and array.any() else 0
    return start, tuple(array[start : start + NUM_VALUES].tolist())


def _range(path: str, member: str | None) -> tuple[float | None, float | None]:
    """The least and the largest value, read by pieces to the end. Raises as `read_idx`."""
    lows, highs = [], []
    with open_source(path, member=member) as source:
        header = source.header
        size = _PIECE_NBYTES // header.dtype.itemsize
        piece = np.empty(
            min(size, header.nbytes // header.dtype.itemsize), header.dtype
        )
        with shown("reading", header.nbytes) as advance:
            while left := (header.nbytes - source.position) // header.dtype.itemsize:
                part = piece[:left]
                source.readinto(as_bytes(part))
                to_native(part)
                lows.append(np.fmin.reduce(part).item())
                highs.append(np.fmax.reduce(part).item())
                advance(part.nbytes)
        source.finish()
    if not lows:
        return None, None
    return np.fmin.reduce(lows).item(), np.fmax.reduce(highs).item()


def _reason(error: IdxDataError) -> str:
    text = without_path(error)
    if any(word in text for word in _CONVERTIBLE):
        text += f"; {_CONVERT}"
    return text


def without_path(error: Exception) -> str:
    """The error's words without the path, for where that stands beside them."""
    if isinstance(error, IdxDataError):
        text = str(error)
        return text if error.path is None else text.removeprefix(f"{error.path}: ")
    # ValueError: a path with a NUL.
    return getattr(error, "strerror", None) or str(error)
