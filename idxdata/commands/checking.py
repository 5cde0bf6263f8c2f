"""Whether one file is sound, from its first byte to its last, in bounded memory."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from idxdata.commands.containers import container_of, read_head, zip_members
from idxdata.commands.printing import safe
from idxdata.errors import FormatError, HeaderError, PathLike
from idxdata.payload import IdxSource, open_source
from idxdata.progress import progress_bar
from idxdata.sources import Source, open_bytes
from idxdata.zips import open_member

_PIECE_NBYTES = 1 << 20
_NPY = b"\x93NUMPY"
_DATA_NAME = re.compile(r"[-.]idx\d|\.np[yz]$")
_BAD_NPY = (
    ValueError,
    KeyError,
    TypeError,
    SyntaxError,
    OverflowError,
    RecursionError,
    MemoryError,
)
"""What NumPy raises for headers, which it parses as Python's literals."""

_READ_HEADER = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@dataclass(frozen=True, slots=True)
class Digests:
    """Of a file's bytes as they lie there, hexadecimal; and how many there are."""

    nbytes: int
    sha256: str
    md5: str


@dataclass(frozen=True, slots=True)
class Array:
    """A sound array. `member`: its name in an archive, an .npz's with its ".npy"."""

    member: str | None
    dtype: str
    shape: tuple[int, ...]


def is_named_as_data(name: str) -> bool:
    """Whether a file of that name should be IDX or NumPy's: "a-idx3-ubyte.gz", "a.npz"."""
    return _DATA_NAME.search(name) is not None


def hash_file(path: Path) -> Digests:
    """Read the file once. Raises `OSError`, `FormatError` if it is no regular file."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    nbytes = 0
    with (
        open_bytes(path) as source,
        progress_bar(f"hashing {safe(path.name)}", source.nbytes or 0) as advance,
    ):
        while piece := source.file.read(_PIECE_NBYTES):
            sha256.update(piece)
            md5.update(piece)
            nbytes += len(piece)
            advance(len(piece))
    return Digests(nbytes, sha256.hexdigest(), md5.hexdigest())


def check_arrays(path: Path) -> tuple[Array, ...]:
    """Decode all that is in the file: IDX data, an .npy, or a zip archive of them.

    Of an archive other files are read too, and only their CRC-32 is checked. Raises
    what tells the first defect: the errors of `read_idx`, `FormatError` for an
    .npy and for an archive without any array; `OSError` while reading.
    """
    if container_of(path) == "zip":
        found = [_check_member(path, member.name) for member in zip_members(path)]
        arrays = tuple(array for array in found if array is not None)
        if not arrays:
            raise FormatError("a zip archive without IDX data or .npy files", path=path)
        return arrays
    if read_head(path, len(_NPY)) == _NPY:
        with open_bytes(path) as opened:
            return (_check_npy(opened, None),)
    with open_source(path) as source:
        return (_check_payload(source, None, path.name),)


def _check_member(path: Path, name: str) -> Array | None:
    """None where it is neither IDX nor .npy, by its bytes and by its name."""
    if name.endswith(".npy"):
        with _opened_member(path, name) as opened:
            return _check_npy(opened, name)
    try:
        with open_source(path, member=name) as source:
            return _check_payload(source, name, name)
    except HeaderError as error:
        if error.offset != 0 or is_named_as_data(name):
            raise
    with _opened_member(path, name) as opened:
        _read_to_end(opened.file)
    return None


@contextmanager
def _opened_member(path: Path, name: str) -> Iterator[Source]:
    with open_bytes(path) as archive, open_member(archive, name) as opened:
        yield opened


def _check_payload(source: IdxSource, member: str | None, label: str) -> Array:
    header = source.header
    source.check_size()
    piece = memoryview(bytearray(min(_PIECE_NBYTES, header.nbytes)))
    with progress_bar(f"decoding {safe(label)}", header.nbytes) as advance:
        while left := header.nbytes - source.position:
            part = piece[:left]
            source.readinto(part)
            advance(len(part))
        source.finish()
    return Array(member, header.dtype.name, header.shape)


def _check_npy(opened: Source, member: str | None) -> Array:
    """The header by NumPy, the data counted; Python objects are refused."""
    place: PathLike | None = opened.name
    what = "an .npy file" if member is None else f"member {member!r}"
    try:
        version = np.lib.format.read_magic(opened.file)
        read_header = _READ_HEADER[version]
        shape, _, dtype = read_header(opened.file)
    except _BAD_NPY as error:
        text = " ".join(str(error).split())
        raise FormatError(
            f"{what} has no sound header", path=place, found=text
        ) from None
    if dtype.hasobject:
        raise FormatError(
            f"{what} holds pickled Python objects",
            path=place,
            hint="they can run code when they are read; save plain arrays",
        )
    found = _read_to_end(opened.file)
    expected = dtype.itemsize
    for dim in shape:
        expected *= dim
    if found != expected:
        raise FormatError(
            f"{what} has another size than its header tells",
            path=place,
            expected=f"{expected} bytes for {dtype.name} {shape}",
            found=f"{found} bytes",
        )
    return Array(member, dtype.name, shape)


def _read_to_end(file: BinaryIO) -> int:
    nbytes = 0
    while piece := file.read(_PIECE_NBYTES):
        nbytes += len(piece)
    return nbytes
