"""Every format holds what it is given, and says what it cannot hold."""

import io
import json
import os
import shutil
import zipfile
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idxdata import DatasetError, FormatError, HeaderError, load, read_idx, write_idx
from idxdata.exchange.content import Content, Part
from idxdata.exchange.npz import read_array
from idxdata.exchange.reading import read_content
from idxdata.exchange.writing import FORMATS, guess_format, is_folder, write_content
from tests.strategies import Array, idx_arrays, plain

RANDOM = np.random.default_rng(5)
CLASSES = ("T-shirt/top", "..", "a b", "A B", "ü")

SAME = np.arange(40, dtype=np.uint8).reshape(2, 5, 4)


def images(count: int, *channels: int) -> Array:
    return RANDOM.integers(0, 256, (count, 5, 4, *channels), np.uint8)


def two_parts(*channels: int) -> Content:
    labels = np.array([4, 0, 1, 2, 3, 0, 0], np.int64)
    train = Part(images(7, *channels), labels)
    return Content(
        {"train": train, "test": Part(train.data[::-1][:3], labels[:3])}, CLASSES
    )


def name_of(format: str, folder: Path, content: Content) -> Path:
    return folder / ("out" if is_folder(content, format) else f"out.{format}")  # type: ignore[arg-type]


def same(found: Content, expected: Content) -> None:
    assert list(found.parts) == list(expected.parts)
    for name, part in expected.parts.items():
        other = found.parts[name]
        assert plain(other.data) == plain(part.data)
        assert (other.labels is None) == (part.labels is None)
        if part.labels is not None and other.labels is not None:
            wanted = (
                [expected.classes[n] for n in part.labels]
                if expected.classes
                else (part.labels.tolist())
            )
            got = (
                [found.classes[n] for n in other.labels]
                if found.classes
                else (other.labels.tolist())
            )
            assert list(map(str, got)) == list(map(str, wanted))


# Round trips


@settings(max_examples=40)
@given(array=idx_arrays(), format=st.sampled_from(["idx", "idx.gz", "npy", "npz"]))
def test_one_array(
    array: Array, format: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("one")
    content = Content(
        {"": Part(np.ascontiguousarray(array, array.dtype.newbyteorder("=")))}
    )
    path = name_of(format, folder, content)
    write_content(content, path, format)  # type: ignore[arg-type]
    same(read_content(path), content)
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("source", "target"),
    list(product(["idx", "idx.gz", "npz", "png", "parquet"], repeat=2)),
)
@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_dataset_from_any_format_to_any_other(
    source: str, target: str, channels: tuple[int, ...], tmp_path: Path
) -> None:
    content = two_parts(*channels)
    first, second = (tmp_path / name for name in ("first", "second"))
    first.mkdir()
    second.mkdir()
    place = name_of(source, first, content)
    write_content(content, place, source)  # type: ignore[arg-type]
    between = read_content(place)
    same(between, content)
    place = name_of(target, second, content)
    write_content(between, place, target)  # type: ignore[arg-type]
    same(read_content(place), content)


@pytest.mark.parametrize("format", ["idx", "idx.gz", "npz", "png", "parquet"])
def test_a_part_without_a_name_and_numbered_classes(
    format: str, tmp_path: Path
) -> None:
    part = Part(images(12), np.arange(12) % 11)
    content = Content({"": part})
    path = name_of(format, tmp_path, content)
    write_content(content, path, format)  # type: ignore[arg-type]
    found = read_content(path)
    # A folder of IDX files has a name for each split.
    expected = {"train": part} if format.startswith("idx") else {"": part}
    same(found, Content(expected, found.classes))
    data = load(path)
    assert np.array_equal(data.train.images, part.data)
    assert (
        [data.classes[label] for label in data.train.labels]
        == [str(label) for label in part.labels or []]
        if part.labels is None
        else True
    )


