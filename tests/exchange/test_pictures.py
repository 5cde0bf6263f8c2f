"""Pictures in folders: names, kinds of pixels, tables of labels, what is refused."""

import csv
import os
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from idxdata import DatasetError, FormatError, load
from idxdata.exchange.content import Content, Part
from idxdata.exchange.reading import read_content
from idxdata.exchange.writing import write_content
from tests.exchange.test_formats import images
from tests.strategies import Array


def draw(path: Path, array: Array) -> Path:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    data = images(5)
    for number, name in enumerate(["10/b", "9/a", "9/c", "10/a", "2/z"]):
        draw(tmp_path / f"{name}.png", data[number])
    (tmp_path / "__MACOSX").mkdir()
    for clutter in ("__MACOSX/a.png", ".hidden.png", "9/.DS_Store", "9/Thumbs.db"):
        (tmp_path / clutter).write_bytes(b"no picture")
    found = read_content(tmp_path)
    assert found.classes == ("2", "9", "10")
    part = found.parts[""]
    assert part.labels is not None
    assert part.labels.tolist() == [2, 2, 0, 1, 1]
    assert np.array_equal(part.data, data[[3, 0, 4, 1, 2]])


def test_names_that_are_numbers_tell_the_order(tmp_path: Path) -> None:
    data = images(4)
    for number, name in enumerate(["b/10", "a/9", "b/2", "a/100"]):
        draw(tmp_path / f"{name}.png", data[number])
    assert np.array_equal(read_content(tmp_path).parts[""].data, data[[2, 1, 0, 3]])


def test_a_flat_folder_has_no_labels(tmp_path: Path) -> None:
    data = images(2)
    for number in range(2):
        draw(tmp_path / f"{number}.png", data[number])
    found = read_content(tmp_path)
    assert found.single is not None
    assert found.classes is None
    with pytest.raises(DatasetError, match="no labels") as caught:
        load(tmp_path)
    assert "images=" in str(caught.value.hint)


def test_pictures_beside_class_folders(tmp_path: Path) -> None:
    draw(tmp_path / "a" / "1.png", images(1)[0])
    draw(tmp_path / "2.png", images(1)[0])
    with pytest.raises(DatasetError, match="no class's folder") as caught:
        read_content(tmp_path)
    assert caught.value.path == str(tmp_path / "2.png")


@pytest.mark.parametrize("other", [(5, 3), (5, 4, 3)])
def test_pictures_of_two_sizes(other: tuple[int, ...], tmp_path: Path) -> None:
    draw(tmp_path / "1.png", images(1)[0])
    draw(tmp_path / "2.png", np.zeros(other, np.uint8))
    with pytest.raises(DatasetError, match="differ in size") as caught:
        read_content(tmp_path)
    assert caught.value.path == str(tmp_path / "2.png")
    assert caught.value.found == f"shape {other}"
    assert read_content(tmp_path, size=(5, 4), grey=True).parts[""].data.shape == (
        2,
        5,
        4,
    )


def test_resizing_inverting_and_grey(tmp_path: Path) -> None:
    array = np.zeros((8, 8, 3), np.uint8)
    array[:4] = 255
    draw(tmp_path / "1.png", array)
    data = read_content(tmp_path, size=(2, 2), grey=True, invert=True).parts[""].data
    assert data.tolist() == [[[0] * 2, [255] * 2]]
    # The sides keep their ratio, on ground of the border's colour.
    data = read_content(tmp_path, size=(2, 4), grey=True).parts[""].data
    assert data.tolist() == [[[127, 255, 255, 127], [127, 0, 0, 127]]]


@pytest.mark.parametrize(
    ("mode", "channels", "value"),
    [
        ("1", (), 255),
        ("L", (), 200),
        ("LA", (4,), [200, 200, 200, 255]),
        ("P", (3,), [200] * 3),
        ("RGB", (3,), [200] * 3),
        ("RGBA", (4,), [200, 200, 200, 255]),
        ("CMYK", (3,), [200] * 3),
    ],
)
def test_every_kind_of_picture(
    mode: str, channels: tuple[int, ...], value: object, tmp_path: Path
) -> None:
    from PIL import Image

    suffix = "jpg" if mode == "CMYK" else "png"
    Image.new("L", (4, 5), 200).convert(mode).save(tmp_path / f"1.{suffix}")
    data = read_content(tmp_path).parts[""].data
    assert data.dtype == np.uint8
    assert data.shape == (1, 5, 4, *channels)
    assert np.abs(data[0, 2, 2].astype(int) - value).max() <= 1  # type: ignore[operator]
    grey = read_content(tmp_path, grey=True).parts[""].data
    assert grey.shape == (1, 5, 4)
    assert abs(int(grey[0, 2, 2]) - (255 if mode == "1" else 200)) <= 1


