"""Every small edit of a small file: an equal array, or one error of our own."""

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import (
    FormatError,
    GzipError,
    HeaderError,
    PayloadSizeError,
    gunzip,
    open_idx,
    read_header,
    read_idx,
)
from tests.gzip_members import (
    FCOMMENT,
    FNAME,
    FTEXT,
    Member,
    member,
    with_all_fields,
)
from tests.reading import PIECE_SIZES, SMALL, read_plain
from tests.strategies import (
    PlainArray,
    edits,
    parse_idx,
    plain,
    raw_idx,
)

pytestmark = pytest.mark.usefixtures("each_engine")

# Damage: every small edit of a small file. A raw file has no checksum, so the oracle
# says which edits leave another sound file. In a gzip file the array never changes.


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


@pytest.mark.volume
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


@pytest.mark.volume
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
