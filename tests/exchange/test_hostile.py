"""Files made to mislead: one clear error each, no code run, no memory filled."""

import io
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from idxdata import DatasetError
from idxdata.errors import FormatError, IdxDataError
from idxdata.exchange import npz
from idxdata.exchange.reading import read_content
from tests.strategies import peak_nbytes

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def refused(path: Path) -> IdxDataError:
    with pytest.raises((DatasetError, FormatError)) as caught:
        read_content(path)
    return caught.value


def npy_header(text: str, *, version: bytes = b"\1\0") -> bytes:
    head = text.encode("latin1") + b"\n"
    size = struct.pack("<H" if version == b"\1\0" else "<I", len(head))
    return b"\x93NUMPY" + version + size + head


def header(
    shape: str, *, descr: str = "'|u1'", order: str = "False", **options: bytes
) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"
    return npy_header(text, **options)


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


HEADERS = {
    "more than there is": (header("(1000, 1000)"), "1000000 bytes after the header"),
    "a petabyte": (header(f"({2**50},)"), f"{2**50} bytes after the header"),
    "beyond 64 bits": (header(f"({2**70}, {2**70})"), None),
    "nothing of a huge shape": (header(f"(0, {2**63})"), None),
    "a negative dim": (header("(-1, 3)"), None),
    "a dim that is no number": (header("(1.5,)"), None),
    "no shape": (header("3"), None),
    "65 dims": (header(f"({'1, ' * 65})") + b"x", None),
    "records": (header("(1,)", descr="[('a', '|u1')]") + b"x", None),
    "bytes of nothing": (header("(3,)", descr="'|V0'"), None),
    "objects": (header("(1,)", descr="'|O'") + b"x", None),
    "no dtype": (header("(1,)", descr="'bogus'") + b"x", None),
    "code": (npy_header("__import__('os').mkdir('evil')"), None),
    "no literal": (npy_header("{"), None),
    "nested": (npy_header("(" * 5000), None),
    "too long a header": (header("(1,)" + " " * 20_000) + b"x", None),
    "version 3": (header("(1,)", version=b"\3\0") + b"x", "1.0 or 2.0"),
    "version 9": (header("(1,)", version=b"\x09\0") + b"x", None),
    "a header cut short": (b"\x93NUMPY\1\0\xff\xff{", None),
    "the magic alone": (b"\x93NUMPY", None),
    "bytes behind": (header("(1,)") + b"xy", "1 bytes after the header"),
}


