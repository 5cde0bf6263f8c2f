"""The file door: what is written is read back, and nothing else is read at all."""

import gzip
import os
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import (
    FormatError,
    GzipError,
    HeaderError,
    IdxDataError,
    LimitError,
    PayloadSizeError,
    gunzip,
    idx,
    open_idx,
    read_header,
    read_idx,
    write_idx,
)
from tests.gzip_members import (
    FCOMMENT,
    FNAME,
    FTEXT,
    Member,
    member,
    stored,
    with_all_fields,
)
from tests.strategies import (
    DTYPE_NAMES,
    IDX_TYPES,
    Array,
    PlainArray,
    edits,
    idx_arrays,
    parse_idx,
    peak_nbytes,
    plain,
    raw_idx,
)

PIECE_SIZES = (1, 2, 3, 7, gunzip._PIECE_NBYTES)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the examples of a property share."""
    return tmp_path_factory.mktemp("idx")


def read_plain(path: Path) -> PlainArray | None:
    """What read_idx finds, or None where it refuses; any other error is a failure."""
    try:
        return plain(read_idx(path))
    except IdxDataError as error:
        assert error.path == str(path)
        return None


# Round trips and the oracle


@given(
    array=idx_arrays(),
    name=st.sampled_from(["a", "a.gz"]),
    piece=st.sampled_from(PIECE_SIZES),
)
def test_round_trip(array: Array, name: str, piece: int, place: Path) -> None:
    path = place / name
    write_idx(path, array)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gunzip, "_PIECE_NBYTES", piece)
        back, header = read_idx(path), read_header(path)
    assert plain(back) == plain(array)
    assert back.dtype.isnative
    assert type(back) is np.ndarray
    assert back.flags.c_contiguous
    assert back.flags.writeable
    assert back.flags.aligned
    assert (header.dtype, header.shape) == (back.dtype, back.shape)
    assert (header.offset, header.nbytes) == (4 + 4 * back.ndim, back.nbytes)


@given(array=idx_arrays(), name=st.sampled_from(["b", "b.gz"]))
def test_open_idx_agrees(array: Array, name: str, place: Path) -> None:
    path = place / name
    write_idx(path, array)
    os.utime(path, ns=(0, zlib.crc32(path.read_bytes())))
    mapped = open_idx(path)
    assert plain(mapped) == plain(array)
    assert mapped.dtype.isnative
    assert type(mapped) is np.ndarray
    assert mapped.flags.c_contiguous
    assert mapped.flags.writeable


@given(array=idx_arrays(), name=st.sampled_from(["c", "c.gz"]))
def test_the_oracle_reads_what_is_written(array: Array, name: str, place: Path) -> None:
    path = place / name
    write_idx(path, array)
    assert parse_idx(path.read_bytes()) == plain(array)


@given(
    code=st.sampled_from(sorted(IDX_TYPES)),
    shape=st.lists(st.integers(0, 4), min_size=1, max_size=4).map(tuple),
    cuts=st.lists(st.integers(0, 90), max_size=4).map(sorted),
    piece=st.sampled_from(PIECE_SIZES),
)
def test_member_boundaries_may_lie_anywhere(
    code: int, shape: tuple[int, ...], cuts: list[int], piece: int, place: Path
) -> None:
    """In the magic, in the dims, in an element; empty members count as well."""
    payload = bytes(range(256)) * 8
    data = raw_idx(code, shape, payload[: IDX_TYPES[code][1] * int(np.prod(shape))])
    ends = [*(min(cut, len(data)) for cut in cuts), len(data)]
    parts = [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    path = place / "members.gz"
    path.write_bytes(b"".join(with_all_fields(part).raw for part in parts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gunzip, "_PIECE_NBYTES", piece)
        assert read_plain(path) == parse_idx(data) == parse_idx(path.read_bytes())


@given(array=idx_arrays(), level=st.integers(-1, 9))
def test_gz_output_depends_on_the_array_alone(
    array: Array, level: int, place: Path
) -> None:
    one, two = place / "one.gz", place / "two.gz"
    write_idx(one, array, level=level)
    # Another memory layout and another clock, the same file.
    os.utime(one, (0, 0))
    write_idx(two, array.astype(array.dtype.newbyteorder(">")).copy(), level=level)
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes()[4:8] == bytes(4)
    assert parse_idx(one.read_bytes()) == plain(array)


def test_large_array_in_many_chunks(tmp_path: Path) -> None:
    array = np.arange(3 * 700_001, dtype=">i4").reshape(700_001, 3).T
    for name in ("a", "a.gz"):
        write_idx(tmp_path / name, array, level=1)
        assert np.array_equal(read_idx(tmp_path / name), array)
        assert np.array_equal(open_idx(tmp_path / name), array)


@pytest.mark.parametrize("values", [[1.5, 2.5], [[1, 2], [3, 4]]])
def test_array_likes_are_written(values: list[float], tmp_path: Path) -> None:
    array = np.asarray(values, "f4")
    write_idx(tmp_path / "a", memoryview(array))
    assert plain(read_idx(tmp_path / "a")) == plain(array)


@pytest.mark.parametrize("engine", ["auto", "zlib"])
def test_engines_agree(engine: idx.Engine, tmp_path: Path) -> None:
    write_idx(tmp_path / "a.gz", np.arange(9, dtype="f8"))
    assert read_idx(tmp_path / "a.gz", engine=engine).tolist() == list(range(9))


def test_unknown_engine(tmp_path: Path) -> None:
    write_idx(tmp_path / "a", np.zeros(1, "u1"))
    with pytest.raises(ValueError, match="'turbo'"):
        read_idx(tmp_path / "a", engine="turbo")  # type: ignore[arg-type]


# Damage: every small edit of a small file. A raw file has no checksum, so the oracle
# says which edits leave another sound file. In a gzip file the array never changes.

SMALL = {
    "u1": raw_idx(0x08, (2, 3), bytes(range(6))),
    "i2": raw_idx(0x0B, (1, 2), bytes(range(4))),
    "f8": raw_idx(0x0E, (1,), bytes(range(8))),
    "empty": raw_idx(0x0C, (0, 2), b""),
}


def byte_changes(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Position, new value and the changed data, for all 255 changes of each byte."""
    for at in range(len(data)):
        for value in range(256):
            if value != data[at]:
                yield at, value, data[:at] + bytes([value]) + data[at + 1 :]


