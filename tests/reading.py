"""What the tests of `read_idx` share: reading as the oracle does, in pieces of any size."""

import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from idxdata import IdxDataError, gunzip, read_idx
from tests.strategies import PlainArray, plain, raw_idx

PIECE_SIZES = (1, 2, 3, 7, gunzip._PIECE_NBYTES)

MEGABYTE = 1 << 20

SMALL = {
    "u1": raw_idx(0x08, (2, 3), bytes(range(6))),
    "i2": raw_idx(0x0B, (1, 2), bytes(range(4))),
    "f8": raw_idx(0x0E, (1,), bytes(range(8))),
    "empty": raw_idx(0x0C, (0, 2), b""),
}


def read_plain(path: Path) -> PlainArray | None:
    """What read_idx finds, or None where it refuses; any other error is a failure."""
    try:
        return plain(read_idx(path))
    except IdxDataError as error:
        assert error.path == str(path)
        return None


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of `files`, in that order."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


CONTAINERS: dict[str, Callable[[bytes], bytes]] = {
    "raw": lambda data: data,
    "gzip": lambda data: gzip.compress(data, 1, mtime=0),
    "xz": lambda data: lzma.compress(data, preset=0),
    "zip": lambda data: zipped({"folder/": b"", "folder/a": data}),
    "stored in zip": lambda data: zipped({"a": data}, zipfile.ZIP_STORED),
    "gzip in zip": lambda data: zipped({"a.gz": gzip.compress(data, 1, mtime=0)}),
    "xz in zip": lambda data: zipped({"a.xz": lzma.compress(data, preset=0)}),
}
IN_ZIP = {name for name in CONTAINERS if "zip" in name.replace("gzip", "")}


class Pipe:
    """The least of a file object: only `read`, which falls short of what is asked."""

    def __init__(self, data: bytes, most: int = 7) -> None:
        self.num_read = 0
        self._data = data
        self._most = most

    def read(self, nbytes: int, /) -> bytes:
        start = self.num_read
        self.num_read += len(self._data[start : start + min(nbytes, self._most)])
        return self._data[start : self.num_read]


class Counted(io.BytesIO):
    """A seekable file object that counts the bytes it gave."""

    num_read = 0

    def readinto(self, out: Any, /) -> int:
        count = super().readinto(out)
        self.num_read += count
        return count
