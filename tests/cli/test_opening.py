"""What an argument means: labels that lie beside images, and what is no data."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from idxdata import write_idx
from idxdata.commands.beside import labels_beside
from idxdata.commands.opening import Opened, open_examples
from idxdata.errors import DatasetError, FormatError, IdxDataError
from tests.cli.examples import small_split, write_folder

IMAGES, LABELS = small_split(0, 12)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IDXDATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def labels_of(opened: Opened) -> NDArray[Any] | None:
    return opened.parts["all"].labels


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
        ("t10k-images.idx3-ubyte.gz", "t10k-labels-idx1-ubyte"),
        ("images-idx4-ubyte", "labels-idx1-ubyte.gz"),
        (
            "emnist-letters-test-images-idx3-ubyte",
            "emnist-letters-test-labels-idx1-int",
        ),
        ("a[b](c)-images-idx3-ubyte", "a[b](c)-labels.idx1-ubyte"),
    ],
)
def test_labels_beside_images(place: Path, images: str, labels: str) -> None:
    write_idx(images, IMAGES)
    write_idx("other-labels-idx1-ubyte", LABELS[::-1].copy())
    assert open_examples(images).note == ""
    write_idx(labels, LABELS)
    opened = open_examples(images)
    assert np.array_equal(labels_of(opened), LABELS)
    assert opened.classes == ("0", "1", "2")
    assert opened.note == f"labels: {labels}, which lies beside it"
    # Those that are named go before those that lie there.
    named = open_examples(images, labels="other-labels-idx1-ubyte")
    assert np.array_equal(labels_of(named), LABELS[::-1])
    assert named.note == ""


def test_the_first_column_of_a_table_beside_it(place: Path) -> None:
    write_idx("qmnist-train-images-idx3-ubyte", IMAGES)
    table = np.stack([LABELS.astype(np.int32), np.arange(12, dtype=np.int32)], axis=1)
    write_idx("qmnist-train-labels-idx2-int", table)
    opened = open_examples("qmnist-train-images-idx3-ubyte")
    assert np.array_equal(labels_of(opened), LABELS)


@pytest.mark.parametrize(
    "name", ["images", "train-images", "x-images-idx3", "train-labels-idx1-ubyte"]
)
def test_names_that_are_not_mnists(place: Path, name: str) -> None:
    write_idx(name, IMAGES)
    if name != "train-labels-idx1-ubyte":
        write_idx("train-labels-idx1-ubyte", LABELS)
    assert open_examples(name).note == ""
    assert labels_of(open_examples(name)) is None


def test_unusable_labels_beside_it_are_left_out(place: Path) -> None:
    """The images can be looked at; what is wrong with the labels is told."""
    images = "train-images-idx3-ubyte"
    labels = place / "train-labels-idx1-ubyte"
    write_idx(images, IMAGES)
    for content, words in (
        (LABELS[:-1], "expected 12 labels, one for each image, found 11"),
        (IMAGES, "labels are not a list of integers"),
        (LABELS.astype(np.int8) - 1, "a label is negative"),
    ):
        write_idx(labels, content)
        opened = open_examples(images)
        assert labels_of(opened) is None
        assert opened.note.startswith("labels beside it are left out: ")
        assert words in opened.note
        with pytest.raises(DatasetError):
            open_examples(images, labels=str(labels))
    labels.write_bytes(b"<html>")
    assert "HTML" in open_examples(images).note
    labels.unlink()
    labels.mkdir()
    assert open_examples(images).note == ""


def test_packed_as_the_images_goes_first(place: Path) -> None:
    for name in (
        "a-labels-idx1-ubyte",
        "a-labels-idx1-ubyte.gz",
        "a-labels.idx1-ubyte",
    ):
        (place / name).touch()
    for images, labels in (
        ("a-images-idx3-ubyte", "a-labels-idx1-ubyte"),
        ("a-images-idx3-ubyte.gz", "a-labels-idx1-ubyte.gz"),
        ("a-images-idx3-ubyte.xz", "a-labels-idx1-ubyte"),
    ):
        assert labels_beside(place / images) == place / labels


def test_a_folder_needs_no_note(place: Path) -> None:
    write_folder(place / "digits")
    opened = open_examples("digits")
    assert (opened.note, list(opened.parts)) == ("", ["train", "test"])


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"classes": np.array(["a", "b"])}, "a label has no class: expected 0 to 1"),
        ({"y_train": LABELS.astype(np.int8) - 1}, "a label is negative: found -1"),
        ({"y_train": LABELS[:-1]}, "images and labels differ in number"),
        ({"y_train": LABELS.astype(np.int64) + 5000}, "too large to be classes"),
    ],
)
def test_labels_in_an_npz_that_do_not_fit(
    place: Path, arrays: dict[str, NDArray[Any]], words: str
) -> None:
    np.savez("data.npz", **({"x_train": IMAGES, "y_train": LABELS} | arrays))
    with pytest.raises(DatasetError) as caught:
        open_examples("data.npz")
    assert words in str(caught.value)
    assert caught.value.path == "data.npz"


def test_classes_named_in_an_npz(place: Path) -> None:
    classes = np.array(["a", "b", "c", "of none"])
    np.savez("data.npz", x_train=IMAGES, y_train=LABELS, classes=classes)
    assert open_examples("data.npz").classes == ("a", "b", "c", "of none")


@pytest.mark.parametrize(
    "array",
    [
        IMAGES.astype(complex),
        IMAGES.astype("datetime64[s]"),
        np.array([["a", "b"]]),
        np.zeros((3, 2), [("a", "u1")]),
        np.array([[None, 1]], object),
    ],
    ids=lambda array: str(array.dtype.kind),
)
def test_an_npy_of_no_numbers(place: Path, array: NDArray[Any]) -> None:
    np.save("a.npy", array)
    with pytest.raises(FormatError, match=r"a\.npy: not a"):
        open_examples("a.npy")


@given(stem=st.text(st.characters(exclude_characters="/\0"), max_size=8))
def test_any_stem(tmp_path_factory: pytest.TempPathFactory, stem: str) -> None:
    """Of whatever letters, only the stem's own labels are taken."""
    folder = tmp_path_factory.getbasetemp() / "stems"
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    try:
        own = folder / f"{stem}-labels-idx1-ubyte"
        (folder / f"{stem}x-labels-idx1-ubyte").touch()
        images = folder / f"{stem}-images-idx3-ubyte"
        assert labels_beside(images) is None
        own.touch()
    except (OSError, UnicodeEncodeError):
        return  # the file system has no such name
    assert labels_beside(images) == own


@pytest.mark.parametrize("what", ["nothing", "./nothing.gz"])
def test_what_is_not_there(place: Path, what: str) -> None:
    with pytest.raises((IdxDataError, FileNotFoundError)):
        open_examples(what)
