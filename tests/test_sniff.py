"""Files that are something else: the error says what."""

import gzip
import io
import lzma
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import HeaderError, open_idx, read_header, read_idx, write_idx
from idxdata.header import build_header
from idxdata.sniff import LOOKAHEAD_NBYTES, looks_like
from tests.strategies import DTYPE_NAMES, Array, idx_arrays, shapes


def numpy_file(*, zipped: bool) -> bytes:
    file = io.BytesIO()
    (np.savez if zipped else np.save)(file, np.arange(3))
    return file.getvalue()


HTML = b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>\n"
FOREIGN = {
    "html": (HTML, "HTML"),
    "html after a byte order mark": (b"\xef\xbb\xbf\r\n  <HTML lang=en>", "HTML"),
    "xml": (b'<?xml version="1.0"?><Error><Code>AccessDenied', "XML"),
    "xz": (lzma.compress(b"digits"), "xz"),
    "bzip2": (b"BZh91AY&SY", "bzip2"),
    "zstandard": (b"\x28\xb5\x2f\xfd\x04\x00", "zstandard"),
    "zip": (b"PK\x03\x04\x14\0\0\0", "zip"),
    "npz": (numpy_file(zipped=True), "npz"),
    "npy": (numpy_file(zipped=False), "npy"),
    "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "PNG"),
    "hdf5": (b"\x89HDF\r\n\x1a\n", "HDF5"),
    "parquet": (b"PAR1\x15\x04", "Parquet"),
    "git lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:", "LFS"),
    "little-endian": (struct.pack("<4I", 0x0803, 1, 2, 2) + bytes(4), "little-endian"),
    "lush": (struct.pack("<5I", 0x1E3D4C55, 1, 3, 1, 1), "Lush"),
    "gzip in gzip": (gzip.compress(b"digits"), "gzip"),
}


DECODED = {"xz", "zip", "npz"}


@pytest.mark.parametrize("name", ["digits-idx3-ubyte", "digits-idx3-ubyte.gz"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "in gzip"])
@pytest.mark.parametrize("kind", FOREIGN)
def test_error_says_what_the_file_is(
    kind: str, wrapped: bool, name: str, tmp_path: Path
) -> None:
    data, word = FOREIGN[kind]
    if not wrapped and kind in DECODED:
        pytest.skip("is decoded: see test_sources.py")
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if wrapped or "gzip" in kind else data)
    for function in (read_header, read_idx, open_idx):
        with pytest.raises(HeaderError) as caught:
            function(path)
        assert caught.value.hint is not None
        assert word in caught.value.hint
        assert caught.value.path == str(path)
        assert caught.value.offset == 0


@pytest.mark.parametrize("low", range(0x51, 0x57))
def test_all_lush_types_are_known(low: int) -> None:
    assert looks_like(bytes([low, 0x4C, 0x3D, 0x1E])) == "a Lush/NORB matrix"


@pytest.mark.parametrize("ndim", [1, 3, 64])
@pytest.mark.parametrize("code", [0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E])
def test_little_endian_header_is_known(code: int, ndim: int) -> None:
    found = looks_like(bytes([ndim, code, 0, 0]))
    assert found == "an IDX header in little-endian order"


@pytest.mark.parametrize("kind", sorted(set(FOREIGN) - {"html", "xml"}))
def test_lookahead_is_enough(kind: str) -> None:
    data = FOREIGN[kind][0]
    assert looks_like(data[:LOOKAHEAD_NBYTES]) == looks_like(data) is not None


@given(name=st.sampled_from(DTYPE_NAMES), shape=shapes())
def test_idx_is_never_taken_for_something_else(
    name: str, shape: tuple[int, ...]
) -> None:
    header = build_header(np.dtype(name), shape)
    assert looks_like(header[:LOOKAHEAD_NBYTES]) is None


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"\x1f", b"<", b"P", b"\x89", b"\0\x08\0\0"]
)
def test_nothing_is_claimed_of_unknown_bytes(data: bytes) -> None:
    assert looks_like(data) is None


@given(array=idx_arrays())
def test_content_goes_before_the_name(
    array: Array, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("names")
    raw, packed = folder / "raw", folder / "packed.gz"
    write_idx(raw, array)
    write_idx(packed, array)
    assert packed.read_bytes()[:2] == b"\x1f\x8b"
    assert raw.read_bytes()[:2] == b"\0\0"
    misnamed_raw, misnamed_packed = folder / "raw.gz", folder / "packed"
    raw.rename(misnamed_raw)
    packed.rename(misnamed_packed)
    for path in (misnamed_raw, misnamed_packed):
        assert (
            read_idx(path).tobytes()
            == array.astype(array.dtype.newbyteorder("=")).tobytes()
        )