@pytest.mark.parametrize("mode", ["I;16", "RGB"])
def test_16_bits_are_not_cut_down_unasked(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "1.png"
    if mode == "I;16":
        draw(path, np.full((5, 4), (200 << 8) + 77, np.uint16))
    else:
        path.write_bytes(png_of_16_bits(5, 4))
    with pytest.raises(FormatError, match="16 bits") as caught:
        read_content(tmp_path)
    assert (caught.value.path, caught.value.expected) == (str(path), "8 bits")
    assert "--grey" in str(caught.value.hint)
    grey = read_content(tmp_path, grey=True).parts[""].data
    assert np.unique(grey).tolist() == [200]


def png_of_16_bits(height: int, width: int) -> bytes:
    """RGB, which Pillow reads as 8 bits and cannot write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    row = b"\0" + struct.pack(">H", (200 << 8) + 77) * 3 * width
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(row * height))
        + chunk(b"IEND", b"")
    )


def test_a_turned_photograph(tmp_path: Path) -> None:
    from PIL import Image

    picture = Image.fromarray(images(1)[0])
    exif = picture.getexif()
    exif[0x0112] = 6  # orientation: turned by a quarter
    picture.save(tmp_path / "1.jpg", exif=exif, quality=95)
    assert read_content(tmp_path).parts[""].data.shape == (1, 4, 5)


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_what_is_no_picture(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(content)
    with pytest.raises(FormatError, match="not a sound picture") as caught:
        read_content(tmp_path)
    assert caught.value.path == str(tmp_path / "1.png")


def test_a_picture_that_would_fill_the_memory(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "1.png"
    Image.new("1", (20_000, 10_000)).save(path)
    with pytest.raises(FormatError, match="DecompressionBomb"):
        read_content(tmp_path)


def table(folder: Path, *rows: tuple[object, ...]) -> None:
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def test_labels_in_a_table(tmp_path: Path) -> None:
    data = images(2)
    for number in range(2):
        draw(tmp_path / f"{number}.png", data[number])
    table(tmp_path, ("label", "file"), ("cat", "1.png"), ("ant", "0.png"))
    found = read_content(tmp_path)
    assert found.classes == ("ant", "cat")
    assert found.parts[""].labels is not None
    assert found.parts[""].labels.tolist() == [1, 0]
    assert np.array_equal(found.parts[""].data, data[::-1])


@pytest.mark.parametrize(
    "name",
    [
        "../secret.png",
        "/etc/passwd",
        "a/../../secret.png",
        "link.png",
        "links/secret.png",
        "..\\secret.png",
        "C:\\secret.png",
        "\\\\host\\secret.png",
    ],
)
def test_a_table_does_not_lead_out_of_its_folder(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "inside"
    draw(tmp_path / "secret.png", images(1)[0])
    (folder / "a").mkdir(parents=True)
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "links").symlink_to(tmp_path)
    table(folder, ("file", "label"), (name, 1))
    with pytest.raises(DatasetError, match="outside the folder") as caught:
        read_content(folder)
    assert caught.value.found == name


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([("file", "label"), ("none.png", 1)], "not there"),
        ([("name", "number"), ("1.png", 1)], "no column of files"),
        ([("file", "label"), ("1.png", "")], "line 2 has no label and no class"),
        ([("file", "label"), ("", "1")], "not there"),
        ([("file", "label"), (".", "1")], "not there"),
        ([("file", "label"), ("1.png",)], "line 2 has not as many fields"),
        ([("file", "label"), ("1.png", 1, 2)], "line 2 has not as many fields"),
        ([("file", "label"), ("1.png", 1), ("./1.png", 2)], "line 3: a file twice"),
        (
            [("file", "label", "class"), ("1.png", "x", "y")],
            "line 2: a label that is no",
        ),
        ([("file", "label")], "no pictures are listed"),
        ([], "no column of files"),
    ],
)
def test_bad_tables(rows: list[tuple[object, ...]], text: str, tmp_path: Path) -> None:
    draw(tmp_path / "1.png", images(1)[0])
    table(tmp_path, *rows)
    with pytest.raises((DatasetError, FormatError), match=text) as caught:
        read_content(tmp_path)
    assert caught.value.path == str(tmp_path / "labels.csv")


def test_a_table_of_bytes(tmp_path: Path) -> None:
    draw(tmp_path / "1.png", images(1)[0])
    (tmp_path / "labels.csv").write_bytes(b"file,label\n\xff\xfe,1\n")
    with pytest.raises(FormatError, match="not a table"):
        read_content(tmp_path)


@pytest.mark.parametrize(
    "array",
    [images(2).astype("f4"), images(2).astype("i2"), images(2)[:, 0], images(2, 2)],
)
@pytest.mark.parametrize("format", ["png", "parquet"])
def test_what_png_does_not_hold(array: Array, format: str, tmp_path: Path) -> None:
    content = Content({"": Part(array, np.arange(2))})
    with pytest.raises(FormatError, match="PNG does not hold"):
        write_content(content, tmp_path / "out", format)  # type: ignore[arg-type]
    assert os.listdir(tmp_path) == []


def test_without_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path / "1.png", images(1)[0])
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"idxdata\[pictures\]"):
        read_content(tmp_path)
