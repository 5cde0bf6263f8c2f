"""Which kind a path is of; images and labels from two files; labels as people have them."""

import gzip
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idxdata import DatasetError, write_idx
from idxdata.errors import FormatError, IdxDataError
from idxdata.exchange.content import Content, Part, split_name
from idxdata.exchange.labelling import number_names, small, sort_classes
from idxdata.exchange.reading import kind_of, read_content
from idxdata.exchange.writing import write_content
from tests.strategies import Array

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
LABELS = np.array([7, 3], np.uint8)


def save(folder: Path, name: str, array: Array) -> Path:
    path = folder / name
    if name.endswith(".npy"):
        np.save(path, array)
    elif name.endswith(".npz"):
        np.savez(path, array)
    else:
        write_idx(path, array)
    return path


def refused(*paths: Path, **options: Any) -> IdxDataError:
    with pytest.raises((DatasetError, FormatError)) as caught:
        read_content(*paths, **options)
    return caught.value


@pytest.mark.parametrize(
    "name", ["x", "photo.png", "archive.zip", "a.npz", "b.parquet"]
)
@pytest.mark.parametrize("kind", ["idx", "gzip", "xz", "npy", "npz", "pictures"])
def test_kinds_are_told_by_content(kind: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    raw = save(tmp_path, "raw", IMAGES).read_bytes()
    if kind == "npy":
        path.write_bytes(save(tmp_path, "y.npy", IMAGES).read_bytes())
    elif kind == "npz":
        path.write_bytes(save(tmp_path, "y.npz", IMAGES).read_bytes())
    elif kind == "pictures":
        if "png" not in name and name != "x":
            pytest.skip("one is enough")
        image = pytest.importorskip("PIL.Image")
        image.fromarray(IMAGES[0]).save(path, "PNG")
    else:
        path.write_bytes(
            {"gzip": gzip.compress, "xz": lzma.compress}.get(kind, bytes)(raw)
        )
    assert kind_of(path) == ("idx" if kind in ("gzip", "xz") else kind)
    assert len(read_content(path).parts[""].data) == (1 if kind == "pictures" else 2)


@pytest.mark.parametrize("images", ["a.npy", "a.npz", "a-idx3-ubyte", "a.gz"])
@pytest.mark.parametrize("labels", ["b.npy", "b.npz", "b-idx1-ubyte", "b.gz"])
def test_images_and_labels_in_two_files(
    images: str, labels: str, tmp_path: Path
) -> None:
    first, second = save(tmp_path, images, IMAGES), save(tmp_path, labels, LABELS)
    for found in (
        read_content(first, second),
        read_content(second, first),
        read_content(first, labels=second),
    ):
        assert np.array_equal(found.parts[""].data, IMAGES)
        assert found.parts[""].labels.tolist() == [7, 3]  # type: ignore[union-attr]


def test_labels_that_are_names(tmp_path: Path) -> None:
    images = save(tmp_path, "a.npy", IMAGES)
    found = read_content(images, labels=save(tmp_path, "b.npy", np.array(["10", "9"])))
    assert found.classes == ("9", "10")
    assert found.parts[""].labels.tolist() == [1, 0]  # type: ignore[union-attr]


def test_the_first_column_of_qmnists_tables(tmp_path: Path) -> None:
    table = np.arange(16, dtype=np.int32).reshape(2, 8)
    labels = save(tmp_path, "b", table)
    found = read_content(save(tmp_path, "a.npy", IMAGES), labels=labels)
    assert found.parts[""].labels.tolist() == [0, 8]  # type: ignore[union-attr]
    assert found.notices == ("labels: the first of 8 columns, as in QMNIST",)


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.arange(3), "images and labels differ in number"),
        (np.eye(2, 10, dtype="u1"), "labels: not labels"),
        (np.zeros(2), "labels: not labels"),
        (np.zeros((2, 3, 4), "u1"), "labels: not labels"),
    ],
)
def test_labels_that_do_not_fit(array: Array, what: str, tmp_path: Path) -> None:
    labels = save(tmp_path, "b.npy", array)
    error = refused(save(tmp_path, "a.npy", IMAGES), labels=labels)
    assert (error.what, error.path) == (what, str(labels))


def test_labels_for_what_has_some(tmp_path: Path) -> None:
    labels = save(tmp_path, "b.npy", LABELS)
    for content in (
        Content({"": Part(IMAGES, LABELS)}),
        Content({"train": Part(IMAGES), "test": Part(IMAGES)}),
    ):
        write_content(content, tmp_path / "a.npz", "npz", force=True)
        error = refused(tmp_path / "a.npz", labels=labels)
        assert error.what == "labels are for images that have none"
        assert error.path == str(tmp_path / "a.npz")