@pytest.mark.parametrize("format", ["npz", "png", "parquet"])
def test_load_takes_them(format: str, tmp_path: Path) -> None:
    content = two_parts()
    path = name_of(format, tmp_path, content)
    write_content(content, path, format)  # type: ignore[arg-type]
    data = load(path)
    assert len(data.train) == 7
    assert len(data.test) == 3
    assert [data.classes[label] for label in data.train.labels] == [
        CLASSES[label]
        for label in content.parts["train"].labels  # type: ignore[union-attr]
    ]
    assert np.array_equal(data.test.images, content.parts["test"].data)


def test_real_digits(mnist_folder: Path, tmp_path: Path) -> None:
    rows = slice(0, 200)
    part = Part(
        read_idx(mnist_folder / "t10k-images-idx3-ubyte.gz", rows=rows),
        read_idx(mnist_folder / "t10k-labels-idx1-ubyte.gz", rows=rows),
    )
    write_content(Content({"": part}), tmp_path / "pngs", "png")
    found = read_content(tmp_path / "pngs")
    write_content(found, tmp_path / "idx", "idx.gz")
    data = load(tmp_path / "idx")
    assert np.array_equal(data.train.images, part.data)
    assert np.array_equal(data.train.labels, part.labels)
    assert len(list((tmp_path / "pngs").rglob("*.png"))) == 200


# .npy and .npz


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("X_train", "y_train", "X_test", "y_test"),
    ],
)
def test_names_of_arrays(names: tuple[str, ...], tmp_path: Path) -> None:
    content = two_parts()
    train, test = content.parts["train"], content.parts["test"]
    arrays = (train.data, train.labels, test.data, test.labels)
    np.savez(tmp_path / "a.npz", **dict(zip(names, arrays, strict=True)))  # type: ignore[arg-type]
    same(read_content(tmp_path / "a.npz"), Content(content.parts))


def test_labels_that_are_words_or_columns(tmp_path: Path) -> None:
    data = images(3)
    np.savez(tmp_path / "a.npz", images=data, labels=np.array(["cat", "ant", "cat"]))
    found = read_content(tmp_path / "a.npz")
    assert found.classes == ("ant", "cat")
    assert found.parts[""].labels is not None
    assert found.parts[""].labels.tolist() == [1, 0, 1]
    np.savez(tmp_path / "b.npz", x_train=data, y_train=np.array([[2], [0], [1]]))
    labels = read_content(tmp_path / "b.npz").parts["train"].labels
    assert labels is not None
    assert labels.tolist() == [2, 0, 1]


