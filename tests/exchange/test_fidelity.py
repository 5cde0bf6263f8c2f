"""What goes through any formats comes back equal: data, labels, names, dtypes."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idxdata import HeaderError, read_idx
from idxdata.errors import FormatError
from idxdata.exchange.content import Content, Part
from idxdata.exchange.reading import read_content
from idxdata.exchange.writing import Format, is_folder, write_content
from tests.strategies import DTYPE_NAMES, Array, idx_arrays, plain

DATASETS: tuple[Format, ...] = ("idx", "idx.gz", "npz", "png", "parquet")
ARRAYS: tuple[Format, ...] = ("idx", "idx.gz", "npy", "npz")

# What trips over file systems, tables, sorting, terminals.
NAMES = (
    "T-shirt/top",
    "..",
    "a b",
    "A B",
    "ü",
    "10",
    "9",
    "CON",
    "labels.csv",
    "classes.txt",
    'say "x", y',
    "=1+1",
    "train",
    "x" * 200,
    "x" * 201,
    ".hidden",
    "__MACOSX",
    "\u202e\U0001f600",
    " blanks ",
    "a\\b",
)


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """A part or more of small uint8 images, with or without labels and names."""
    names = draw(
        st.sampled_from([("",), ("train",), ("train", "test"), ("dig", "nist", "test")])
    )
    classes = draw(
        st.one_of(
            st.none(),
            st.lists(st.sampled_from(NAMES), min_size=1, unique=True).map(tuple),
        )
    )
    parts = {}
    for name in names:
        shape = draw(st.tuples(*[st.integers(1, 4)] * 3)) + draw(
            st.sampled_from([(), (3,), (4,)])
        )
        images = np.resize(np.arange(251, dtype=np.uint8), shape)[::-1] ^ len(name)
        labels = None
        if draw(st.booleans()):
            kind = np.dtype(draw(st.sampled_from(["u1", "i1", "i4", "i8", "u2"])))
            low, high = (
                max(np.iinfo(kind).min, -(2**31)),
                min(np.iinfo(kind).max, 2**31),
            )
            if classes is not None:
                low, high = 0, len(classes)
            numbers = st.integers(low, high - 1)
            count = shape[0]
            labels = np.array(
                draw(st.lists(numbers, min_size=count, max_size=count)), kind
            )
        parts[name] = Part(images, labels)
    return Content(parts, classes)


def smallest(labels: Array) -> str:
    """The dtype that labels without one come back in."""
    if labels.min() >= 0 and labels.max() < 256:
        return "uint8"
    return "int32"


def check_labels(found: Array | None, expected: Array | None, format: Format) -> None:
    if found is None or expected is None:
        assert found is expected
        return
    assert found.tolist() == expected.tolist()
    name = expected.dtype.name
    kept = format in ("npz", "parquet") or (
        format in ("idx", "idx.gz") and name in DTYPE_NAMES
    )
    assert found.dtype.name == (name if kept else smallest(expected))


def place_of(folder: Path, content: Content, format: Format) -> Path:
    return folder / ("out" if is_folder(content, format) else f"out.{format}")


@settings(max_examples=100)
@given(content=contents(), format=st.sampled_from(DATASETS))
def test_datasets_come_back_equal(
    content: Content, format: Format, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("equal")
    path = place_of(folder, content, format)
    write_content(content, path, format)
    found = read_content(path)
    renamed = {"": "train"} if is_folder(content, format) and format != "png" else {}
    assert set(found.parts) == {renamed.get(name, name) for name in content.parts}
    for name, part in content.parts.items():
        other = found.parts[renamed.get(name, name)]
        assert plain(other.data) == plain(part.data)
        check_labels(other.labels, part.labels, format)
    # One array alone has no labels to name.
    if path.is_dir() or format in ("npz", "parquet"):
        assert found.classes == content.classes
    assert found.notices == ()
    shutil.rmtree(folder)


@settings(max_examples=50)
@given(
    array=idx_arrays(),
    formats=st.lists(st.sampled_from(ARRAYS), min_size=2, max_size=4),
)
def test_arrays_of_any_dtype_through_several_formats(
    array: Array, formats: list[Format], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("array")
    content = Content({"": Part(array)})
    for step, format in enumerate(formats):
        path = folder / f"{step}.{format}"
        write_content(content, path, format)
        content = read_content(path)
    assert content.single is not None
    assert plain(content.single.data) == plain(array)
    assert content.single.data.dtype.isnative
    shutil.rmtree(folder)


@pytest.mark.parametrize("format", ["npy", "npz"])
@pytest.mark.parametrize("dtype", ["?", "u2", "i8", "f2", "c8", ">u4", "g"])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_dtypes_that_only_numpy_has(
    format: Format, dtype: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    array = np.resize(np.arange(7), shape).astype(dtype)
    array = np.asfortranarray(array) if array.ndim else array
    path = tmp_path / f"a.{format}"
    write_content(Content({"": Part(array)}), path, format)
    found = read_content(path).parts[""].data
    assert (found.dtype, found.shape) == (array.dtype.newbyteorder("="), shape)
    assert np.array_equal(found, array)


@pytest.mark.parametrize(
    ("values", "dtype", "written"),
    [
        ([0, 255], "i8", "int32"),
        ([-(2**31), 2**31 - 1], "i8", "int32"),
        ([0, 65535], "u2", "int32"),
        ([True, False], "?", "uint8"),
        ([0.5, float("inf")], "f2", "float32"),
    ],
)
def test_idx_takes_values_that_stay(
    values: list[Any], dtype: str, written: str, tmp_path: Path
) -> None:
    array = np.array(values, dtype)
    returned = write_content(Content({"": Part(array)}), tmp_path / "a.idx", "idx")
    found = read_idx(tmp_path / "a.idx")
    assert found.dtype == written
    assert found.tolist() == array.tolist()
    assert returned.parts[""].data.dtype == written
    (notice,) = returned.notices
    assert f"{array.dtype} written as {written}" in notice


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([2**31]), "whole numbers from"),
        (np.array([2**63], "u8"), "whole numbers from"),
        (np.array([1j]), "one of uint8"),
    ],
)
def test_idx_refuses_values_that_would_change(
    array: Array, expected: str, tmp_path: Path
) -> None:
    with pytest.raises(HeaderError) as caught:
        write_content(Content({"": Part(array)}), tmp_path / "a.idx", "idx")
    assert expected in str(caught.value.expected)
    assert caught.value.path == str(tmp_path / "a.idx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["png", "idx", "idx.gz"])
@pytest.mark.parametrize("name", ["two\nlines", "a\x85b", "\ud800"])
def test_names_that_are_not_one_line(format: Format, name: str, tmp_path: Path) -> None:
    content = Content(
        {"": Part(np.zeros((1, 2, 2), np.uint8), np.zeros(1, np.uint8))}, (name,)
    )
    with pytest.raises(FormatError, match="not one line") as caught:
        write_content(content, tmp_path / "out", format)
    assert caught.value.path == str(tmp_path / "out")
    assert "npz" in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == []


def test_files_of_equal_content_are_equal(tmp_path: Path) -> None:
    content = Content({"": Part(np.ones((3, 2, 2), np.uint8), np.arange(3))}, NAMES[:3])
    for format in ("npz", "parquet"):
        for name in "ab":
            write_content(content, tmp_path / f"{name}.{format}", format)  # type: ignore[arg-type]
        first, second = (tmp_path / f"{name}.{format}" for name in "ab")
        assert first.read_bytes() == second.read_bytes()


def test_numpy_reads_what_is_written(tmp_path: Path) -> None:
    images, labels = np.ones((3, 2, 2), np.uint8), np.arange(3)
    content = Content(
        {"train": Part(images, labels), "val": Part(images)}, ("a", "b", "c")
    )
    write_content(content, tmp_path / "a.npz", "npz")
    with np.load(tmp_path / "a.npz") as archive:
        assert sorted(archive.files) == ["classes", "x_train", "x_val", "y_train"]
        assert np.array_equal(archive["x_train"], images)
        assert archive["classes"].tolist() == ["a", "b", "c"]
    write_content(Content({"": Part(images)}), tmp_path / "b.npy", "npy")
    assert np.array_equal(np.load(tmp_path / "b.npy"), images)


def test_raw_files_are_mapped_and_may_be_replaced(tmp_path: Path) -> None:
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    for name in ("a.idx", "a.npy"):
        path = tmp_path / name
        format: Format = "idx" if name == "a.idx" else "npy"
        write_content(Content({"": Part(images)}), path, format)
        found = read_content(path)
        assert not found.parts[""].data.flags.owndata
        write_content(Content({"": Part(255 - images)}), path, format, force=True)
        assert np.array_equal(found.parts[""].data, images)
        # Into the file it is a map of.
        write_content(read_content(path), path, format, force=True)
        assert np.array_equal(read_content(path).parts[""].data, 255 - images)
