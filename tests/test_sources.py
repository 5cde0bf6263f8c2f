"""Where data comes from and what it is packed in: the same array from all of them."""

import gzip
import http.server
import io
import lzma
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import idxdata
from idxdata import (
    FormatError,
    GzipError,
    HeaderError,
    IdxDataError,
    LimitError,
    PayloadSizeError,
    open_idx,
    read_header,
    read_idx,
)
from idxdata.sources import open_bytes
from tests.reading import CONTAINERS, IN_ZIP, MEGABYTE, SMALL, Pipe
from tests.strategies import (
    Array,
    PlainArray,
    edits,
    idx_arrays,
    parse_idx,
    peak_nbytes,
    plain,
    raw_idx,
)

pytestmark = pytest.mark.usefixtures("each_engine")

fsspec = pytest.importorskip("fsspec")

DATA = SMALL["i2"]


class FileHandler(http.server.BaseHTTPRequestHandler):
    """Serves `files`; below /ranges/ their size and parts of them too."""

    files: ClassVar[dict[str, bytes]] = {}

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, *, with_body: bool) -> None:
        data = self.files.get(Path(self.path).name)
        if data is None:
            self.send_error(404)
            return
        first, last, status = 0, len(data) - 1, 200
        asked = self.headers.get("Range")
        if asked and "/ranges/" in self.path:
            first, last = (int(part) for part in asked[len("bytes=") :].split("-"))
            last, status = min(last, len(data) - 1), 206
        self.send_response(status)
        if "/ranges/" in self.path:
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        if with_body:
            self.wfile.write(data[first : last + 1])

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a web server on this machine."""
    pytest.importorskip("aiohttp")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), FileHandler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def in_memory(data: bytes) -> str:
    fsspec.filesystem("memory").pipe_file("/idx/a", data)
    return "memory://idx/a"


SOURCES: dict[str, Callable[[bytes], Any]] = {
    "bytes": lambda data: data,
    "bytearray": bytearray,
    "memoryview": lambda data: memoryview(b"?" + data)[1:],
    "wide memoryview": lambda data: memoryview(np.frombuffer(data, "S1")),
    "BytesIO": io.BytesIO,
    "pipe": Pipe,
    "memory": in_memory,
}


@given(
    array=idx_arrays(),
    container=st.sampled_from(sorted(CONTAINERS)),
    source=st.sampled_from([*sorted(SOURCES), "path", "str", "file"]),
)
@settings(max_examples=300)
def test_the_same_array_from_everywhere(
    array: Array, container: str, source: str, place: Path
) -> None:
    raw = b"".join(idxdata.writer.idx_pieces(array))
    data = CONTAINERS[container](raw)
    (place / "a").write_bytes(data)
    if source == "pipe" and container in IN_ZIP:
        with pytest.raises(FormatError, match="seekable"):
            read_idx(Pipe(data))
        return
    path = place / "a"
    if source == "file":
        with open(path, "rb") as file:
            header, back = read_header(file), read_idx(file)
            assert file.tell() == len(data)
    elif source in SOURCES:
        header, back = (read(SOURCES[source](data)) for read in (read_header, read_idx))
    else:
        given_path = str(path) if source == "str" else path
        header, back = read_header(given_path), read_idx(given_path)
    assert plain(back) == plain(array)
    assert back.flags.owndata
    assert back.flags.c_contiguous
    assert back.flags.writeable
    assert back.dtype.isnative
    assert (header.dtype, header.shape) == (back.dtype, back.shape)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("way", ["ranges", "stream"])
def test_the_same_array_by_http(way: str, container: str, server: str) -> None:
    data = CONTAINERS[container](DATA)
    FileHandler.files["a"] = data
    url = f"{server}/{way}/a"
    if way == "stream" and container in IN_ZIP:
        with pytest.raises(FormatError) as caught:
            read_idx(url)
        assert caught.value.path == url
        return
    assert plain(read_idx(url)) == parse_idx(DATA)
    assert read_header(url).shape == (1, 2)


def test_http_errors_are_the_file_systems(server: str) -> None:
    with pytest.raises(FileNotFoundError):
        read_idx(f"{server}/ranges/missing")


def test_a_url_without_fsspec_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['fsspec'] = None\n"
        "import idxdata\n"
        "try:\n"
        "    idxdata.read_idx('memory://a')\n"
        "except idxdata.MissingFrameworkError as error:\n"
        "    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert done.stdout == "fsspec is not installed; pip install 'idxdata[fsspec]'\n"


@pytest.mark.parametrize("container", CONTAINERS)
def test_open_idx_maps_what_is_packed(container: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTAINERS[container](DATA))
    assert plain(open_idx(tmp_path / "a")) == parse_idx(DATA)
    assert plain(open_idx(str(tmp_path / "a"))) == parse_idx(DATA)


# File objects: where they stand


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_file_is_read_from_its_position_and_left_open(container: str) -> None:
    file = io.BytesIO(b"before" + CONTAINERS[container](DATA))
    file.seek(6)
    assert read_header(file).shape == (1, 2)
    assert file.tell() == 6
    assert plain(read_idx(file)) == parse_idx(DATA)
    assert file.tell() == len(file.getvalue())
    file.seek(6)
    assert read_idx(file, rows=slice(0, 0)).shape == (0, 2)
    assert file.tell() == len(file.getvalue())


@pytest.mark.parametrize(
    "opener", [gzip.open, lzma.open, open], ids=lambda f: f.__module__
)
def test_file_objects_of_the_standard_library(
    opener: Callable[..., Any], tmp_path: Path
) -> None:
    with opener(tmp_path / "a", "wb") as file:
        file.write(DATA)
    with opener(tmp_path / "a", "rb") as file:
        assert plain(read_idx(file)) == parse_idx(DATA)


def test_error_names_the_source(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    names = []
    with open(tmp_path / "a", "rb") as file:
        for source in (
            tmp_path / "a",
            b"xxxx",
            file,
            io.BytesIO(b"x"),
            in_memory(b"x"),
        ):
            with pytest.raises(HeaderError) as caught:
                read_idx(source)
            names.append(caught.value.path)
    path = str(tmp_path / "a")
    assert names == [path, "<bytes>", path, None, "memory://idx/a"]


class BytesPath:
    def __fspath__(self) -> bytes:
        return b"a"


@pytest.mark.parametrize(
    "source",
    [
        io.StringIO("text"),
        7,
        None,
        ["a"],
        np.zeros(3, "u1"),
        BytesPath(),
        memoryview(b"0123")[::2],
    ],
    ids=lambda value: type(value).__name__,
)
def test_things_that_are_no_source(source: Any) -> None:
    with pytest.raises(TypeError):
        read_idx(source)


def test_bytes_are_data_even_if_they_name_a_file() -> None:
    with pytest.raises(HeaderError) as caught:
        read_idx(__file__.encode())
    assert caught.value.path == "<bytes>"


def test_a_file_of_text_or_without_data_is_refused() -> None:
    class Words:
        def read(self, nbytes: int) -> str:
            return "words"

    class Later:
        def read(self, nbytes: int) -> None:
            return None

    with open(__file__) as file, pytest.raises(TypeError, match="'rb'"):
        read_idx(file)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="str"):
        read_idx(Words())  # type: ignore[arg-type]
    with pytest.raises(BlockingIOError):
        read_idx(Later())  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [b"/tmp/a", "memory://a", io.BytesIO(DATA)])
def test_open_idx_takes_paths_alone(path: Any) -> None:
    with pytest.raises((TypeError, FileNotFoundError)):
        open_idx(path)


def test_bytes_are_neither_copied_nor_held() -> None:
    data = bytearray(CONTAINERS["raw"](raw_idx(0x08, (8 * MEGABYTE,), bytes(8 << 20))))
    assert peak_nbytes(lambda: read_idx(data, rows=slice(0, 5))) < MEGABYTE
    data.append(0)
    with pytest.raises(PayloadSizeError):
        read_idx(data)
    data.append(0)


def test_short_reads_and_ends() -> None:
    with open_bytes(Pipe(b"abc", 2)) as source:
        assert [source.file.read(9) for _ in range(3)] == [b"ab", b"c", b""]
    with open_bytes(memoryview(b"abc")) as source:
        source.file.seek(-1, io.SEEK_END)
        assert (source.nbytes, source.file.read(9), source.file.tell()) == (3, b"c", 3)


# What a few bytes can claim


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("source", ["bytes", "pipe"])
def test_a_little_data_cannot_claim_memory(source: str, container: str) -> None:
    data = CONTAINERS[container](raw_idx(0x08, (2**31, 2**31), bytes(4)))
    rows: tuple[slice | None, ...] = (None, slice(None), slice(None, None, -3))

    def refuse() -> None:
        for chosen in rows:
            with pytest.raises(FormatError):
                read_idx(data if source == "bytes" else Pipe(data), rows=chosen)

    # xz -0 has a dictionary of 256 KiB; memory grows from 16 MiB, hardly touched.
    assert peak_nbytes(refuse) < 20 * MEGABYTE


@pytest.mark.volume
@pytest.mark.parametrize("container", ["raw", "gzip", "xz"])
def test_memory_grows_with_what_arrives(container: str) -> None:
    array = np.zeros((9 * MEGABYTE // 1024, 1024), "f4")
    array[:, 0] = np.arange(len(array))
    raw = b"".join(idxdata.writer.idx_pieces(array))
    data = CONTAINERS[container](raw)
    for rows in (slice(1, None, 2), slice(None, None, -1)):
        back = read_idx(Pipe(data, MEGABYTE), rows=rows)
        assert np.array_equal(back, array[rows])
        assert back.flags.owndata


def test_max_nbytes_holds_for_every_source() -> None:
    for container, pack in CONTAINERS.items():
        data = pack(SMALL["u1"])
        assert read_idx(data, max_nbytes=6).nbytes == 6, container
        assert read_idx(data, max_nbytes=3, rows=slice(1)).nbytes == 3
        with pytest.raises(LimitError):
            read_idx(data, max_nbytes=5)


def xz_with_dictionary(code: int) -> bytes:
    """An xz file whose first block asks for a dictionary of that size code."""
    data = bytearray(lzma.compress(SMALL["u1"]))
    block = slice(12, 12 + (data[12] + 1) * 4)
    data[16] = code
    data[block.stop - 4 : block.stop] = struct.pack(
        "<I", idxdata.gunzip.zlib.crc32(data[12 : block.stop - 4])
    )
    return bytes(data)


def test_an_xz_dictionary_has_a_limit() -> None:
    assert plain(read_idx(xz_with_dictionary(28))) == parse_idx(SMALL["u1"])
    with pytest.raises(FormatError, match="more memory than is allowed") as caught:
        read_idx(xz_with_dictionary(40))
    assert caught.value.expected == f"at most {256 << 20} bytes"
    assert "damaged" not in str(caught.value)


# Data that is short


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("rows", [None, slice(9, None)])
def test_a_short_payload_is_told_in_examples(
    rows: slice | None, container: str, tmp_path: Path
) -> None:
    data = CONTAINERS[container](raw_idx(0x0B, (10, 3), bytes(2 * 6 + 5)))
    (tmp_path / "a").write_bytes(data)
    for source in (data, tmp_path / "a"):
        with pytest.raises(PayloadSizeError) as caught:
            read_idx(source, rows=rows)
        assert caught.value.hint == "8 of 10 examples are missing"


@pytest.mark.parametrize("container", ["gzip", "xz"])
def test_packed_data_that_ends_early_is_told_in_examples(container: str) -> None:
    payload = np.random.default_rng(0).bytes(100 * 784)
    data = CONTAINERS[container](raw_idx(0x08, (100, 28, 28), payload))
    with pytest.raises(FormatError) as caught:
        read_idx(data[: len(data) // 2])
    if container == "gzip":
        assert type(caught.value) is GzipError
    count, _, rest = str(caught.value.hint).partition(" of 100 examples are missing; ")
    assert 45 < int(count) <= 100
    assert "truncated" in rest


# Damage


def read_or_none(data: bytes) -> PlainArray | None:
    """What read_idx finds, or None where it refuses; any other error is a failure."""
    try:
        return plain(read_idx(data))
    except IdxDataError as error:
        assert error.path == "<bytes>"
        return None


def outcomes(data: bytes) -> set[bool]:
    """Whether each change of a byte of `data` to four values is noticed."""
    found = set()
    for at, byte in enumerate(data):
        for value in {byte ^ 1, byte ^ 0x80, 0, 0xFF} - {byte}:
            back = read_or_none(data[:at] + bytes([value]) + data[at + 1 :])
            assert back in (None, parse_idx(DATA)), (at, value)
            found.add(back is None)
    return found


@pytest.mark.parametrize("container", [name for name in CONTAINERS if name != "raw"])
def test_changes_of_a_byte(container: str) -> None:
    assert True in outcomes(CONTAINERS[container](DATA))


def test_every_change_of_an_xz_byte_is_noticed() -> None:
    assert outcomes(CONTAINERS["xz"](DATA)) == {True}


@pytest.mark.parametrize("container", [name for name in CONTAINERS if name != "raw"])
def test_every_truncation(container: str) -> None:
    data = CONTAINERS[container](DATA)
    for length in range(len(data)):
        assert read_or_none(data[:length]) is None


@given(
    data=st.sampled_from(sorted(set(CONTAINERS) - {"raw", "stored in zip"}))
    .map(lambda name: CONTAINERS[name](DATA))
    .flatmap(edits)
)
def test_any_edits(data: bytes) -> None:
    assert read_or_none(data) in (None, parse_idx(DATA))


@pytest.mark.parametrize("num_zeros", range(9))
def test_xz_streams_and_what_lies_between_them(num_zeros: int) -> None:
    one, two = lzma.compress(DATA[:9]), lzma.compress(DATA[9:])
    sound = parse_idx(DATA) if num_zeros % 4 == 0 else None
    padding = bytes(num_zeros)
    for data in (one + padding + two, one + two + padding):
        assert read_or_none(data) == sound
        # In pieces, so that a stream ends where a piece does.
        if sound:
            assert plain(read_idx(Pipe(data, 1))) == sound
    assert read_or_none(one + two + padding + b"x") is None


# Sources that are taken for another


def test_a_path_as_bytes_gets_a_hint(tmp_path: Path) -> None:
    with pytest.raises(HeaderError, match="for a path pass a str"):
        read_idx(os.fsencode(tmp_path))
    for data in (b"a\0", b"a" * 4096, b"BZh91AY"):
        with pytest.raises(HeaderError) as caught:
            read_idx(data)
        assert "pass a str" not in str(caught.value)


def test_a_pipe_as_path_gets_a_hint(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    with pytest.raises(FormatError, match="open file object"):
        read_idx(tmp_path / "a")


@pytest.mark.parametrize("container", CONTAINERS)
def test_arguments_of_a_wrong_type(container: str) -> None:
    data = CONTAINERS[container](DATA)
    for member in (Path("a"), 3):
        with pytest.raises(TypeError, match="member must be a str"):
            read_idx(data, member=member)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        read_idx(data, max_nbytes=float("nan"))  # type: ignore[arg-type]


def test_a_view_of_no_bytes_is_empty_data() -> None:
    with pytest.raises(HeaderError, match="empty"):
        read_idx(memoryview(np.empty((0, 3), np.uint8)))


def test_a_peer_that_stays_open_is_not_waited_for() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (100, 784), np.uint8)
    data = gzip.compress(b"".join(idxdata.writer.idx_pieces(noise)))[:20_000]
    for rows in (None, slice(10)):
        here, there = socket.socketpair()
        with here, there, here.makefile("rb") as file:
            here.settimeout(20)
            there.sendall(data)
            if rows is None:
                assert read_header(file).shape == noise.shape
            else:
                assert np.array_equal(read_idx(file, rows=rows), noise[rows])
