"""`info`: raw, gzip, xz, zip; and every kind of file that it refuses."""

import gzip
import lzma
import zipfile
from pathlib import Path

import numpy as np
import pytest

from idxdata import write_idx
from tests.cli.conftest import Run

pytest.importorskip("rich")

IMAGES = np.zeros((5, 4, 4), np.uint8)
IMAGES[0, 1, 2:] = 7, 9
LABELS = np.arange(30, dtype=np.uint8)


@pytest.fixture
def images(tmp_path: Path) -> bytes:
    """The raw file `images`, and its content."""
    write_idx(tmp_path / "images", IMAGES)
    return (tmp_path / "images").read_bytes()


def test_raw(run: Run, images: bytes) -> None:
    result = run("info", "images")
    assert result.status == 0
    assert result.out == (
        "images\n"
        "  file     raw, 96 bytes\n"
        "  IDX      uint8 5 x 4 x 4\n"
        "  payload  80 bytes\n"
        "  first    6 zeros, then 7 9 0 0 0 0 0 0 0 0\n"
    )


def test_json(run: Run, images: bytes) -> None:
    result = run("info", "images", "--json")
    assert result.json == [
        {
            "path": "images",
            "nbytes": 96,
            "container": "raw",
            "gzip_header": None,
            "num_gzip_members": None,
            "arrays": [
                {
                    "member": None,
                    "dtype": "uint8",
                    "shape": [5, 4, 4],
                    "header_nbytes": 16,
                    "payload_nbytes": 80,
                    "packed_nbytes": 96,
                    "num_zeros": 6,
                    "values": [7, 9, 0, 0, 0, 0, 0, 0, 0, 0],
                    "minimum": None,
                    "maximum": None,
                    "ratio": 1.0,
                }
            ],
            "others": [],
            "refused": None,
        }
    ]


def test_gzip_header(run: Run, images: bytes, tmp_path: Path) -> None:
    with (tmp_path / "a.gz").open("wb") as file:
        name = "evil\x1b[2J\u00e9.idx"
        with gzip.GzipFile(name, "wb", fileobj=file, mtime=885_827_268) as packed:
            packed.write(images)
    result = run("info", "a.gz")
    assert result.status == 0
    assert "\x1b" not in result.out
    assert "header names evil?[2Jé.idx, 1998-01-26" in result.out
    assert "times what it takes here" in result.out
    found = run("info", "a.gz", "--json").json[0]
    assert found["gzip_header"] == {"name": name, "modified_s": 885_827_268}
    assert found["arrays"][0]["ratio"] == 96 / found["nbytes"]


def test_gzip_header_with_extra_field(run: Run, images: bytes, tmp_path: Path) -> None:
    plain = gzip.compress(images, mtime=0)
    extra = b"\x05\x00abcde"
    head = plain[:3] + bytes([0x04 | 0x08]) + plain[4:10] + extra + b"name\0"
    (tmp_path / "a.gz").write_bytes(head + plain[10:])
    found = run("info", "a.gz", "--json").json[0]
    assert found["gzip_header"] == {"name": "name", "modified_s": None}
    assert found["arrays"][0]["shape"] == [5, 4, 4]


def test_xz(run: Run, images: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.xz").write_bytes(lzma.compress(images))
    found = run("info", "a.xz", "--json").json[0]
    assert found["container"] == "xz"
    assert found["arrays"][0]["num_zeros"] == 6


def test_zip_of_several(run: Run, images: bytes, tmp_path: Path) -> None:
    write_idx(tmp_path / "labels.gz", LABELS)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("gzip/\x1b[31mimages", images)
        archive.writestr("gzip/labels.gz", (tmp_path / "labels.gz").read_bytes())
        archive.writestr("README.txt", "what this is")
        archive.writestr("__MACOSX/x", "clutter")
    result = run("info", "a.zip")
    assert result.status == 0
    assert "\x1b" not in result.out
    assert "gzip/?[31mimages" in result.out
    assert "README.txt" in result.out
    found = run("info", "a.zip", "--json").json[0]
    assert [one["shape"] for one in found["arrays"]] == [[5, 4, 4], [30]]
    assert found["arrays"][1]["values"] == list(range(12))
    assert found["others"] == ["README.txt"]


def test_zip_with_a_damaged_member(run: Run, images: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("sound", images)
        archive.writestr("short", images[:-1])
    found = run("info", "a.zip", "--json")
    assert found.status == 1
    assert "member 'short'" in found.json[0]["refused"]


def test_zip_of_too_many(run: Run, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(1001):
            archive.writestr(str(number), b"")
    result = run("info", "a.zip")
    assert result.status == 1
    assert "at most 1000, found 1001" in " ".join(result.out.split())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"\0\0\x08", "header is cut short"),
        (b"\0\0\x08\x01\0\0\0\x05abc", "payload size does not match"),
        (b"\0\0\x0a\x01\0\0\0\x05abcde", "unknown dtype code"),
        (b"<!doctype html><p>404", "HTML or XML page"),
        (b"\x89PNG\r\n\x1a\n", "idxdata convert reads it"),
        (b"\x93NUMPY\x01\0", "idxdata convert reads it"),
        (b"PK\x05\x06" + bytes(18), "a zip archive without files"),
        (b"PK\x03\x04 no archive", "zip archive cannot be read"),
        (b"\x1f\x8b\x08\0", "gzip member header is cut short"),
        (b"\xfd7zXZ\0 no xz", "xz"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "dims overflow"),
    ],
)
def test_refused(run: Run, tmp_path: Path, content: bytes, words: str) -> None:
    """The reason in the error's words; what comes after is told all the same."""
    (tmp_path / "bad").write_bytes(content)
    write_idx(tmp_path / "good", LABELS)
    result = run("info", "bad", "good")
    assert result.status == 1
    assert words in " ".join(result.out.split())
    assert "uint8 30" in result.out
    assert not result.err
    found = run("info", "bad", "good", "--json").json
    assert [one["refused"] is None for one in found] == [False, True]


