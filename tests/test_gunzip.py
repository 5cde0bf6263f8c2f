"""gzip framing (RFC 1952), field by field, and what the inflater refuses (RFC 1951)."""

import gzip
import io
import threading
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import ChecksumError, GzipError, InflateError, crc32, gunzip
from idxdata.gunzip import MAX_EXPANSION, GzipStream
from tests.gzip_members import (
    FCOMMENT,
    FEXTRA,
    FHCRC,
    FNAME,
    FTEXT,
    Member,
    deflate,
    member,
    stored,
    with_all_fields,
)
from tests.strategies import peak_nbytes

pytestmark = pytest.mark.usefixtures("each_engine")

PIECE_SIZES = (1, 2, 3, 7, gunzip._PIECE_NBYTES)


@pytest.fixture(params=PIECE_SIZES)
def piece_nbytes(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[int]:
    """Read the file in pieces so small that every field crosses an edge."""
    monkeypatch.setattr(gunzip, "_PIECE_NBYTES", request.param)
    yield request.param


def read_all(data: bytes) -> bytes:
    """All decompressed bytes of `data`, with everything checked."""
    stream = GzipStream(io.BytesIO(data), path="p.gz")
    parts = []
    while part := stream.read(1 << 12):
        parts.append(part)
    assert stream.at_end()
    return b"".join(parts)


def refused(data: bytes, kind: type[GzipError] = GzipError) -> GzipError:
    """The error that reading `data` raises; it is exactly of this kind."""
    with pytest.raises(GzipError) as caught:
        read_all(data)
    assert type(caught.value) is kind
    assert caught.value.path == "p.gz"
    return caught.value


# Sound members


SOUND = {
    "bare": member(b"abc"),
    "text": member(b"abc", more_flags=FTEXT),
    "extra": member(b"abc", extra=b"AB\x01\x00x"),
    "empty extra": member(b"abc", extra=b""),
    "longest extra": member(b"abc", extra=bytes(range(256)) * 255 + bytes(255)),
    "name": member(b"abc", name=b"train-images.idx3-ubyte"),
    "empty name": member(b"abc", name=b""),
    "comment": member(b"abc", comment=b"\xe9t\xe9 1998"),
    "header crc": member(b"abc", header_crc=True),
    "all fields": with_all_fields(b"abc"),
    "empty": member(b""),
    "empty with all fields": with_all_fields(b""),
    "stored": member(b"abc", deflated=stored(b"ab") + stored(b"c", final=True)),
    "many empty blocks": member(
        b"abc", deflated=stored(b"") * 50 + stored(b"abc", final=True)
    ),
    "long": member(bytes(70_000)),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_member(name: str, piece_nbytes: int) -> None:
    raw = SOUND[name].raw
    assert read_all(raw) == gzip.decompress(raw)


@pytest.mark.usefixtures("piece_nbytes")
def test_all_sound_members_in_one_file() -> None:
    data = b"".join(part.raw for part in SOUND.values())
    assert read_all(data) == b"".join(gzip.decompress(m.raw) for m in SOUND.values())


@pytest.mark.parametrize("length", [5, 6, 7, 8, 100, 300_000])
@pytest.mark.usefixtures("piece_nbytes")
def test_strings_of_any_length(length: int) -> None:
    text = b"n" * (length if gunzip._PIECE_NBYTES > 7 else min(length, 5000))
    assert read_all(member(b"abc", name=text, comment=text).raw) == b"abc"
    assert read_all(member(b"abc", name=text, header_crc=True).raw) == b"abc"


@given(
    contents=st.lists(st.binary(max_size=200), min_size=1, max_size=5),
    levels=st.lists(st.integers(0, 9), min_size=5, max_size=5),
    reads=st.lists(st.integers(0, 90), min_size=1, max_size=8),
    padding=st.integers(0, 20),
    piece=st.sampled_from(PIECE_SIZES),
)
def test_any_members_read_in_any_portions(
    contents: list[bytes],
    levels: list[int],
    reads: list[int],
    padding: int,
    piece: int,
) -> None:
    members = [
        member(content, deflated=deflate(content, level)).raw
        for content, level in zip(contents, levels, strict=False)
    ]
    data = b"".join(members) + bytes(padding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gunzip, "_PIECE_NBYTES", piece)
        stream = GzipStream(io.BytesIO(data))
        rest = memoryview(b"".join(contents))
        for nbytes in reads:
            assert stream.read(nbytes) == rest[:nbytes]
            rest = rest[nbytes:]
        assert stream.read(len(rest) + 1) == rest
        assert stream.at_end()
        assert stream.read(1) == b""


def test_at_end_tells_that_there_is_more() -> None:
    stream = GzipStream(io.BytesIO(member(b"abc").raw))
    assert stream.read(2) == b"ab"
    assert not stream.at_end()
    assert stream.at_end()


@given(contents=st.lists(st.binary(max_size=40), min_size=1, max_size=4))
def test_the_end_is_never_reported_before_the_last_check(
    contents: list[bytes],
) -> None:
    """Asking for exactly the bytes there are may succeed; the end may not."""
    data = b"".join(member(content).raw for content in contents)
    stream = GzipStream(io.BytesIO(data[:-1] + bytes([data[-1] ^ 1])))
    with pytest.raises(ChecksumError):
        assert stream.read(sum(map(len, contents))) == b"".join(contents)
        stream.at_end()


# Unsound framing


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("magic", [b"\x1e\x8b", b"\x1f\x8a", b"\x1f\x00"])
@pytest.mark.usefixtures("piece_nbytes")
def test_wrong_magic(magic: bytes, before: int) -> None:
    sound = member(b"abc").raw * before
    error = refused(sound + member(b"abc", magic=magic).raw)
    assert error.offset == len(sound)
    assert str(error.found).startswith(magic[:1].hex())


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("method", [0, 7, 9, 255])
@pytest.mark.usefixtures("piece_nbytes")
def test_wrong_method(method: int, before: int) -> None:
    sound = member(b"abc").raw * before
    error = refused(sound + member(b"abc", method=method).raw)
    assert error.offset == len(sound) + 2
    assert (error.expected, error.found) == (8, method)


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("bit", [0x20, 0x40, 0x80])
@pytest.mark.usefixtures("piece_nbytes")
def test_reserved_flags(bit: int, before: int) -> None:
    sound = member(b"abc").raw * before
    error = refused(sound + member(b"abc", more_flags=bit | FTEXT).raw)
    assert error.offset == len(sound) + 3
    assert error.found == f"{bit | FTEXT:#04x}"


@pytest.mark.parametrize("bit", range(16))
@pytest.mark.parametrize(
    "fields", [{}, {"extra": b"xyz", "name": b"abc", "comment": b"def"}]
)
def test_wrong_header_crc(fields: dict[str, bytes], bit: int) -> None:
    sound = member(b"abc", **fields, header_crc=True)  # type: ignore[arg-type]
    broken = member(b"abc", **fields, header_crc=True, header_crc_error=1 << bit)  # type: ignore[arg-type]
    at = broken.spans["header_crc"]
    error = refused(sound.raw + broken.raw, ChecksumError)
    assert error.offset == len(sound) + at.start
    stored_crc = int.from_bytes(broken.raw[at.start : at.stop], "little")
    assert error.expected == f"{stored_crc:#06x}"
    assert error.found == f"{stored_crc ^ 1 << bit:#06x}"


@pytest.mark.parametrize("bit", range(32))
def test_wrong_crc32(bit: int) -> None:
    broken = member(b"abc", crc32_error=1 << bit)
    error = refused(broken.raw + member(b"def").raw, ChecksumError)
    assert error.offset == broken.spans["crc32"].start
    assert error.found == f"{zlib.crc32(b'abc'):#010x}"
    assert error.expected == f"{zlib.crc32(b'abc') ^ 1 << bit:#010x}"


@pytest.mark.parametrize("bit", range(32))
def test_wrong_isize(bit: int) -> None:
    broken = member(b"abc", isize_error=1 << bit)
    error = refused(broken.raw, ChecksumError)
    assert error.offset == broken.spans["isize"].start
    assert error.found == "3 bytes"
    assert str(error.expected).startswith(f"{3 ^ 1 << bit} bytes")


def test_isize_is_modulo_4_gib() -> None:
    stream = GzipStream(io.BytesIO(member(b"abc").raw))
    stream._member_nbytes = 2**32  # as if so much had been read
    assert stream.read(3) == b"abc"
    assert stream.at_end()


def test_checks_are_each_member_s_own() -> None:
    one, two = member(b"abc"), member(b"de", crc32_error=1)
    assert refused(one.raw + two.raw, ChecksumError).offset == len(one) + (
        two.spans["crc32"].start
    )
    # The sizes of both together are right, of each alone wrong.
    both = member(b"abc", isize_error=3 ^ 2).raw + member(b"de", isize_error=2 ^ 3).raw
    assert refused(both, ChecksumError).offset == one.spans["isize"].start


@pytest.mark.parametrize("extra", [1, 8, 300_000])
@pytest.mark.usefixtures("piece_nbytes")
def test_zero_padding_may_follow(extra: int) -> None:
    padding = bytes(extra if gunzip._PIECE_NBYTES > 7 else min(extra, 2000))
    assert read_all(member(b"abc").raw + padding) == b"abc"


@pytest.mark.parametrize("zeros", [0, 1, 5, 4000])
@pytest.mark.parametrize("foreign", [b"\x01", b"\n", b"abcdefghijklmnop", b"\x8b\x1f"])
@pytest.mark.usefixtures("piece_nbytes")
def test_foreign_bytes_may_not_follow(foreign: bytes, zeros: int) -> None:
    sound = member(b"abc").raw + bytes(zeros)
    error = refused(sound + foreign + bytes(3))
    assert error.offset == len(sound)
    assert str(error.found).startswith(foreign[:1].hex())


@pytest.mark.usefixtures("piece_nbytes")
def test_no_member_may_follow_padding() -> None:
    sound = member(b"abc").raw
    assert refused(sound + b"\0" + sound).offset == len(sound) + 1


@pytest.mark.parametrize("byte", range(1, 256))
def test_every_appended_byte(byte: int) -> None:
    sound = member(b"abc").raw
    assert refused(sound + bytes([byte])).offset == len(sound)


@pytest.mark.parametrize("after", [b"", b"\x8b", b"\0\0", b"\x8b\x08\0\0\0\0\0\0"])
@pytest.mark.usefixtures("piece_nbytes")
def test_a_lone_1f_at_the_end(after: bytes) -> None:
    sound = member(b"abc").raw
    assert refused(sound + b"\x1f" + after).offset == len(sound)


TRUNCATED = {
    "all fields": with_all_fields(bytes(range(40))),
    "no fields": member(bytes(range(40))),
    "stored": member(bytes(range(40)), deflated=stored(bytes(range(40)), final=True)),
}


@pytest.mark.parametrize("name", TRUNCATED)
@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.usefixtures("piece_nbytes")
def test_every_truncation(name: str, before: int) -> None:
    """The offset is where the field that is not whole begins, or the file's end."""
    part = TRUNCATED[name]
    sound = member(b"abc").raw * before
    starts = {
        at: span.start
        for field, span in _framing_fields(part).items()
        for at in range(span.start, span.stop)
    }
    for length in range(before, len(part)):
        error = refused(sound + part.raw[:length])
        assert error.offset is not None
        assert error.offset - len(sound) == starts.get(length, length)
        assert error.hint == "the file is truncated; fetch it again"


def _framing_fields(part: Member) -> dict[str, range]:
    """The fields that are read as one: fixed header and trailer are, too."""
    spans = {k: v for k, v in part.spans.items() if k not in ("deflate", "crc32")}
    for field in ("magic", "method", "flags", "mtime", "xfl", "os"):
        spans[field] = range(10)
    spans["isize"] = range(part.spans["crc32"].start, len(part))
    return spans


def test_truncation_between_members_is_sound_gzip() -> None:
    # Only the IDX length can tell; tests of idx.py do.
    one, two = member(b"abc"), member(b"def")
    assert read_all((one.raw + two.raw)[: len(one)]) == b"abc"


@pytest.mark.parametrize("flag", [FEXTRA, FNAME, FCOMMENT, FHCRC])
def test_flags_of_fields_that_are_not_there(flag: int) -> None:
    """The stream is then read as that field, and what is left makes no member."""
    with pytest.raises(GzipError):
        read_all(member(b"abc", more_flags=flag).raw)


# What no inflater may accept: a vector for each error that zlib has a text for.
# They are zlib's own, from its test/infcover.c.

UNSOUND_DEFLATE = {
    "invalid block type": "06",
    "invalid stored block lengths": "00 00 00 00 00",
    "too many length or distance symbols": "fc 00 00",
    "invalid code lengths set": "04 00 fe ff",
    "invalid bit length repeat": "04 00 24 49 00",
    "invalid bit length repeat, too many": "04 00 24 e9 ff ff",
    "invalid code -- missing end-of-block": "04 00 24 e9 ff 6d",
    "invalid literal/lengths set": "04 80 49 92 24 49 92 24 71 ff ff 93 11 00",
    "invalid distances set": "04 80 49 92 24 49 92 24 0f b4 ff ff c3 84",
    "invalid literal/length code": "04 c0 81 08 00 00 00 00 20 7f eb 0b 00 00",
    "invalid distance code": "02 7e ff ff",
    "invalid distance too far back": "0c c0 81 00 00 00 00 00 90 ff 6b 04 00",
}


def first_refused_byte(deflated: bytes) -> int:
    """Index of the byte without which zlib does not yet object."""
    for length in range(len(deflated) + 1):
        try:
            zlib.decompressobj(-15).decompress(deflated[:length])
        except zlib.error:
            return length - 1
    raise AssertionError("zlib does not object")


@pytest.mark.parametrize("before", [b"", b"a sound stored block"])
@pytest.mark.parametrize("name", UNSOUND_DEFLATE)
@pytest.mark.usefixtures("piece_nbytes")
def test_unsound_deflate(name: str, before: bytes) -> None:
    deflated = bytes.fromhex(UNSOUND_DEFLATE[name])
    if before:
        if "too far back" in name:
            # Fixed block: a match of 3 from 32768 back, the farthest there is.
            deflated = bytes.fromhex("03 77 ff ff 01 00")
        deflated = stored(before) + deflated
    sound = with_all_fields(b"a member before")
    broken = member(deflated=deflated + bytes(20))
    error = refused(sound.raw + broken.raw, InflateError)
    assert error.found == name.partition(",")[0]
    at = first_refused_byte(deflated + bytes(20))
    assert at < len(deflated)
    assert error.offset == len(sound) + broken.spans["deflate"].start + at
    assert error.hint is not None


# Bounded work


@pytest.fixture(scope="module")
def zeros_gz() -> bytes:
    """64 MB of zeros, as small as gzip makes them."""
    deflater = zlib.compressobj(9, wbits=31)
    parts = [deflater.compress(bytes(1 << 20)) for _ in range(64)]
    return b"".join(parts) + deflater.flush()


def test_no_file_expands_by_more_than_the_bound(zeros_gz: bytes) -> None:
    assert 1000 < (64 << 20) / len(zeros_gz) < MAX_EXPANSION


def test_reading_a_little_of_a_bomb_needs_little_memory(zeros_gz: bytes) -> None:
    def read() -> None:
        stream = GzipStream(io.BytesIO(zeros_gz))
        assert stream.read(100) == bytes(100)
        assert not stream.at_end()

    assert peak_nbytes(read) < 2 << 20


@pytest.mark.volume
def test_reading_all_of_it_needs_the_destination_and_little_more(
    zeros_gz: bytes,
) -> None:
    out = memoryview(bytearray(64 << 20))

    def read() -> None:
        stream = GzipStream(io.BytesIO(zeros_gz))
        assert stream.readinto(out) == len(out)
        assert stream.at_end()

    assert peak_nbytes(read) < 3 << 20


def test_long_fields_are_not_held_in_memory() -> None:
    data = member(b"abc", name=bytes([110]) * (8 << 20)).raw
    assert peak_nbytes(lambda: read_all(data)) < 2 << 20


class _Drops(io.BytesIO):
    """A source that gives a byte at a time."""

    def read(self, nbytes: int | None = -1, /) -> bytes:
        return super().read(1)


def test_drops_are_gathered_but_no_more_than_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = bytes(range(256)) * 4000
    data = member(content, deflated=deflate(content, 0)).raw
    calls = []
    inflate = gunzip.new_inflater("zlib").__class__.inflate

    def counted(self: object, *args: object) -> object:
        calls.append(args)
        return inflate(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(gunzip, "choose_engine", lambda engine, nbytes: "zlib")
    monkeypatch.setattr(gunzip.new_inflater("zlib").__class__, "inflate", counted)
    drops = _Drops(data)
    stream = GzipStream(drops)
    assert stream.read(4) == content[:4]
    # Header, stored block's header, the bytes themselves, zlib's look-ahead.
    assert drops.tell() < 10 + 5 + 4 + 10
    calls.clear()
    out = memoryview(bytearray(len(content) - 4))
    assert stream.readinto(out) == len(out)
    assert bytes(out) == content[4:]
    # The less is missing, the fewer bytes may be waited for.
    assert len(calls) < len(data) / 100


@pytest.mark.volume
@pytest.mark.parametrize("can_start", [True, False])
def test_the_second_thread_is_not_needed(
    can_start: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two members end within one call, so a CRC-32 is asked for while it runs."""
    start, started = threading.Thread.start, []

    def count(self: threading.Thread) -> None:
        if not can_start:
            raise RuntimeError("can't start new thread")
        started.append(self)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", count)
    monkeypatch.setattr(crc32, "usable_cpus", lambda: 2)
    content = bytes(range(256)) * (5 << 12)
    out = memoryview(bytearray(2 * len(content)))
    stream = GzipStream(io.BytesIO(gzip.compress(content, 1) * 2))
    assert stream.readinto(out) == len(out)
    assert stream.at_end()
    assert bytes(out) == content * 2
    assert len(started) == can_start
    assert not any(thread.is_alive() for thread in started)


@pytest.mark.volume
def test_endless_empty_members_need_no_recursion() -> None:
    assert read_all(member(b"").raw * 5000 + member(b"abc").raw) == b"abc"


@pytest.mark.volume
def test_position_of_an_error_late_in_a_large_piece(zeros_gz: bytes) -> None:
    """The replay that finds the byte must not unpack the bomb into memory."""
    body = zeros_gz[:-40_000] + bytes(40_000)

    def read() -> None:
        stream = GzipStream(io.BytesIO(body))
        with pytest.raises(GzipError):
            while stream.read(1 << 20):
                pass

    assert peak_nbytes(read) < 8 << 20
