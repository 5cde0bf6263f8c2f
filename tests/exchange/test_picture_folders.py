"""Folders of pictures: what is a split, what a class, what is told and what refused."""

import os
from pathlib import Path

import numpy as np
import pytest

from idxdata import DatasetError
from idxdata.errors import FormatError, IdxDataError
from idxdata.exchange.content import Content, Part
from idxdata.exchange.pictures import PictureOptions
from idxdata.exchange.pixels import altered
from idxdata.exchange.reading import read_content
from idxdata.exchange.writing import write_content
from tests.strategies import Array

Image = pytest.importorskip("PIL.Image")

IMAGES = np.random.default_rng(3).integers(0, 256, (9, 3, 4), np.uint8)


def tree(root: Path, *names: str) -> Path:
    """Pictures of those names, the first being of `IMAGES[0]` and so on."""
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(IMAGES[number]).save(path, "PNG")
    return root


def facts(content: Content) -> dict[str, tuple[list[int], list[int] | None]]:
    """For each part which of `IMAGES` it has, and its labels."""
    return {
        name: (
            [int((IMAGES == image).all((1, 2)).argmax()) for image in part.data],
            None if part.labels is None else part.labels.tolist(),
        )
        for name, part in content.parts.items()
    }


def refused(root: Path) -> IdxDataError:
    with pytest.raises((DatasetError, FormatError)) as caught:
        read_content(root)
    return caught.value


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("train", "test"),
        ("training", "testing"),
        ("Train", "T10k"),
        ("train", "t10k"),
    ],
)
def test_splits_and_their_classes(first: str, second: str, tmp_path: Path) -> None:
    tree(tmp_path, f"{second}/b/1.png", f"{first}/a/2.png", f"{first}/c/1.png")
    found = read_content(tmp_path)
    # One numbering for both, and in each the order of its file names.
    assert found.classes == ("a", "b", "c")
    assert facts(found) == {"train": ([2, 1], [2, 0]), "test": ([0], [1])}
    assert list(found.parts) == ["train", "test"]


def test_splits_without_classes(tmp_path: Path) -> None:
    tree(tmp_path, "train/1.png", "val/1.png")
    found = read_content(tmp_path)
    assert facts(found) == {"train": ([0], None), "validation": ([1], None)}


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    tree(tmp_path, "car/1.png", "plane/1.png", "train/1.png")
    found = read_content(tmp_path)
    assert found.classes == ("car", "plane", "train")
    assert list(found.parts) == [""]


def test_splits_beside_others(tmp_path: Path) -> None:
    tree(tmp_path, "train/a/1.png", "test/a/1.png", "extra/a/1.png")
    error = refused(tmp_path)
    assert error.what == "splits and other folders beside each other"
    assert (error.path, error.found) == (str(tmp_path), "test and extra")


def test_a_picture_beside_splits(tmp_path: Path) -> None:
    tree(tmp_path, "train/a/1.png", "test/a/1.png", "0.png")
    error = refused(tmp_path)
    assert error.what == "a picture that is in no split's folder"
    assert error.path == str(tmp_path / "0.png")


def test_two_folders_of_a_split(tmp_path: Path) -> None:
    tree(tmp_path, "test/a/1.png", "t10k/a/1.png")
    assert refused(tmp_path).what == "two folders of the split test"


def test_folders_without_pictures_do_not_count(tmp_path: Path) -> None:
    tree(tmp_path, "train/a/1.png", "test/a/1.png")
    (tmp_path / "docs" / "empty").mkdir(parents=True)
    (tmp_path / "docs" / "read.me").write_text("hello")
    assert list(read_content(tmp_path).parts) == ["train", "test"]


def test_folders_in_a_class_are_of_the_class(tmp_path: Path) -> None:
    tree(tmp_path, "a/x/1.png", "a/2.png", "b/y/z/1.png")
    assert facts(read_content(tmp_path)) == {"": ([1, 0, 2], [0, 0, 1])}


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    place = tree(tmp_path / "here", "a/1.png")
    tree(tmp_path / "there", "1.png")
    (place / "b").symlink_to(tmp_path / "there")
    (place / "a" / "round").symlink_to(place)
    found = read_content(place)
    assert found.classes == ("a", "b")
    assert facts(found) == {"": ([0, 0], [0, 1])}


