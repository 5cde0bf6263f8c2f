"""Zip archives: which file is meant, and archives that other readers pass."""

import gzip
import io
import struct
import zipfile
import zlib

import pytest

from idxdata import (
    FormatError,
    HeaderError,
    read_header,
    read_idx,
    zip_directory,
)
from tests.reading import CONTAINERS, SMALL, zipped
from tests.strategies import (
    parse_idx,
    plain,
)

pytestmark = pytest.mark.usefixtures("each_engine")

DATA = SMALL["i2"]


# Zip archives


def test_a_member_is_chosen_by_name() -> None:
    files = {"images": SMALL["u1"], "sub/labels": gzip.compress(SMALL["i2"])}
    data = zipped(files)
    for member, packed in files.items():
        assert plain(read_idx(data, member=member)) == parse_idx(packed)
        assert read_header(data, member=member).shape == parse_idx(packed).shape


def test_errors_about_members_list_them() -> None:
    many = zipped({f"part-{i:02}-{'x' * 200}": b"" for i in range(40)})
    with pytest.raises(FormatError) as caught:
        read_idx(many)
    assert "40 files: 'part-00-" in str(caught.value.found)
    assert "and 30 more" in str(caught.value.found)
    assert len(str(caught.value)) < 2000
    with pytest.raises(FormatError) as caught:
        read_idx(zipped({"train-images": b"", "labels": b""}), member="trian-images")
    assert caught.value.hint == "there are 'train-images'"
    with pytest.raises(FormatError) as caught:
        read_idx(zipped({"a": b"", "b": b""}), member="train")
    assert caught.value.hint == "there are 'a', 'b'"
    for empty in (zipped({}), zipped({"folder/": b""})):
        with pytest.raises(FormatError) as caught:
            read_idx(empty)
        assert caught.value.found == "none"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a", SMALL["u1"])
        archive.writestr("a", SMALL["i2"])
    for member in ("a", None):
        with pytest.raises(FormatError, match="ambiguous"):
            read_idx(out.getvalue(), member=member)


@pytest.mark.parametrize("container", ["raw", "gzip", "xz"])
def test_member_of_what_is_no_archive(container: str) -> None:
    with pytest.raises(FormatError, match="member="):
        read_idx(CONTAINERS[container](DATA), member="a")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_packed_in_another_way(method: int) -> None:
    with pytest.raises(FormatError) as caught:
        read_idx(zipped({"a": DATA}, method))
    assert caught.value.found == method


def with_entry(data: bytes, offset: int, value: bytes) -> bytes:
    """`data` with a field of the last central directory entry overwritten."""
    at = data.rindex(b"PK\x01\x02") + offset
    return data[:at] + value + data[at + len(value) :]


def test_encrypted_members_and_sizes_that_cannot_be() -> None:
    data = zipped({"a": DATA})
    with pytest.raises(FormatError, match="encrypted"):
        read_idx(with_entry(data, 8, b"\x01\0"))
    with pytest.raises(FormatError) as caught:
        read_idx(with_entry(data, 24, struct.pack("<I", 1 << 30)))
    assert "cannot be" in caught.value.what
    with pytest.raises(FormatError) as caught:
        read_idx(with_entry(data, 16, b"\0\0\0\0"))
    assert "CRC" in str(caught.value.found)


# Zip archives that other readers pass


def test_clutter_is_not_chosen() -> None:
    data = zipped({"d/": b"", "d/a": DATA, "__MACOSX/d/._a": b"x", "d/.DS_Store": b""})
    assert plain(read_idx(data)) == parse_idx(DATA)
    with pytest.raises(HeaderError):
        read_idx(data, member="__MACOSX/d/._a")


def test_bytes_after_an_archive_are_refused() -> None:
    for container in ("zip", "stored in zip"):
        data = CONTAINERS[container](DATA)
        for rest in (b"\0", b"junk" * 9):
            with pytest.raises(FormatError, match="end record"):
                read_idx(data + rest)
        commented = data[:-2] + b"\x03\0abc"
        assert plain(read_idx(commented)) == parse_idx(DATA)


def test_a_large_directory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = zipped({str(i): b"" for i in range(9)} | {"a": DATA})
    assert plain(read_idx(data, member="a")) == parse_idx(DATA)
    lying = data[:-14] + struct.pack("<HH", 1, 1) + data[-10:]
    with pytest.raises(FormatError, match="differs from the end record"):
        read_idx(lying, member="a")
    for limit in ("_MAX_ENTRIES", "_MAX_DIRECTORY_NBYTES"):
        with monkeypatch.context() as patch:
            patch.setattr(zip_directory, limit, 9)
            with pytest.raises(FormatError, match="larger than is allowed"):
                read_idx(data, member="a")


def patched(data: bytes, *, local: int, entry: int, value: bytes) -> bytes:
    """`data` of one member with a field of its two headers overwritten."""
    data = data[:local] + value + data[local + len(value) :]
    return with_entry(data, entry, value)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_hidden_bytes_of_a_member_are_refused(method: int) -> None:
    """Sizes and CRC-32 are of the file without its last 11 bytes."""
    data = zipped({"a": DATA + b"hidden data"}, method)
    crc = struct.pack("<L", zlib.crc32(DATA))
    size = struct.pack("<L", len(DATA))
    data = patched(data, local=14, entry=16, value=crc)
    data = patched(data, local=22, entry=24, value=size)
    with pytest.raises(FormatError, match="two sizes|longer than stated"):
        read_idx(data)


@pytest.mark.parametrize("nbytes", [-1, 1, 40])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_wrong_compressed_size_is_refused(method: int, nbytes: int) -> None:
    data = zipped({"a": DATA}, method)
    (size,) = struct.unpack_from("<L", data, 18)
    data = patched(data, local=18, entry=20, value=struct.pack("<L", size + nbytes))
    with pytest.raises(FormatError):
        read_idx(data)


def test_bytes_behind_the_deflate_stream_are_refused() -> None:
    data = zipped({"a": DATA})
    (size,) = struct.unpack_from("<L", data, 18)
    at = 31 + size
    data = patched(data, local=18, entry=20, value=struct.pack("<L", size + 2))
    data = data[:at] + b"??" + data[at:-6] + struct.pack("<LH", at + 2, 0)
    with pytest.raises(FormatError, match="2 bytes behind"):
        read_idx(data)


@pytest.mark.parametrize(
    ("offset", "value", "what"),
    [
        (8, b"\0\0", "method"),
        (14, b"????", "CRC-32"),
        (18, b"\x07\0\0\0", "compressed size"),
        (22, b"\x07\0\0\0", "size"),
        (30, b"b", "name"),
    ],
)
def test_a_local_header_that_differs(offset: int, value: bytes, what: str) -> None:
    data = zipped({"a": DATA})
    with pytest.raises(FormatError, match=f"differ in {what}"):
        read_idx(data[:offset] + value + data[offset + len(value) :])


def test_archives_with_data_descriptors_and_zip64_fields() -> None:
    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *arguments: int) -> int:
            raise io.UnsupportedOperation

        def tell(self) -> int:
            raise io.UnsupportedOperation

    for out in (Unseekable(), io.BytesIO()):
        for force in (False, True):
            out.truncate(0)
            io.BytesIO.seek(out, 0)
            with (
                zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
                archive.open("a", "w", force_zip64=force) as member,
            ):
                member.write(DATA)
            assert plain(read_idx(out.getvalue())) == parse_idx(DATA)
