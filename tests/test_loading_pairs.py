"""load(images=..., labels=...): one's own files and arrays."""

from pathlib import Path

import numpy as np
import pytest

from idxdata import DatasetError, HeaderError, load
from tests.digits import (
    ARRAYS,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    check,
    folder,
)

__all__ = ["folder"]  # a fixture

IMAGES, LABELS, *TEST = ARRAYS


def test_one_pair_is_a_train_split(folder: Path) -> None:
    data = load(images=folder / IMAGES, labels=str(folder / LABELS))
    assert np.array_equal(data.train.images, TRAIN_IMAGES)
    assert data.name == IMAGES
    assert list(data.splits) == ["train"]
    assert data.classes == ("0", "1", "2", "3")


def test_two_pairs(folder: Path) -> None:
    check(
        load(
            images=folder / IMAGES,
            labels=folder / LABELS,
            test_images=folder / TEST[0],
            test_labels=folder / TEST[1],
        )
    )


def test_arrays_and_npy_files(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", TRAIN_IMAGES)
    np.save(tmp_path / "labels.dat", TRAIN_LABELS)
    (tmp_path / "labels.dat.npy").rename(tmp_path / "labels.dat")
    data = load(
        images=tmp_path / "images.npy",
        labels=tmp_path / "labels.dat",
        test_images=TEST_IMAGES,
        test_labels=TEST_LABELS,
        classes=["a", "b", "c", "d"],
    )
    assert np.array_equal(data.train.labels, TRAIN_LABELS)
    assert np.array_equal(data.test.images, TEST_IMAGES)
    assert (data.name, data.classes) == ("images", ("a", "b", "c", "d"))


def test_a_folder_with_a_train_split_only(folder: Path) -> None:
    for name in TEST:
        (folder / name).unlink()
    data = load(folder)
    assert list(data.splits) == ["train"]
    with pytest.raises(DatasetError, match="no test split"):
        data.test  # noqa: B018


def test_a_folder_with_a_test_split_only(folder: Path) -> None:
    for name in (IMAGES, LABELS):
        (folder / name).unlink()
    with pytest.raises(DatasetError, match="no train images here"):
        load(folder)


def test_classes_of_a_folder(folder: Path) -> None:
    assert load(folder, classes="abcd").classes == ("a", "b", "c", "d")
    with pytest.raises(DatasetError, match="out of range"):
        load(folder, classes="abc")
    with pytest.raises(ValueError, match="classes="):
        load("mnist", folder=folder, classes="abcd")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"images"}, "images without labels"),
        ({"labels"}, "labels without images"),
        ({"images", "labels", "test_images"}, "without test_labels"),
        ({"test_images", "test_labels"}, "without images and labels"),
    ],
)
def test_half_a_pair(given: set[str], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        load(**dict.fromkeys(given, TRAIN_IMAGES))  # type: ignore[arg-type]


def test_arguments_that_do_not_go_together(folder: Path) -> None:
    with pytest.raises(TypeError, match="name, a path, or"):
        load()
    with pytest.raises(ValueError, match="without a name"):
        load(folder, images=TRAIN_IMAGES, labels=TRAIN_LABELS)
    with pytest.raises(ValueError, match="folder="):
        load(images=TRAIN_IMAGES, labels=TRAIN_LABELS, folder=folder)


def test_pairs_that_do_not_fit(folder: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        load(images=folder / IMAGES, labels=folder / TEST[1])
    assert caught.value.path == str(folder / IMAGES)
    assert caught.value.found == 2
    with pytest.raises(DatasetError, match="not a list of integers"):
        load(images=folder / IMAGES, labels=folder / IMAGES)
    (folder / "page").write_text("<html>")
    with pytest.raises(HeaderError):
        load(images=folder / "page", labels=folder / LABELS)
    with pytest.raises(FileNotFoundError):
        load(images=folder / "none", labels=folder / LABELS)


def test_classes_in_a_file_beside(folder: Path) -> None:
    (folder / "classes.txt").write_text("zero\nü\ntwo\nthree\n", encoding="utf-8")
    assert load(folder).classes == ("zero", "ü", "two", "three")
    assert load(folder, classes="abcd").classes == ("a", "b", "c", "d")
    (folder / "classes.txt").write_text("zero\none\n")
    with pytest.raises(DatasetError, match="out of range"):
        load(folder)
    for content in (b"", b"\xff\xfe"):
        (folder / "classes.txt").write_bytes(content)
        with pytest.raises(DatasetError, match="not a list of classes"):
            load(folder)