@pytest.mark.parametrize("name", ["a.bmp", "b/c.GIF", "d.webp", "e.tiff"])
def test_other_pictures_are_not_dropped(name: str, tmp_path: Path) -> None:
    tree(tmp_path, "b/1.png" if "/" in name else "1.png")
    (tmp_path / name).write_bytes(b"GIF89a")
    error = refused(tmp_path)
    assert error.path == str(tmp_path / name)
    assert error.what == "a picture that cannot be read"
    assert error.found == (tmp_path / name).suffix.lower()


def test_other_files_are_told(tmp_path: Path) -> None:
    tree(tmp_path, "a/1.png", "b/picture")
    for name in ("notes.txt", "a/x.json", "b/y.csv", "b/z"):
        (tmp_path / name).write_text("hello")
    (tmp_path / ".DS_Store").write_text("")
    found = read_content(tmp_path)
    # A picture without a suffix is one all the same.
    assert facts(found) == {"": ([0, 1], [0, 1])}
    assert found.notices == (
        "no pictures, left out: a/x.json, b/y.csv, b/z and 1 more",
    )


def test_what_is_called_png_must_be_a_picture(tmp_path: Path) -> None:
    tree(tmp_path, "a/1.png")
    (tmp_path / "a" / "2.png").write_text("<html>")
    error = refused(tmp_path)
    assert error.path == str(tmp_path / "a" / "2.png")
    assert error.what == "not a sound picture"


def test_a_jpeg_may_be_called_png(tmp_path: Path) -> None:
    tree(tmp_path, "1.png")
    Image.fromarray(IMAGES[1]).save(tmp_path / "2.png", "JPEG", quality=100)
    assert read_content(tmp_path).parts[""].data.shape == (2, 3, 4)


def test_animations_are_no_pictures(tmp_path: Path) -> None:
    frames = [Image.fromarray(image) for image in IMAGES[:2]]
    frames[0].save(tmp_path / "1.png", save_all=True, append_images=frames[1:])
    assert refused(tmp_path).what == "an animation, not one picture"


def labels_csv(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_tells_numbers_and_names(tmp_path: Path) -> None:
    tree(tmp_path, "x.png", "y.png", "z.png")
    labels_csv(tmp_path, "file,label,class\nz.png,4,dog\nx.png,1,cat\ny.png,4,dog\n")
    found = read_content(tmp_path)
    assert facts(found) == {"": ([2, 0, 1], [4, 1, 4])}
    assert found.classes == ("0", "cat", "2", "3", "dog")


def test_a_table_leaves_pictures_out(tmp_path: Path) -> None:
    tree(tmp_path, "x.png", "sub/y.png")
    labels_csv(tmp_path, "\ufefffile,label\nx.png,300\n")
    found = read_content(tmp_path)
    assert facts(found) == {"": ([0], [300])}
    assert found.parts[""].labels.dtype == np.int32  # type: ignore[union-attr]
    assert found.notices == ("not in labels.csv, left out: sub/y.png",)


def test_a_table_without_labels_tells_the_order(tmp_path: Path) -> None:
    tree(tmp_path, "x.png", "y.png")
    labels_csv(tmp_path, "file\ny.png\nx.png\n")
    assert facts(read_content(tmp_path)) == {"": ([1, 0], None)}


def test_classes_txt_numbers_names(tmp_path: Path) -> None:
    tree(tmp_path, "b/1.png", "a/2.png")
    (tmp_path / "classes.txt").write_text("b\nz\na\n")
    found = read_content(tmp_path)
    assert found.classes == ("b", "z", "a")
    assert facts(found) == {"": ([0, 1], [0, 2])}
    (tmp_path / "classes.txt").write_text("b\n")
    error = refused(tmp_path)
    assert error.what == "a label that is none of the classes"
    assert (error.path, error.expected) == (str(tmp_path), "b")


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ("file,label,class\nx.png,1,a\ny.png,1,b\n", "label 1 has two names"),
        ("file,label,class\nx.png,0,a\ny.png,1,a\n", "two classes of the same name"),
        (
            "file,label,class\nx.png,5000,a\n",
            "labels that cannot be numbers of classes",
        ),
        ("file,label,class\nx.png,-1,a\n", "labels that cannot be numbers of classes"),
        (
            "file,label\nx.png,1\ny.png,b\n",
            "some labels are numbers, this one's is a name",
        ),
        ('file,label\n"x.png', "not a table"),
    ],
)
def test_tables_that_contradict_themselves(
    table: str, what: str, tmp_path: Path
) -> None:
    tree(tmp_path, "x.png", "y.png")
    labels_csv(tmp_path, table)
    error = refused(tmp_path)
    assert error.what == what
    assert error.path is not None
    assert error.path.startswith(str(tmp_path))


