"""File objects that keep to less than the contract, or decode, or have no size."""

import codecs
import gzip
import io
import os
from pathlib import Path
from typing import Any

import pytest

from idxdata import (
    FormatError,
    read_header,
    read_idx,
)
from idxdata.sources import open_bytes
from tests.reading import CONTAINERS, SMALL
from tests.strategies import (
    parse_idx,
    plain,
    raw_idx,
)

pytestmark = pytest.mark.usefixtures("each_engine")

DATA = SMALL["i2"]


class SeeksOddly(io.BytesIO):
    """Its `seek` returns nothing, and one to the end moves and then fails."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        super().seek(offset, whence)
        if whence == os.SEEK_END:
            raise ValueError("no end")
        return None  # type: ignore[return-value]


class Hidden:
    """All of a file object except its type, so that its size is not known."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_a_seek_that_returns_nothing_or_fails() -> None:
    for file in (
        SeeksOddly(DATA),
        Hidden(SeeksOddly(DATA)),
        codecs.getreader("latin1")(io.BytesIO(DATA)),
    ):
        assert read_header(file).shape == (1, 2)
        assert file.tell() == 0
        assert plain(read_idx(file)) == parse_idx(DATA)
        file.close()


def test_errors_of_a_file_object_pass(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(DATA))
    packed[-8] ^= 1
    with gzip.open(io.BytesIO(packed)) as file, pytest.raises(gzip.BadGzipFile):
        read_idx(file)


@pytest.mark.parametrize("kind", [None, "zip"])
def test_a_seek_that_loses_its_place_is_an_error(kind: str | None) -> None:
    class Loses(io.BytesIO):
        def seek(self, offset: int, whence: int = 0, /) -> int:
            return super().seek(1)

    with pytest.raises(OSError, match="stands at 1"):
        read_idx(Loses(CONTAINERS[kind or "raw"](DATA)))


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_file_object_of_unknown_size(container: str, tmp_path: Path) -> None:
    """What decodes is not read to its end for its size, and zip can seek in it."""
    with gzip.open(tmp_path / "a", "wb") as file:
        file.write(CONTAINERS[container](DATA))
    with gzip.open(tmp_path / "a", "rb") as file:
        with open_bytes(file) as source:
            assert (source.nbytes, source.can_seek) == (None, True)
        assert read_header(file).shape == (1, 2)
        assert file.tell() == 0
        assert plain(read_idx(file)) == parse_idx(DATA)
    hidden = Hidden(io.BytesIO(b"??" + CONTAINERS[container](DATA)))
    hidden.seek(2)
    assert plain(read_idx(hidden)) == parse_idx(DATA)


def test_a_header_is_read_without_decoding_the_rest() -> None:
    raw = raw_idx(0x08, (8 << 20,), bytes(8 << 20))
    file = io.BytesIO(gzip.compress(raw, 1))
    with gzip.open(file) as decoding:
        assert read_header(decoding).shape == (8 << 20,)
    with gzip.open(io.BytesIO(file.getvalue()[:9000])) as decoding:
        assert read_header(decoding).shape == (8 << 20,)


def test_sizes_that_are_cheap(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    for buffering in (0, -1):
        with open(tmp_path / "a", "rb", buffering=buffering) as file:
            file.seek(1)
            with open_bytes(file) as source:
                assert source.nbytes == 2
    with open(tmp_path / "a", "r+b") as file:
        file.seek(0, os.SEEK_END)
        file.write(b"def")
        file.seek(1)
        with open_bytes(file) as source:
            assert source.nbytes == 5
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").pipe_file("/idx/a", b"abc")
    for url in ("memory://idx/a", f"file://{tmp_path}/a"):
        with fsspec.open(url, "rb") as file, open_bytes(file) as source:
            assert source.nbytes == file.size


@pytest.mark.parametrize("count", [-1, 1 << 30])
def test_a_count_that_cannot_be(count: int) -> None:
    class Fills(io.RawIOBase):
        def readinto(self, out: Any, /) -> int:
            return count

    class Gives:
        def read(self, nbytes: int, /) -> bytes:
            return bytes(nbytes + 1)

    for source in (Fills(), Gives()):
        with pytest.raises(OSError, match="invalid number"):
            read_idx(source)


@pytest.mark.parametrize("error", [b"", b"\0\0\x08", b"\x1f\x8b\x08\xff" + bytes(9)])
def test_the_position_is_restored_after_an_error(error: bytes) -> None:
    file = io.BytesIO(b"?" + error)
    file.seek(1)
    with pytest.raises(FormatError):
        read_header(file)
    assert file.tell() == 1
