"""Parquet files as they come: shards, columns, types, metadata, damage."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idxdata import DatasetError
from idxdata.errors import FormatError, IdxDataError
from idxdata.exchange.content import Content, Part
from idxdata.exchange.parquet_columns import Columns
from idxdata.exchange.reading import read_content
from idxdata.exchange.writing import write_content
from tests.strategies import Array

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
Image = pytest.importorskip("PIL.Image")

IMAGES = np.random.default_rng(4).integers(0, 256, (4, 3, 5), np.uint8)
PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def png(image: Array) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def pictures(images: Array = IMAGES) -> Any:
    return pa.array([{"bytes": png(image), "path": None} for image in images], PICTURE)


def save(
    path: Path, columns: dict[str, Any], features: object = None, **options: Any
) -> Path:
    table = pa.table(columns)
    if features is not None:
        text = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": text})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    return path


def labels_of(content: Content, name: str = "") -> list[int]:
    labels = content.parts[name].labels
    assert labels is not None
    return [int(label) for label in labels]


def refused(path: Path, **options: Any) -> IdxDataError:
    with pytest.raises((DatasetError, FormatError)) as caught:
        read_content(path, **options)
    return caught.value


HF = {
    "image": {"_type": "Image"},
    "label": {"names": ["zero", "one"], "_type": "ClassLabel"},
}


def test_a_folder_as_hugging_face_has_it(tmp_path: Path) -> None:
    for name, rows in (
        ("data/train-00001-of-00002", slice(2, 3)),
        ("data/train-00000-of-00002", slice(0, 2)),
        ("data/test-00000-of-00001-0123abcd", slice(3, 4)),
    ):
        columns = {"image": pictures(IMAGES[rows]), "label": np.arange(4)[rows] % 2}
        save(tmp_path / f"{name}.parquet", columns, HF)
    (tmp_path / "README.md").write_text("hello")
    found = read_content(tmp_path)
    assert list(found.parts) == ["train", "test"]
    assert np.array_equal(found.parts["train"].data, IMAGES[:3])
    assert np.array_equal(found.parts["test"].data, IMAGES[3:])
    assert (labels_of(found, "train"), labels_of(found, "test")) == ([0, 1, 0], [1])
    assert found.classes == ("zero", "one")
    assert found.parts["train"].labels.dtype == np.uint8  # type: ignore[union-attr]


def test_a_folder_among_others_is_not_meant(tmp_path: Path) -> None:
    save(tmp_path / "data" / "train.parquet", {"image": pictures()})
    (tmp_path / ".git").mkdir()
    assert list(read_content(tmp_path).parts) == ["train"]
    (tmp_path / "other").mkdir()
    assert refused(tmp_path).what == "no examples in this folder"


def test_a_file_missing_from_a_split(tmp_path: Path) -> None:
    save(tmp_path / "train-00001-of-00003.parquet", {"image": pictures()})
    save(tmp_path / "train-00002-of-00003.parquet", {"image": pictures()})
    error = refused(tmp_path)
    assert error.what == "not all files of the split train, and no others"
    assert (error.path, error.expected) == (str(tmp_path), "3 files")


def test_files_with_and_without_a_split(tmp_path: Path) -> None:
    save(tmp_path / "train.parquet", {"image": pictures()})
    save(tmp_path / "more.parquet", {"image": pictures()})
    error = refused(tmp_path)
    assert error.what == "files with and without the name of a split"
    assert error.found == "more.parquet beside train"


def test_names_are_numbered_alike_in_all_splits(tmp_path: Path) -> None:
    save(tmp_path / "train.parquet", {"image": pictures(), "label": list("abca")})
    save(tmp_path / "test.parquet", {"image": pictures(), "label": list("bcdb")})
    found = read_content(tmp_path)
    assert found.classes == ("a", "b", "c", "d")
    assert labels_of(found, "train") == [0, 1, 2, 0]
    assert labels_of(found, "test") == [1, 2, 3, 1]


def test_labels_in_one_split_only(tmp_path: Path) -> None:
    save(tmp_path / "train.parquet", {"image": pictures(), "label": [0, 1, 0, 1]}, HF)
    save(tmp_path / "test.parquet", {"image": pictures()})
    found = read_content(tmp_path)
    assert labels_of(found, "train") == [0, 1, 0, 1]
    assert found.parts["test"].labels is None


@pytest.mark.parametrize(
    ("second", "features", "what"),
    [
        (
            {"label": [0, 1, 0, 1]},
            {**HF, "label": {"names": ["a", "b"], "_type": "ClassLabel"}},
            "classes differ",
        ),
        ({"label": list("abab")}, None, "labels are numbers in one split"),
    ],
)
def test_splits_that_contradict_each_other(
    second: dict[str, Any], features: object, what: str, tmp_path: Path
) -> None:
    save(tmp_path / "train.parquet", {"image": pictures(), "label": [0, 1, 0, 1]}, HF)
    save(tmp_path / "test.parquet", {"image": pictures(), **second}, features)
    assert refused(tmp_path).what.startswith(what)


def test_shards_of_other_columns(tmp_path: Path) -> None:
    for number, label in enumerate(("label", "class")):
        save(
            tmp_path / f"train-0000{number}-of-00002.parquet",
            {"image": pictures(), label: [0, 1, 2, 3]},
        )
    error = refused(tmp_path)
    assert error.what == "columns or classes differ from file to file"
    assert "label" in str(error.expected)
    assert "class" in str(error.found)


@pytest.mark.parametrize(
    "column",
    [
        pa.array(IMAGES.tolist()),
        pa.array(IMAGES.tolist(), pa.list_(pa.list_(pa.uint8()))),
        pa.array(IMAGES.tolist(), pa.list_(pa.list_(pa.uint8(), 5), 3)),
        pa.array(IMAGES.tolist(), pa.large_list(pa.list_(pa.int16()))),
        pa.FixedShapeTensorArray.from_numpy_ndarray(IMAGES),
    ],
)
def test_numbers_in_lists(column: Any, tmp_path: Path) -> None:
    path = save(tmp_path / "a.parquet", {"pixels": column}, row_group_size=3)
    found = read_content(path).parts[""].data
    assert found.dtype == np.uint8
    assert np.array_equal(found, IMAGES)
    assert np.array_equal(read_content(path, invert=True).parts[""].data, 255 - IMAGES)


def test_pixels_in_a_row(tmp_path: Path) -> None:
    rows = [image.tobytes() for image in IMAGES]
    for column in (
        pa.array(rows, pa.binary(15)),
        pa.array(IMAGES.reshape(4, 15).tolist(), pa.list_(pa.uint8())),
    ):
        path = save(tmp_path / "a.parquet", {"image": column})
        assert np.array_equal(read_content(path).parts[""].data, IMAGES.reshape(4, 15))
        assert np.array_equal(read_content(path, size=(3, 5)).parts[""].data, IMAGES)


def test_other_numbers_keep_their_dtype(tmp_path: Path) -> None:
    for array in (IMAGES / np.float32(3), IMAGES.astype(np.int32) - 300):
        path = save(
            tmp_path / "a.parquet",
            {
                "image": pa.array(
                    array.tolist(), pa.list_(pa.list_(pa.from_numpy_dtype(array.dtype)))
                )
            },
        )
        found = read_content(path).parts[""].data
        assert found.dtype == array.dtype
        assert np.array_equal(found, array)


@pytest.mark.parametrize(
    ("label", "expected", "classes"),
    [
        (pa.array([3, 0, 255, 1], pa.int64()), [3, 0, 255, 1], None),
        (pa.array([3, -1, 2, 1], pa.int32()), [3, -1, 2, 1], None),
        (pa.array(list("baba")).dictionary_encode(), [1, 0, 1, 0], ("a", "b")),
        (
            pa.array(["10", "9", "9", "10"], pa.large_string()),
            [1, 0, 0, 1],
            ("9", "10"),
        ),
    ],
)
def test_types_of_labels(
    label: Any, expected: list[int], classes: object, tmp_path: Path
) -> None:
    found = read_content(
        save(tmp_path / "a.parquet", {"image": pictures(), "label": label})
    )
    assert labels_of(found) == expected
    assert found.classes == classes


def test_which_columns(tmp_path: Path) -> None:
    columns = {
        "id": [1, 2, 3, 4],
        "thumb": pictures(IMAGES[::-1]),
        "scan": pictures(),
        "label": list("abcd"),
        "kind": [0, 1, 1, 0],
    }
    features = {
        "scan": {"_type": "Image"},
        "kind": {"names": ["x", "y"], "_type": "ClassLabel"},
    }
    found = read_content(save(tmp_path / "a.parquet", columns, features))
    assert np.array_equal(found.parts[""].data, IMAGES)
    assert (labels_of(found), found.classes) == ([0, 1, 1, 0], ("x", "y"))
    assert found.notices == ("other columns, left out: id, thumb, label",)
    features["thumb"] = {"_type": "Image"}
    error = refused(save(tmp_path / "a.parquet", columns, features))
    assert (error.what, error.found) == ("several columns of images", "thumb, scan")


@pytest.mark.parametrize(
    "metadata", [b"{", b"[]", b'{"info": 3}', b"\xff", b"[" * 9999]
)
def test_metadata_that_is_no_such_thing(metadata: bytes, tmp_path: Path) -> None:
    table = pa.table({"image": pictures(), "label": [0, 1, 0, 1]})
    for key in (b"huggingface", b"idxdata"):
        path = tmp_path / "a.parquet"
        pq.write_table(table.replace_schema_metadata({key: metadata}), path)
        assert labels_of(read_content(path)) == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("columns", "what", "found"),
    [
        ({"text": list("abcd")}, "no column of images", "text"),
        ({"label": [1, 2, 3, 4]}, "no column of images", "label"),
        ({"image": [1, 2, 3, 4]}, "an image that is neither", "int64, 0 of them missing"),
        ({"image": [[1], [2], [3, 4], [5]]}, "images of numbers differ", None),
        ({"image": [[1], [2], None, [5]]}, "a row without an image", "row 2"),
        ({"image": [[1], [2], [None], [5]]}, "an image that is neither", None),
        ({"image": [["a"]] * 4}, "an image that is neither", None),
        ({"image": pictures(), "label": [1, 2, None, 3]}, "a row without a label", "row 2"),
        ({"image": pictures(), "label": [1.0, 2.0, 2.5, 3.0]}, "labels in label are neither", "double"),
        ({"image": pictures(), "label": [True] * 4}, "labels in label are neither", "bool"),
        ({"image": pictures(), "label": [[1]] * 4}, "labels in label are neither", None),
        ({"image": pa.array([2**63] * 4, pa.uint64()), "label": [1] * 4}, "an image that is", None),
        ({"image": pictures(), "label": pa.array([2**63] * 4, pa.uint64())}, "labels that int64 does not hold", str(2**63)),
        ({"image": [{"bytes": None, "path": "/etc/passwd"}] * 4}, "a picture that is not in", "row 0"),
    ],
)  # fmt: skip
def test_other_columns(
    columns: dict[str, Any], what: str, found: str | None, tmp_path: Path
) -> None:
    path = save(tmp_path / "a.parquet", columns)
    error = refused(path)
    assert error.what.startswith(what)
    assert error.path == str(path)
    assert found is None or str(error.found) == found


def test_a_bad_picture_is_told_by_its_row(tmp_path: Path) -> None:
    images = [png(image) for image in IMAGES]
    for bad, what in (
        (b"<html>", "row 2: not a sound picture"),
        (images[2][:-20], "row 2: not a sound picture"),
        (png(IMAGES[0, :2]), "row 2: images differ in size"),
    ):
        path = save(tmp_path / "a.parquet", {"image": [*images[:2], bad, images[3]]})
        error = refused(path)
        assert (error.what, error.path) == (what, str(path))


def test_sizes_that_differ_from_batch_to_batch(tmp_path: Path) -> None:
    large = np.zeros((1001, 2, 2), np.uint8)
    column = pa.concat_arrays([pictures(large[:1000]), pictures(IMAGES[:1])])
    path = save(tmp_path / "a.parquet", {"image": column})
    error = refused(path)
    assert error.what == "images differ in size"
    assert read_content(path, size=(2, 2)).parts[""].data.shape == (1001, 2, 2)


def test_more_rows_than_a_batch(tmp_path: Path) -> None:
    images = np.arange(2300 * 4, dtype=np.uint8).reshape(2300, 2, 2)
    content = Content({"": Part(images, np.arange(2300))})
    write_content(content, tmp_path / "a.parquet", "parquet")
    found = read_content(tmp_path / "a.parquet").parts[""]
    assert np.array_equal(found.data, images)
    assert np.array_equal(found.labels, np.arange(2300))  # type: ignore[arg-type]
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 3


def test_no_rows(tmp_path: Path) -> None:
    assert (
        refused(save(tmp_path / "a.parquet", {"image": pictures()[:0]})).what
        == "no rows"
    )


@settings(max_examples=60)
@given(data=st.data())
def test_any_damage_is_one_error_or_does_not_matter(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damage")
    path = save(folder / "a.parquet", {"image": pictures(), "label": [0, 1, 0, 1]}, HF)
    content = bytearray(path.read_bytes())
    # Past the first magic: else it is no Parquet file.
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(4, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    try:
        read_content(path)
    except (DatasetError, FormatError) as error:
        assert error.path == str(path)
    shutil.rmtree(folder)


def test_columns_in_words() -> None:
    columns = Columns("image", "label", "binary", ("a", "b"), False, None)
    assert columns.described == "image (binary), label of 2 classes"