def test_npz_is_for_convert(run: Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=IMAGES)
    assert "idxdata convert reads it" in " ".join(run("info", "a.npz").out.split())


@pytest.mark.parametrize("path", ["nofile", ".", "no\0file", "/dev/null"])
def test_no_files(run: Run, path: str) -> None:
    result = run("info", path, "--json")
    assert result.status == 1
    assert result.json[0]["refused"]


def test_empty_array_and_floats(run: Run, tmp_path: Path) -> None:
    write_idx(tmp_path / "empty", np.empty((0, 28, 28), np.uint8))
    write_idx(tmp_path / "floats", np.array([[np.nan, 1.5]], np.float32))
    result = run("info", "empty", "floats")
    assert result.status == 0
    assert "no values" in result.out
    assert "nan 1.5" in result.out
    found = run("info", "empty", "floats", "--json").json
    assert found[0]["arrays"][0]["values"] == []
    assert found[1]["arrays"][0]["values"] == [None, 1.5]


def test_a_huge_example_is_not_read(run: Run, tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.write(
            b"\0\0\x08\x02" + (1).to_bytes(4, "big") + (1 << 30).to_bytes(4, "big")
        )
        file.truncate(12 + (1 << 30))
    result = run("info", "huge")
    assert result.status == 0
    assert "too large to be shown" in result.out


def test_values(run: Run, tmp_path: Path) -> None:
    """Of all there is, by pieces, whatever the dtype and the container."""
    random = np.random.default_rng(0)
    for dtype in ("u1", "i1", "i2", "i4", "f4", "f8"):
        array = random.normal(0, 50, (700, 500)).astype(dtype)
        path = tmp_path / f"{dtype}.gz"
        write_idx(path, array)
        (found,) = run("info", path, "--values", "--json").json[0]["arrays"]
        assert (found["minimum"], found["maximum"]) == (array.min(), array.max())
    assert f"range    {array.min():g} to {array.max():g}" in (
        run("info", path, "--values").out
    )
    write_idx(tmp_path / "nan", np.array([np.nan, 2, 1], np.float64))
    write_idx(tmp_path / "all-nan", np.array([np.nan], np.float32))
    write_idx(tmp_path / "empty", np.empty((0, 3), np.int16))
    names = ("nan", "all-nan", "empty")
    found = [one["arrays"][0] for one in run("info", *names, "--values", "--json").json]
    ranges = [(one["minimum"], one["maximum"]) for one in found]
    assert ranges == [(1, 2), (None, None), (None, None)]
    assert run("info", *names, "--values").status == 0


@pytest.mark.parametrize("padding", [b"", bytes(3 << 20)])
def test_gzip_members(run: Run, images: bytes, tmp_path: Path, padding: bytes) -> None:
    parts = (images[:10], b"", images[10:])
    members = b"".join(gzip.compress(part) for part in parts)
    (tmp_path / "a.gz").write_bytes(members + padding)
    assert run("info", "a.gz", "--values", "--json").json[0]["num_gzip_members"] == 3
    assert ", 3 members" in run("info", "a.gz", "--values").out
    assert run("info", "a.gz", "--json").json[0]["num_gzip_members"] is None


def test_values_of_a_damaged_file(run: Run, images: bytes, tmp_path: Path) -> None:
    """That it is damaged further on only shows where all is read."""
    (tmp_path / "a.gz").write_bytes(gzip.compress(images)[:-1])
    assert run("info", "a.gz").status == 0
    result = run("info", "a.gz", "--values")
    assert result.status == 1
    assert "is cut short" in " ".join(result.out.split())


def test_mnist(run: Run, mnist_folder: Path) -> None:
    result = run("info", *sorted(mnist_folder.glob("*.gz")))
    assert result.status == 0
    assert "uint8 60,000 x 28 x 28" in result.out
    assert "152 zeros, then 3 18 18 18 126 136 175 26 166 255 247 127 ..." in result.out
    assert "5 0 4 1 9 2 1 3 1 4" in result.out
    assert max(map(len, result.out.splitlines())) <= 80