@pytest.mark.parametrize("case", HEADERS)
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_headers_of_npy(
    case: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data, expected = HEADERS[case]
    path = tmp_path / f"a.{suffix}"
    if suffix == "npy":
        path.write_bytes(data)
    else:
        zipped(path, {"images.npy": data})
    errors: list[IdxDataError] = []
    assert peak_nbytes(lambda: errors.append(refused(path))) < 4 << 20
    assert errors[0].path == str(path)
    assert expected is None or errors[0].expected == expected
    assert not Path("evil").exists()


@pytest.mark.parametrize(
    "name", ["../../evil.npy", "/evil.npy", "C:\\evil.npy", "a/../b.npy"]
)
def test_names_in_archives_are_never_paths(name: str, tmp_path: Path) -> None:
    file = io.BytesIO()
    np.save(file, IMAGES)
    path = zipped(tmp_path / "a.npz", {name: file.getvalue()})
    # One array, whatever it is called.
    assert np.array_equal(read_content(path).parts[""].data, IMAGES)
    assert os.listdir(tmp_path) == ["a.npz"]


def test_a_bomb_in_an_archive(tmp_path: Path) -> None:
    """The size that is stated is what DEFLATE makes of it, or nothing is read."""
    path = zipped(tmp_path / "a.npz", {"images.npy": header(f"({2**30},)") + b"x"})
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\1\2")
    data[place + 24 : place + 28] = struct.pack("<I", 2**30)
    path.write_bytes(data)
    assert peak_nbytes(lambda: refused(path)) < 4 << 20


def test_a_wrong_crc(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, images=IMAGES, labels=np.arange(2))
    data = bytearray(path.read_bytes())
    data[data.index(IMAGES.tobytes()) + 5] ^= 1
    path.write_bytes(data)
    error = refused(path)
    assert error.what == "CRC-32 of a zip member does not match"
    assert error.path == str(path)


def test_two_arrays_of_one_name(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.save(file, IMAGES)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("images.npy", file.getvalue())
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("images.npy", file.getvalue())
    assert refused(tmp_path / "a.npz").what.startswith("two arrays of images")


def test_more_arrays_than_anybody_needs(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.npz", {f"{n}.npy": b"" for n in range(200)})
    error = refused(path)
    assert (error.what, error.found) == ("too many arrays for images and labels", 200)


def test_an_archive_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, images=IMAGES)
    data = path.read_bytes()
    for length in (4, 100, len(data) - 1):
        path.write_bytes(data[:length])
        assert refused(path).path == str(path)


@pytest.mark.parametrize(
    ("arrays", "what"),
    [
        ({"x": IMAGES, "X": IMAGES}, "two arrays of images"),
        ({"x": IMAGES, "images": IMAGES}, "two arrays of images"),
        ({"x": IMAGES, "x_train": IMAGES}, "arrays with and without a split"),
        ({"x_train": IMAGES, "y_train": np.arange(2), "y_test": np.arange(2)}, "labels without images"),
        ({"x": IMAGES, "y": np.arange(3)}, "images and labels differ in number"),
        ({"x": IMAGES, "y": np.eye(2)}, "y: not labels"),
        ({"x": IMAGES, "y": np.zeros(2)}, "y: not labels"),
        ({"x": IMAGES, "y": np.array(["a", "b"]), "classes": np.array(["a"])}, "a label that is none"),
        ({"x": IMAGES, "y": np.array([b"\xff", b"b"])}, "names are not text"),
        ({"x": IMAGES, "y": np.arange(2), "classes": np.array(["a"])}, "a label has no class"),
        ({"x": IMAGES, "y": np.arange(2), "classes": np.array(["a", "a"])}, "two classes of the same"),
        ({"x_train": IMAGES, "y_train": np.arange(2), "x_test": IMAGES, "y_test": np.array(["a", "b"])}, "some labels are numbers"),
        ({"x": np.array(["a", "b"]), "y": np.arange(2)}, "not an array of numbers"),
        ({"x_a b": IMAGES, "y_a b": np.arange(2)}, "a split's name must do"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit(
    arrays: dict[str, np.ndarray], what: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    error = refused(path)
    assert error.what.startswith(what)
    assert error.path == str(path)


def test_other_arrays_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(
        path,
        x=IMAGES,
        y=np.array([[1], [0]]),
        x_mean=np.zeros(1),
        about=np.zeros(1),
        label_names=np.array([b"cat", b"dog"]),
    )
    found = read_content(path)
    assert found.notices == ("other arrays, left out: x_mean, about",)
    assert found.classes == ("cat", "dog")
    assert found.parts[""].labels.tolist() == [1, 0]  # type: ignore[union-attr]


def test_splits_by_any_name(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, nist_images=IMAGES, VAL_IMAGES=IMAGES, Y_val=np.arange(2))
    found = read_content(path)
    assert list(found.parts) == ["nist", "validation"]
    assert found.parts["validation"].labels.tolist() == [0, 1]  # type: ignore[union-attr]


def test_names_of_all_splits_are_numbered_together(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(
        path,
        x_train=IMAGES,
        y_train=np.array(["b", "c"]),
        x_test=IMAGES,
        y_test=np.array(["c", "a"]),
    )
    found = read_content(path)
    assert found.classes == ("a", "b", "c")
    assert found.parts["test"].labels.tolist() == [2, 0]  # type: ignore[union-attr]


def test_every_flipped_bit_of_a_picture_is_noticed(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / "a.png"
    image.fromarray(IMAGES[0]).save(path)
    content = path.read_bytes()
    for place in range(len(content) * 8):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        error = refused(path)
        assert error.path == str(path)


def test_pictures_that_would_fill_the_memory(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    image.new("1", (10_000, 10_000)).save(tmp_path / "a.png")
    error = refused(tmp_path / "a.png")
    assert (error.what, error.path) == ("not a sound picture", str(tmp_path / "a.png"))
    assert "DecompressionBomb" in str(error.found)


def test_names_of_arrays_in_an_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", b=IMAGES, a=IMAGES)
    assert npz.array_names(tmp_path / "a.npz") == ["b", "a"]