def test_files_that_are_no_pair(tmp_path: Path) -> None:
    images, labels = save(tmp_path, "a.npy", IMAGES), save(tmp_path, "b", LABELS)
    write_content(Content({"": Part(IMAGES, LABELS)}), tmp_path / "c.npz", "npz")
    (tmp_path / "empty").mkdir()
    assert refused(images, images).what == "not a file of images and one of labels"
    assert refused(labels, labels).found == "shapes (2,) and (2,)"
    assert refused(images, tmp_path / "c.npz").what == "not one array"
    assert refused(images, labels, labels).found == "a.npy, b, b"
    with pytest.raises(FormatError, match="no examples"):
        read_content(images, tmp_path / "empty")
    with pytest.raises(FileNotFoundError) as caught:
        read_content(images, tmp_path / "none")
    assert caught.value.filename == str(tmp_path / "none")


def test_options_for_a_folder_of_idx(tmp_path: Path) -> None:
    write_content(Content({"train": Part(IMAGES, LABELS)}), tmp_path / "out", "idx.gz")
    found = read_content(tmp_path / "out", invert=True).parts["train"]
    assert np.array_equal(found.data, 255 - IMAGES)
    assert found.labels.tolist() == [7, 3]  # type: ignore[union-attr]


def test_a_folder_of_idx_by_other_names(tmp_path: Path) -> None:
    for name, array in (
        ("nist-images.idx3-ubyte.gz", IMAGES),
        ("nist-labels.idx1-ubyte", LABELS),
        ("test-images-idx3-ubyte", IMAGES[:1]),
        ("test-images-idx3-ubyte.gz", IMAGES),
    ):
        write_idx(tmp_path / name, array)
    found = read_content(tmp_path)
    assert list(found.parts) == ["test", "nist"]
    # Raw goes before compressed.
    assert len(found.parts["test"].data) == 1
    assert found.parts["nist"].labels.tolist() == [7, 3]  # type: ignore[union-attr]
    write_idx(tmp_path / "dig-labels-idx1-ubyte", LABELS)
    assert refused(tmp_path).what == "dig labels without images"
    write_idx(tmp_path / "dig-images-idx3-ubyte", IMAGES)
    for names in (b"", b"\xff"):
        (tmp_path / "classes.txt").write_bytes(names)
        error = refused(tmp_path)
        assert error.what == "not a list of classes"
        assert error.path == str(tmp_path / "classes.txt")


@pytest.mark.parametrize(
    ("parts", "classes", "what"),
    [
        ({}, None, "there are no examples"),
        ({"": Part(IMAGES), "a": Part(IMAGES)}, None, "a split's name must do"),
        ({"../a": Part(IMAGES)}, None, "a split's name must do"),
        ({"a" * 65: Part(IMAGES)}, None, "a split's name must do"),
        ({"t10k": Part(IMAGES), "test": Part(IMAGES)}, None, "two splits of the same"),
        ({"a": Part(IMAGES), "A": Part(IMAGES)}, None, "two splits of the same"),
        ({"": Part(IMAGES)}, ("a", ""), "a class without a name"),
        ({"": Part(IMAGES)}, ("a", "b", "a"), "two classes of the same name"),
        ({"a": Part(IMAGES, LABELS)}, ("a",) , "a: a label has no class"),
        ({"a": Part(IMAGES, np.array([0, -1]))}, ("a",) , "a: a label has no class"),
    ],
)  # fmt: skip
def test_what_is_no_content(
    parts: dict[str, Part], classes: tuple[str, ...] | None, what: str
) -> None:
    with pytest.raises(DatasetError) as caught:
        Content(parts, classes)
    assert caught.value.what.startswith(what)


def test_parts() -> None:
    for data in (np.array([object()]), np.zeros(1, [("a", "u1")])):
        with pytest.raises(DatasetError, match="objects and records"):
            Part(data)
    with pytest.raises(DatasetError, match="differ in number"):
        Part(np.array(3), np.arange(1))
    content = Content({"val": Part(IMAGES)}, ())
    assert (list(content.parts), content.classes) == (["validation"], None)
    with pytest.raises(TypeError):
        content.parts["a"] = Part(IMAGES)  # type: ignore[index]


@pytest.mark.parametrize(
    ("name", "split"),
    [("T10K", "test"), ("Train", "train"), ("Valid", "validation"), ("NIST", "NIST")],
)
def test_names_of_splits(name: str, split: str) -> None:
    assert split_name(name) == split


def test_numbering() -> None:
    assert sort_classes(["10", "9", "1"]) == ("1", "9", "10")
    assert sort_classes(["10", "9", "x"]) == ("10", "9", "x")
    # Not all that Unicode takes for a digit.
    assert sort_classes(["²", "1"]) == ("1", "²")
    labels, classes = number_names({"a": ["x"], "b": ["y", "x"]})
    assert (labels["b"].tolist(), classes) == ([1, 0], ("x", "y"))


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([], "uint8"),
        ([0, 255], "uint8"),
        ([0, 256], "int32"),
        ([-1], "int32"),
        ([2**31], "int64"),
        ([2**63], "uint64"),
    ],
)
def test_small_labels(values: list[int], dtype: str) -> None:
    labels = np.array(values, np.uint64 if dtype == "uint64" else np.int64)
    found = small(labels)
    assert (found.dtype, found.tolist()) == (dtype, values)