def test_numbers_beyond_64_bits_are_names(tmp_path: Path) -> None:
    tree(tmp_path, "x.png")
    labels_csv(tmp_path, f"file,label\nx.png,{10**30}\n")
    assert read_content(tmp_path).classes == (str(10**30),)


def test_what_is_written(tmp_path: Path) -> None:
    labels = np.array([2, 0, 2], np.int64)
    content = Content({"train": Part(IMAGES[:3], labels)}, ("T-shirt/top", "x", "CON"))
    write_content(content, tmp_path / "out", "png")
    files = {
        path.relative_to(tmp_path / "out").as_posix()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert files == {
        "classes.txt",
        "train/labels.csv",
        "train/CON_/0.png",
        "train/T-shirt_top/1.png",
        "train/CON_/2.png",
    }
    assert (tmp_path / "out/train/labels.csv").read_bytes() == (
        b"file,label,class\r\nCON_/0.png,2,CON\r\nT-shirt_top/1.png,0,T-shirt/top\r\n"
        b"CON_/2.png,2,CON\r\n"
    )
    with Image.open(tmp_path / "out/train/CON_/0.png") as picture:
        assert (picture.mode, picture.size) == ("L", (4, 3))


RED = np.tile(np.array([255, 0, 0], np.uint8), (2, 3, 4, 1))


@pytest.mark.parametrize(
    ("images", "options", "expected"),
    [
        (IMAGES, PictureOptions(invert=True), 255 - IMAGES),
        # Three or four pixels in a row are not channels.
        (
            IMAGES.transpose(0, 2, 1),
            PictureOptions(invert=True),
            255 - IMAGES.transpose(0, 2, 1),
        ),
        (IMAGES, PictureOptions(grey=True), IMAGES),
        (IMAGES.reshape(9, 12), PictureOptions((3, 4)), IMAGES),
        (RED, PictureOptions(grey=True), np.full((2, 3, 4), 76)),
        (RED, PictureOptions((1, 1)), RED[:, :1, :1]),
    ],
)
def test_arrays_are_altered_as_pictures_are(
    images: Array, options: PictureOptions, expected: Array
) -> None:
    found = altered(images, options, "x")
    assert found.dtype == np.uint8
    assert np.array_equal(found, expected)


def test_inverting_leaves_alpha(tmp_path: Path) -> None:
    image = np.full((1, 2, 2, 4), 10, np.uint8)
    Image.fromarray(image[0]).save(tmp_path / "1.png")
    for found in (
        altered(image, PictureOptions(invert=True), "x"),
        read_content(tmp_path, invert=True).parts[""].data,
    ):
        assert found.reshape(-1, 4).tolist() == [[245, 245, 245, 10]] * 4


@pytest.mark.parametrize("shape", [(1, 1000), (1000, 1), (7, 3)])
def test_any_shape_becomes_any_other(shape: tuple[int, int], tmp_path: Path) -> None:
    Image.fromarray(np.full(shape, 9, np.uint8)).save(tmp_path / "1.png")
    found = read_content(tmp_path, size=(5, 6)).parts[""].data
    assert found.tolist() == [[[9] * 6] * 5]


@pytest.mark.parametrize("array", [np.zeros((2, 3)), np.zeros((2, 4, 3, 3), "i4")])
def test_other_arrays_are_not_altered(array: Array, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(FormatError, match="PNG does not hold") as caught:
        read_content(tmp_path / "a.npy", invert=True)
    assert caught.value.path == str(tmp_path / "a.npy")


def test_several_pictures(tmp_path: Path) -> None:
    tree(tmp_path, "b.png", "a.png")
    found = read_content(tmp_path / "b.png", tmp_path / "a.png")
    assert facts(found) == {"": ([0, 1], None)}
    assert facts(read_content(tmp_path / "a.png")) == {"": ([1], None)}


def test_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read anything")
    (tmp_path / "a").mkdir(mode=0)
    with pytest.raises(PermissionError):
        read_content(tmp_path)