def byte_changes_in_file(path: Path, data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The same, and each time the file at `path` holds the changed data."""
    path.write_bytes(data)
    with open(path, "r+b", buffering=0) as file:
        last = 0
        for at, value, changed in byte_changes(data):
            os.pwrite(file.fileno(), data[last : last + 1], last)
            os.pwrite(file.fileno(), bytes([value]), at)
            last = at
            yield at, value, changed


def other_small_edits(data: bytes) -> Iterator[bytes]:
    """Every truncation, deletion, swap of neighbours, and some insertions."""
    for at in range(len(data)):
        yield data[:at]
        yield data[:at] + data[at + 1 :]
        yield data[:at] + data[at : at + 2][::-1] + data[at + 2 :]
    for at in range(len(data) + 1):
        for value in {0, 1, 0x1F, 0xFF, *data[at : at + 1]}:
            yield data[:at] + bytes([value]) + data[at:]


def oracle_or_none(data: bytes) -> PlainArray | None:
    try:
        return parse_idx(data)
    except ValueError:
        return None


@pytest.mark.parametrize("name", SMALL)
def test_every_change_of_a_byte_of_a_raw_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "raw"
    outcomes = set()
    for at, value, changed in byte_changes_in_file(path, SMALL[name]):
        expected = oracle_or_none(changed)
        assert read_plain(path) == expected, (at, value)
        outcomes.add(expected is None)
    assert outcomes == {True, False}


@pytest.mark.parametrize("name", SMALL)
def test_every_other_small_edit_of_a_raw_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "raw"
    for data in other_small_edits(SMALL[name]):
        path.write_bytes(data)
        assert read_plain(path) == oracle_or_none(data)


@given(data=st.sampled_from(sorted(SMALL.values())).flatmap(edits))
def test_any_edits_of_a_raw_file(data: bytes, place: Path) -> None:
    path = place / "edited"
    path.write_bytes(data)
    if data[:2] != b"\x1f\x8b":
        assert read_plain(path) == oracle_or_none(data)


def damage_members() -> list[Member]:
    """A sound file in four members: every field, with and without FHCRC.

    The members part the array inside its dims and inside an element.
    """
    data = raw_idx(0x0B, (2, 3), bytes(range(12)))
    return [
        member(data[:6], name=b"name alone"),
        with_all_fields(b""),
        with_all_fields(data[6:17], header_crc=False),
        member(data[17:]),
    ]


def bytes_that_gzip_does_not_protect() -> set[tuple[int, int]]:
    """(position, value) of every change of one byte that is not damage.

    Without FHCRC these are: any modification time, extra flags, operating system
    and content of the extra field; any letter of name or comment that does not end
    it; the text flag; a lone name that is called a comment; another length of the
    extra field, if only the edge between it and the name moves. With FHCRC: none.
    And in the DEFLATE stream the padding before a byte boundary, which zlib ignores.
    """
    allowed = set()
    base = 0
    for part in damage_members():
        spans = part.spans
        free: dict[int, set[int]] = {}
        if "header_crc" not in spans:
            for field in ("mtime", "xfl", "os", "extra"):
                free |= {at: set(range(256)) for at in spans.get(field, ())}
            for field in ("name", "comment"):
                free |= {
                    at: set(range(1, 256)) for at in list(spans.get(field, ()))[:-1]
                }
            flags_at = spans["flags"].start
            flags = part.raw[flags_at]
            free[flags_at] = {flags ^ FTEXT}
            if flags & (FNAME | FCOMMENT) == FNAME:
                comment = flags ^ FNAME ^ FCOMMENT
                free[flags_at] |= {comment, comment ^ FTEXT}
            if "extra" in spans:
                both = part.raw[spans["extra"].start : spans["name"].stop - 1]
                free[spans["xlen"].start] = set(range(both.rfind(0) + 1, len(both) + 1))
        deflated = part.raw[spans["deflate"].start : spans["deflate"].stop]
        for at, value, changed in byte_changes(deflated):
            if inflates_to(changed) == inflates_to(deflated):
                free.setdefault(spans["deflate"].start + at, set()).add(value)
        allowed |= {
            (base + at, value)
            for at, values in free.items()
            for value in values - {part.raw[at]}
        }
        base += len(part)
    return allowed


def inflates_to(deflated: bytes) -> bytes | None:
    """The content of a whole DEFLATE stream with nothing after it, or None."""
    inflater = zlib.decompressobj(-15)
    try:
        content = inflater.decompress(deflated)
    except zlib.error:
        return None
    return content if inflater.eof and not inflater.unused_data else None


def test_every_change_of_a_byte_of_a_gzip_file(tmp_path: Path) -> None:
    data = b"".join(part.raw for part in damage_members())
    expected = parse_idx(data)
    path = tmp_path / "packed.gz"
    accepted = set()
    for at, value, _ in byte_changes_in_file(path, data):
        found = read_plain(path)
        assert found in (None, expected), (at, value)
        if found:
            accepted.add((at, value))
    assert accepted == bytes_that_gzip_does_not_protect()


def test_every_other_small_edit_of_a_gzip_file(tmp_path: Path) -> None:
    data = b"".join(part.raw for part in damage_members())
    path = tmp_path / "packed.gz"
    for changed in other_small_edits(data):
        path.write_bytes(changed)
        assert read_plain(path) in (None, parse_idx(data))


@given(
    data=st.just(b"".join(part.raw for part in damage_members())).flatmap(edits),
    piece=st.sampled_from(PIECE_SIZES),
)
def test_any_edits_of_a_gzip_file(data: bytes, piece: int, place: Path) -> None:
    path = place / "edited.gz"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gunzip, "_PIECE_NBYTES", piece)
        found = read_plain(path)
    if data[:2] == b"\x1f\x8b":
        assert found in (
            None,
            plain(np.arange(12, dtype="u1").view(">i2").reshape(2, 3)),
        )
    else:
        assert found == oracle_or_none(data)


@pytest.mark.parametrize("piece", PIECE_SIZES)
def test_every_truncation_of_a_gzip_file(
    piece: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gunzip, "_PIECE_NBYTES", piece)
    members = damage_members()
    data = b"".join(part.raw for part in members)
    path = tmp_path / "packed.gz"
    boundaries = {sum(map(len, members[:i])) for i in range(1, 4)}
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(FormatError) as caught:
            read_idx(path)
        assert caught.value.path == str(path)
        if length < 2:
            assert type(caught.value) is HeaderError
        elif length not in boundaries:
            assert type(caught.value) is GzipError
        else:
            # Sound gzip: only the IDX header knows that members are lost.
            assert type(caught.value) in (HeaderError, PayloadSizeError)


@pytest.mark.parametrize("byte", range(256))
def test_every_appended_byte(byte: int, tmp_path: Path) -> None:
    data = SMALL["u1"]
    raw, packed = tmp_path / "raw", tmp_path / "packed.gz"
    raw.write_bytes(data + bytes([byte]))
    with pytest.raises(PayloadSizeError) as caught:
        read_idx(raw)
    assert (caught.value.offset, caught.value.found) == (12, "7 bytes")
    sound = member(data).raw
    packed.write_bytes(sound + bytes([byte]))
    if byte == 0:
        assert read_plain(packed) == parse_idx(data)
        return
    with pytest.raises(GzipError) as caught_gzip:
        read_idx(packed)
    assert caught_gzip.value.offset == len(sound)


@pytest.mark.parametrize("excess", [-6, -1, 1, 1000])
def test_payload_of_another_size_in_gzip(excess: int, tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(raw_idx(0x08, (2, 3), bytes(6 + excess))))
    for function in (read_idx, open_idx):
        with pytest.raises(PayloadSizeError) as caught:
            function(path)
        assert caught.value.offset == 12
        assert str(caught.value.expected).startswith("6 bytes")
    assert read_header(path).shape == (2, 3)


# Things that are no files of data


@pytest.mark.parametrize("function", [read_header, read_idx, open_idx])
def test_empty_file(function: Callable[[Path], object], tmp_path: Path) -> None:
    for name, data in (("a", b""), ("b.gz", b""), ("c.gz", gzip.compress(b""))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(HeaderError) as caught:
            function(tmp_path / name)
        assert (caught.value.offset, caught.value.found) == (0, "0 bytes")
        assert caught.value.hint == "the file is empty"


@pytest.mark.parametrize("function", [read_header, read_idx, open_idx])
def test_missing_file_and_folder(
    function: Callable[[Path], object], tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        function(tmp_path / "missing")
    with pytest.raises((IsADirectoryError, FormatError)):
        function(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("function", [read_header, read_idx, open_idx])
def test_a_pipe_is_refused_at_once(
    function: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    errors = []

    def read() -> None:
        try:
            function(path)
        except (OSError, IdxDataError) as error:
            errors.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(timeout=0.5)
    hangs = reader.is_alive()
    if hangs:
        # Let the thread go: it waits for somebody to open the other end.
        os.close(os.open(path, os.O_WRONLY))
        reader.join()
    assert not hangs
    assert [type(error) for error in errors] == [FormatError]


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_a_device_is_refused() -> None:
    with pytest.raises(FormatError) as caught:
        read_idx("/dev/zero")
    assert caught.value.path == "/dev/zero"


@pytest.mark.parametrize("nbytes", [0, 100, 100_000, 100_013])
def test_file_that_changes_size_while_it_is_read(nbytes: int, tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_idx(path, np.zeros(100_000, "u1"))
    with idx.open_source(path) as source:
        source.check_size()
        os.truncate(path, nbytes)
        with pytest.raises(PayloadSizeError):
            source.readinto(memoryview(bytearray(100_000)))
            source.finish()


def test_failures_close_their_files(tmp_path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("needs /proc")
    data = with_all_fields(SMALL["u1"]).raw
    before = len(list(descriptors.iterdir()))
    for length in range(len(data)):
        (tmp_path / "a.gz").write_bytes(data[:length])
        assert read_plain(tmp_path / "a.gz") is None
    assert len(list(descriptors.iterdir())) == before


# Bounded work: what a few bytes can claim, and what it may cost


MEGABYTE = 1 << 20


@pytest.mark.parametrize("name", ["a", "a.gz"])
@pytest.mark.parametrize("function", [read_idx, open_idx])
@pytest.mark.parametrize(
    "shape",
    [(2**32 - 1,), (2**31, 2**31), (1000, 1000, 1000), (60_000, 28, 28)],
)
def test_a_tiny_file_cannot_claim_memory(
    shape: tuple[int, ...],
    function: Callable[[Path], object],
    name: str,
    tmp_path: Path,
) -> None:
    path = tmp_path / name
    data = raw_idx(0x08, shape, bytes(4))
    path.write_bytes(gzip.compress(data) if name == "a.gz" else data)

    def refuse() -> None:
        with pytest.raises(PayloadSizeError) as caught:
            function(path)
        assert caught.value.offset == 4 + 4 * len(shape)

    assert peak_nbytes(refuse) < 3 * MEGABYTE


@pytest.mark.parametrize("over", [False, True])
def test_the_bound_of_deflate_is_checked_to_the_byte(
    over: bool, tmp_path: Path
) -> None:
    """Up to 1032 times its size a file is believed, and then found to be short."""
    path = tmp_path / "a.gz"
    # Stored, so that the size of the file does not depend on what it claims.
    size = len(member(deflated=bytes(5 + 8 + 4)))
    data = raw_idx(0x08, (1032 * size - 8 + over,), bytes(4))
    path.write_bytes(member(data, deflated=stored(data, final=True)).raw)
    assert path.stat().st_size == size
    with pytest.raises(PayloadSizeError) as caught:
        read_idx(path)
    assert ("possible" in str(caught.value.found)) == over


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_dims_whose_product_overflows_to_the_right_size(
    name: str, tmp_path: Path
) -> None:
    data = raw_idx(0x08, (4 * 5 * 5581, 8681 * 49_477, 384_773), bytes(4))
    (tmp_path / name).write_bytes(gzip.compress(data) if name == "a.gz" else data)
    for function in (read_header, read_idx, open_idx):
        with pytest.raises(HeaderError) as caught:
            function(tmp_path / name)
        assert caught.value.offset == 4


@pytest.mark.parametrize("name", ["a", "a.gz"])
@pytest.mark.parametrize("shape", [(0, 2**32 - 1), (2**32 - 1, 0), (0,), (3, 0, 5)])
def test_empty_arrays_with_huge_dims(
    shape: tuple[int, ...], name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    for dtype in DTYPE_NAMES:
        write_idx(path, np.empty(shape, dtype))
        os.utime(path, ns=(0, DTYPE_NAMES.index(dtype)))
        for array in (read_idx(path), open_idx(path)):
            assert (array.shape, array.dtype.name) == (shape, dtype)


@pytest.mark.parametrize("function", [read_idx, open_idx])
def test_a_bomb_behind_a_small_header(
    function: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(raw_idx(0x08, (10, 28, 28), b""))
        for _ in range(64):
            file.write(bytes(MEGABYTE))

    def refuse() -> None:
        with pytest.raises(PayloadSizeError):
            function(path)

    assert peak_nbytes(refuse) < 3 * MEGABYTE


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_reading_needs_the_array_and_little_more(name: str, tmp_path: Path) -> None:
    """However well the file is compressed; MNIST's own compresses 5 to 1."""
    path = tmp_path / name
    array = np.zeros((16, MEGABYTE), "f4")
    write_idx(path, array)
    assert peak_nbytes(lambda: read_idx(path)) < array.nbytes + 3 * MEGABYTE


@pytest.mark.parametrize("name", ["a", "a.gz"])
@pytest.mark.parametrize("dtype", ["<i2", ">i2"])
@pytest.mark.parametrize("shape", [(64, 1 << 18), (1, 1 << 24), (1 << 24, 1)])
def test_writing_needs_little_memory(
    shape: tuple[int, ...], dtype: str, name: str, tmp_path: Path
) -> None:
    """Also where bytes are swapped or rows gathered, and a row may be all there is."""
    path = tmp_path / name
    for array in (np.zeros(shape, dtype), np.zeros(shape, dtype).T):
        assert peak_nbytes(lambda a=array: write_idx(path, a, level=1)) < 4 * MEGABYTE  # type: ignore[misc]


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_max_nbytes_is_a_limit_to_the_byte(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write_idx(path, np.zeros((5, 7), "i2"))
    assert read_idx(path, max_nbytes=70).nbytes == 70
    for limit in (69, 0):
        with pytest.raises(LimitError) as caught:
            read_idx(path, max_nbytes=limit)
        assert caught.value.expected == f"at most {limit} bytes"
        assert str(caught.value.found).startswith("70 bytes")


def test_max_nbytes_of_zero_allows_empty_arrays(tmp_path: Path) -> None:
    write_idx(tmp_path / "a", np.zeros((0, 7), "i2"))
    assert read_idx(tmp_path / "a", max_nbytes=0).shape == (0, 7)


# Writing: refusals, failures half-way, and files that are in use


NEAREST = {
    "bool": "uint8",
    "uint16": "int32",
    "uint32": "int32",
    "int64": "int32",
    "uint64": "int32",
    "float16": "float32",
    "longdouble": "float64",
    "complex64": None,
    "complex128": None,
    "object": None,
    "S3": None,
    "U3": None,
    "datetime64[s]": None,
    "timedelta64[s]": None,
    "V2": None,
    "u1,f4": None,
}


@pytest.mark.parametrize("name", ["a", "a.gz"])
@pytest.mark.parametrize("dtype", NEAREST)
def test_dtypes_that_idx_has_not(dtype: str, name: str, tmp_path: Path) -> None:
    if np.dtype(dtype) == np.float64:
        pytest.skip("here this is a float64")
    with pytest.raises(HeaderError) as caught:
        write_idx(tmp_path / name, np.zeros(3, dtype))
    assert caught.value.found == np.dtype(dtype)
    nearest = NEAREST[dtype]
    if nearest is None:
        assert caught.value.hint is None
    else:
        assert caught.value.hint is not None
        assert repr(nearest) in caught.value.hint
    assert os.listdir(tmp_path) == []


def test_numpy_strings_are_refused_like_any_dtype(tmp_path: Path) -> None:
    with pytest.raises(HeaderError):
        write_idx(tmp_path / "a", np.array(["a", "b"], np.dtypes.StringDType()))


@pytest.mark.parametrize(
    "array",
    [
        np.uint8(3),
        np.array(3, "f4"),
        np.broadcast_to(np.uint8(0), (2**32,)),
        np.broadcast_to(np.uint8(0), (2, 2**32)),
        np.empty((0, 2**32), "i2"),
    ],
    ids=["scalar", "no dims", "dim", "later dim", "empty"],
)
def test_shapes_that_idx_has_not(array: Array, tmp_path: Path) -> None:
    for name in ("a", "a.gz"):
        with pytest.raises(HeaderError):
            write_idx(tmp_path / name, array)
    assert os.listdir(tmp_path) == []


def test_a_scalar_is_told_how_to_be_written(tmp_path: Path) -> None:
    with pytest.raises(HeaderError) as caught:
        write_idx(tmp_path / "a", np.uint8(3))
    assert caught.value.found == 0
    assert caught.value.hint is not None
    assert "(1,)" in caught.value.hint


@contextmanager
def full_device(nbytes: int) -> Iterator[None]:
    """No file can grow beyond `nbytes`, as if the disk were full."""
    resource = pytest.importorskip("resource")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.mark.parametrize("name", ["a", "a.gz"])
@pytest.mark.parametrize("old", [None, np.arange(3, dtype="u1")])
def test_a_full_device_leaves_everything_as_it_was(
    old: Array | None, name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if old is not None:
        write_idx(path, old)
    noise = np.random.default_rng(0).integers(0, 256, 3 * MEGABYTE, np.uint8)
    with full_device(MEGABYTE), pytest.raises(OSError) as caught:
        write_idx(path, noise)
    assert not isinstance(caught.value, IdxDataError)
    assert os.listdir(tmp_path) == ([] if old is None else [name])
    assert old is None or np.array_equal(read_idx(path), old)


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_a_failure_half_way_leaves_everything_as_it_was(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    write_idx(path, np.arange(3, dtype="u1"))
    whole = idx.idx_pieces

    def broken(array: Array) -> Iterator[bytes | memoryview]:
        yield next(whole(array))
        raise MemoryError

    monkeypatch.setattr(idx, "idx_pieces", broken)
    with pytest.raises(MemoryError):
        write_idx(path, np.arange(30, dtype="u1"))
    assert os.listdir(tmp_path) == [name]
    assert read_idx(path).tolist() == [0, 1, 2]


def test_bad_level_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="option|level"):
        write_idx(tmp_path / "a.gz", np.zeros(3, "u1"), level=10)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("dtype", ["u1", "i4"])
@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_overwriting_a_mapped_file(name: str, dtype: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write_idx(path, np.arange(5000).astype(dtype))
    mapped = open_idx(path)
    write_idx(path, mapped[::-1])
    assert np.array_equal(mapped, np.arange(5000).astype(dtype))
    assert np.array_equal(read_idx(path), mapped[::-1])


def test_changes_to_a_mapped_array_stay_in_it(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_idx(path, np.arange(9, dtype="u1"))
    before = path.read_bytes()
    mapped = open_idx(path)
    mapped[:] = 77
    assert path.read_bytes() == before
    assert open_idx(path).tolist() == list(range(9))


def test_raw_bytes_are_mapped_in_place(tmp_path: Path, cache_folder: Path) -> None:
    entries = set(os.listdir(cache_folder))
    path = tmp_path / "a"
    write_idx(path, np.zeros((64, MEGABYTE), "u1"))
    assert peak_nbytes(lambda: open_idx(path)) < MEGABYTE
    assert open_idx(path).shape == (64, MEGABYTE)
    assert set(os.listdir(cache_folder)) == entries


def test_paths_may_be_strings_or_pathlike(tmp_path: Path) -> None:
    class Place:
        def __fspath__(self) -> str:
            return str(tmp_path / "a.gz")

    write_idx(Place(), np.arange(3, dtype="u1"))
    assert (tmp_path / "a.gz").read_bytes()[:2] == b"\x1f\x8b"
    assert read_idx(str(tmp_path / "a.gz")).tolist() == [0, 1, 2]
    assert open_idx(Place()).tolist() == [0, 1, 2]


# The files that it is all about


def test_real_files_agree_with_the_oracle(mnist_folder: Path) -> None:
    for name in ("t10k-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz"):
        path = mnist_folder / name
        assert plain(read_idx(path)) == parse_idx(path.read_bytes())