def test_an_npz_of_other_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", weights=images(2), bias=images(1))
    with pytest.raises(FormatError) as caught:
        read_content(tmp_path / "a.npz")
    assert "x_train" in str(caught.value.expected)
    assert caught.value.found == "weights, bias"


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, ("evil",))


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_pickles_are_never_opened(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    array = np.array([Evil(), 1], object)
    if suffix == "npy":
        np.save("a.npy", array)
    else:
        np.savez("a.npz", x_train=array, y_train=array)
    with pytest.raises(FormatError, match="pickled") as caught:
        read_content(f"a.{suffix}")
    assert "run code" in str(caught.value.hint)
    if suffix == "npz":
        with pytest.raises(FormatError, match="pickled"):
            read_array("a.npz", "x_train")
    assert not Path("evil").exists()


@settings(max_examples=150)
@given(data=st.data(), suffix=st.sampled_from(["npy", "npz"]))
def test_any_damage_is_a_format_error_or_does_not_matter(
    data: st.DataObject, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = io.BytesIO()
    if suffix == "npy":
        np.save(file, SAME)
    else:
        np.savez_compressed(file, images=SAME, labels=np.arange(2))
    content = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(len(content) // 2, len(content)))]
    path = tmp_path_factory.mktemp("damage") / f"a.{suffix}"
    path.write_bytes(content)
    try:
        read_content(path)
    except (FormatError, DatasetError) as error:
        assert error.path == str(path) or isinstance(error, DatasetError)
    shutil.rmtree(path.parent)


def test_read_array(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, arr_0=images(2).astype(">u2"))
    found = read_array(path, "arr_0")
    assert found.dtype.isnative
    with pytest.raises(FormatError) as caught:
        read_array(path, "arr_1")
    assert (caught.value.expected, caught.value.found) == ("arr_1", "arr_0")
    with pytest.raises(FileNotFoundError):
        read_array(tmp_path / "b.npz", "arr_0")


def test_words_are_no_array(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array(["a", "b"]))
    with pytest.raises(FormatError, match="not an array of numbers"):
        read_content(tmp_path / "a.npy")


# Parquet


def test_parquet_as_others_write_it(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    data = images(3)
    columns = {"pixels": [one.tolist() for one in data], "label": ["b", "a", "b"]}
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    found = read_content(tmp_path / "a.parquet")
    assert np.array_equal(found.parts[""].data, data)
    assert found.classes == ("a", "b")


@pytest.mark.parametrize(
    "columns",
    [
        {"text": ["a"], "label": [1]},
        {"image": ["a"], "label": [1]},
        {"image": [None], "label": [1]},
        {"image": [{"bytes": b"no picture", "path": None}], "label": [1]},
        {"image": [{"bytes": None, "path": "a.png"}], "label": [1]},
    ],
)
def test_parquet_of_other_things(columns: dict[str, object], tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pa.table(columns), path)
    with pytest.raises(FormatError) as caught:
        read_content(path)
    assert caught.value.path == str(path)


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "a.parquet"
    write_content(Content({"": Part(images(2), np.arange(2))}), path, "parquet")
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:4], whole[: len(whole) // 2] + whole[-8:]):
        path.write_bytes(content)
        with pytest.raises(FormatError, match="not a sound Parquet file"):
            read_content(path)


def test_parquet_has_hugging_faces_names_of_classes(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow.parquet

    write_content(two_parts(), tmp_path / "out", "parquet")
    assert sorted(os.listdir(tmp_path / "out")) == [
        "test-00000-of-00001.parquet",
        "train-00000-of-00001.parquet",
    ]
    file = tmp_path / "out" / "train-00000-of-00001.parquet"
    schema = pyarrow.parquet.read_schema(file)
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["label"]["names"] == list(CLASSES)


# Anything else


def test_what_nobody_can_read(tmp_path: Path) -> None:
    for content in (b"", b"hello", b"<html></html>"):
        (tmp_path / "a").write_bytes(content)
        with pytest.raises(FormatError):
            read_content(tmp_path / "a")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("readme", "hello")
    with pytest.raises(FormatError):
        read_content(tmp_path / "a.zip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match="no examples"):
        read_content(tmp_path / "empty")
    with pytest.raises(FileNotFoundError):
        read_content(tmp_path / "none")


def test_damaged_idx_has_its_own_error(tmp_path: Path) -> None:
    write_idx(tmp_path / "a", images(2))
    content = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(content[:2] + b"\x0a" + content[3:])
    with pytest.raises(HeaderError, match="unknown dtype code"):
        read_content(tmp_path / "a")


def test_parts_are_checked() -> None:
    with pytest.raises(DatasetError, match="differ in number"):
        Part(images(2), np.arange(3))
    with pytest.raises(DatasetError, match="not a list of integers"):
        Part(images(2), np.zeros(2))


# Writing


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    content = Content({"": Part(images(2))})
    path = tmp_path / "a.npy"
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        write_content(content, path, "npy")
    assert path.read_bytes() == b"mine"
    write_content(content, path, "npy", force=True)
    same(read_content(path), content)


@pytest.mark.parametrize("format", ["png", "idx", "parquet"])
@pytest.mark.parametrize(
    "name", ["thesis.docx", "notes.txt", "a.png", "train/0/1.png", ".hidden", "a.gz"]
)
def test_a_folder_is_never_replaced(format: str, name: str, tmp_path: Path) -> None:
    file = tmp_path / "out" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(b"years of work")
    with pytest.raises(FileExistsError, match="not replaced"):
        write_content(two_parts(), tmp_path / "out", format, force=True)  # type: ignore[arg-type]
    assert file.read_bytes() == b"years of work"
    assert os.listdir(tmp_path) == ["out"]


def test_an_empty_folder_may_be_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    write_content(two_parts(), ".", "idx")
    assert len(load(tmp_path / "out").train) == 7


@pytest.mark.parametrize("labels", [[0, 1, 3], [1, 2, 3], [0, 254, 255], [7, 7, 7]])
@pytest.mark.parametrize("classes", [None, tuple(f"c{n}" for n in range(256))])
@pytest.mark.parametrize("format", ["png", "idx", "npz", "parquet"])
def test_labels_keep_their_numbers(
    format: str, classes: tuple[str, ...] | None, labels: list[int], tmp_path: Path
) -> None:
    """Also where some number between them is not used."""
    content = Content({"train": Part(images(3), np.array(labels))}, classes)
    path = name_of(format, tmp_path, content)
    write_content(content, path, format)  # type: ignore[arg-type]
    found = read_content(path)
    part = found.parts["train"]
    assert part.labels is not None
    assert part.labels.tolist() == labels
    if classes is not None:
        assert found.classes is not None
        assert [found.classes[n] for n in labels] == [classes[n] for n in labels]


def test_errors_name_the_folder_that_was_asked_for(tmp_path: Path) -> None:
    content = Content({"train": Part(images(2).astype("f4"), np.arange(2))})
    for format in ("png", "parquet"):
        with pytest.raises(FormatError) as caught:
            write_content(content, tmp_path / "out", format)  # type: ignore[arg-type]
        assert str(caught.value.path).startswith(str(tmp_path / "out"))


@pytest.mark.parametrize("format", ["idx", "npz"])
def test_options_for_pictures_are_not_ignored(format: str, tmp_path: Path) -> None:
    content = two_parts(3)
    path = name_of(format, tmp_path, content)
    write_content(content, path, format)  # type: ignore[arg-type]
    train = content.parts["train"].data
    found = read_content(path, size=(2, 2)).parts["train"].data
    assert found.shape == (7, 2, 2, 3)
    assert read_content(path, grey=True).parts["train"].data.shape == (7, 5, 4)
    found = read_content(path, invert=True).parts["train"].data
    assert np.array_equal(found, 255 - train)
    numbers = Content({"": Part(np.zeros((2, 3)))})
    path = tmp_path / f"b.{format}"
    write_content(numbers, path, format)  # type: ignore[arg-type]
    for options in ({"size": (2, 2)}, {"grey": True}, {"invert": True}):
        with pytest.raises(FormatError, match="PNG does not hold") as caught:
            read_content(path, **options)  # type: ignore[arg-type]
        assert caught.value.path == str(path)


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    good = two_parts()
    bad = Content({"train": good.parts["train"], "test": Part(images(2).astype("f8"))})
    with pytest.raises(FormatError):
        write_content(bad, tmp_path / "out", "png")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("format", ["idx", "idx.gz", "npy"])
def test_formats_of_one_array(format: str, tmp_path: Path) -> None:
    if format == "npy":
        with pytest.raises(FormatError, match="holds one array"):
            write_content(two_parts(), tmp_path / "a.npy", "npy")
    assert is_folder(two_parts(), format) == (format != "npy")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.npy", "npy"),
        ("a.NPZ", "npz"),
        ("train-images-idx3-ubyte", "idx"),
        ("train-images-idx3-ubyte.gz", "idx.gz"),
        ("a.idx", "idx"),
        ("a.parquet", "parquet"),
        ("folder", None),
        ("a.txt", None),
    ],
)
def test_formats_by_name(name: str, format: str | None) -> None:
    assert guess_format(f"some/{name}") == format
    assert format is None or format in FORMATS
