"""The catalogue: its facts, and that each dataset of it is loaded as its keepers mean it."""

import gzip
import lzma
import os
import shutil
import string
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from idxdata import (
    Cache,
    CatalogueError,
    Dataset,
    DatasetError,
    FormatError,
    load,
    read_idx,
    write_idx,
)
from idxdata.catalogue import DIGITS, RECORDS, ROLES, FileRecord, Record, find
from tests import miniatures
from tests.miniatures import COUNTS, array_of

WITH_FILES = [record for record in RECORDS.values() if record.files]


def by_name(record: Record) -> str:
    return record.name


# Facts


@pytest.mark.parametrize("record", RECORDS.values(), ids=by_name)
def test_records_are_consistent(record: Record) -> None:
    assert find(record.name) is record
    assert len(set(record.classes)) == len(record.classes) >= 10
    assert record.license
    assert record.citation
    assert len(record.characters) in (0, len(record.classes))
    for split in record.splits:
        images, labels = (record.candidates(split, role)[0] for role in ROLES)
        assert images.shape[0] == labels.shape[0]
        assert images.shape[1:] == (28, 28)
        assert labels.shape[1:] in ((), (len(record.label_columns),))
        assert images.dtype == "uint8"
    for file in record.files:
        assert record.mirrors or record.archives or record.how_to_make, (
            f"nowhere to be had: {file.name}"
        )
        for digest, nbytes in ((file.sha256, 32), (file.md5, 16)):
            assert digest is None or len(bytes.fromhex(digest)) == nbytes
        assert not file.is_hash_verified or file.sha256
        assert file.name in file.spellings
    for url in (*record.mirrors, *(u for one in record.archives for u in one.urls)):
        assert url.startswith(("https://", "http://"))
    assert [url.startswith("https") for url in record.mirrors] == sorted(
        (url.startswith("https") for url in record.mirrors), reverse=True
    ), "encrypted mirrors are asked first"


def test_what_is_not_encrypted_has_a_hash() -> None:
    for record in WITH_FILES:
        if any(url.startswith("http://") for url in record.mirrors):
            assert all(file.sha256 or file.md5 for file in record.files)


def test_files_without_any_hash_are_those_we_know_of() -> None:
    unknown = {
        (record.name, file.name)
        for record in WITH_FILES
        for file in record.files
        if not (file.sha256 or file.md5 or record.archives or record.how_to_make)
    }
    assert unknown == {
        ("kannada_mnist", "X_kannada_MNIST_train-idx3-ubyte.gz"),
        ("kannada_mnist/dig", "X_kannada_MNIST_train-idx3-ubyte.gz"),
        ("oracle_mnist", "train-images-idx3-ubyte.gz"),
        ("notmnist", "train-images-idx3-ubyte.gz"),
    }


def test_classes_of_emnist() -> None:
    by_class = find("emnist/byclass").classes
    assert "".join(by_class) == string.digits + string.ascii_uppercase + (
        string.ascii_lowercase
    )
    merged = find("emnist/bymerge").classes
    assert merged == find("emnist/balanced").classes
    assert (len(merged), merged[36:]) == (47, tuple("abdefghnqrt"))
    letters = find("emnist/letters")
    assert letters.first_label == 1
    assert letters.classes[letters.first_label :] == tuple(string.ascii_lowercase)
    assert find("emnist/digits").classes == find("emnist/mnist").classes == DIGITS
    sizes = {
        name: tuple(
            record.candidates(split, "labels")[0].shape[0] for split in record.splits
        )
        for name, record in RECORDS.items()
        if name.startswith("emnist/")
    }
    assert sizes == {
        "emnist/byclass": (697_932, 116_323),
        "emnist/bymerge": (697_932, 116_323),
        "emnist/balanced": (112_800, 18_800),
        "emnist/letters": (124_800, 20_800),
        "emnist/digits": (240_000, 40_000),
        "emnist/mnist": (60_000, 10_000),
    }


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("MNIST", "mnist"),
        ("Fashion-MNIST", "fashion_mnist"),
        ("fashionmnist", "fashion_mnist"),
        ("fashion", "fashion_mnist"),
        ("EMNIST/Letters", "emnist/letters"),
        ("kuzushiji-49", "k49"),
        ("Kannada MNIST", "kannada_mnist"),
        ("mnist8m", "infimnist"),
    ],
)
def test_names_in_other_spellings(spelled: str, name: str) -> None:
    assert find(spelled).name == name


@pytest.mark.parametrize("name", ["emnist", "EMNIST"])
def test_emnist_alone_names_its_splits(name: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        find(name)
    assert "emnist/balanced" in str(caught.value.expected)


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        (
            "train-images-idx3-ubyte.gz",
            ("train-images-idx3-ubyte", "train-images.idx3-ubyte"),
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            (
                "t10k-labels-idx1-ubyte",
                "t10k-labels.idx1-ubyte",
                "test-labels-idx1-ubyte",
                "test-labels.idx1-ubyte",
            ),
        ),
        (
            "qmnist-test-labels-idx2-int.gz",
            ("qmnist-test-labels-idx2-int", "qmnist-test-labels.idx2-int"),
        ),
    ],
)
def test_spellings(name: str, spellings: tuple[str, ...]) -> None:
    file = FileRecord(split="train", role="images", name=name, shape=(1,))
    packed = tuple(f"{spelling}.gz" for spelling in spellings)
    assert file.spellings[: 2 * len(spellings)] == spellings + packed


# Miniatures


@pytest.fixture(params=WITH_FILES, ids=by_name)
def record(request: pytest.FixtureRequest) -> Record:
    made: Record = request.param
    return made


@pytest.fixture
def mini(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Record, Path]:
    """A miniature of the dataset in a folder, which the catalogue takes for it."""
    folder = tmp_path / record.folder
    made = miniatures.make(record, folder)
    monkeypatch.setitem(RECORDS, record.name, made)
    return made, folder


def put(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Record, Path]:
    made = miniatures.make(RECORDS[name], folder)
    monkeypatch.setitem(RECORDS, name, made)
    return made, folder


def stored(record: Record, split: str, role: str) -> np.ndarray:
    return array_of(record, record.candidates(split, role)[0])  # type: ignore[arg-type]


def check(data: Dataset, record: Record) -> None:
    """Images upright, labels as published and nameable, the rest of the table beside."""
    assert data.name == record.name
    assert data.classes == record.classes
    names = [*record.splits, *(subset.name for subset in record.subsets)]
    assert list(data.splits) == names
    for name in record.splits:
        split, images = data.splits[name], stored(record, name, "images")
        if record.has_transposed_images:
            images = images.swapaxes(1, 2)
        assert np.array_equal(split.images, images)
        assert split.images.flags.c_contiguous
        labels = stored(record, name, "labels")
        if labels.ndim == 2:
            assert list(split.attributes) == list(record.label_columns[1:])
            for column, values in zip(
                labels.T[1:], split.attributes.values(), strict=True
            ):
                assert np.array_equal(values, column)
            labels = labels[:, 0]
        assert np.array_equal(split.labels, labels)
        assert split.labels.min() == record.first_label
        assert split.labels.dtype.isnative


def test_each_dataset_as_it_is_distributed(
    mini: tuple[Record, Path], tmp_path: Path
) -> None:
    record, folder = mini
    before = sorted(os.listdir(folder))
    data = load(record.name, folder=folder, cache=Cache(tmp_path / "cache"))
    check(data, record)
    assert sorted(os.listdir(folder)) == before


def test_each_dataset_where_it_is_looked_for(
    mini: tuple[Record, Path], tmp_path: Path
) -> None:
    record, folder = mini
    cache = Cache(tmp_path / "cache")
    shutil.copytree(folder, cache.folder / "datasets" / record.folder)
    check(load(record.name, cache=cache), record)
    check(load(record.name, cache=cache, download=False, alignment=64), record)


def test_each_dataset_unpacked_by_a_tool_that_restores_names(
    mini: tuple[Record, Path],
) -> None:
    """Raw, with a dot for the last hyphen, in the archive's own folder."""
    record, folder = mini
    for archive in record.archives:
        with zipfile.ZipFile(folder / archive.name) as opened:
            opened.extractall(folder)
        (folder / archive.name).unlink()
    for path in sorted(folder.rglob("*.gz")) + sorted(folder.rglob("*.xz")):
        opener = gzip.open if path.suffix == ".gz" else lzma.open
        with opener(path) as file:
            plain = path.with_name(path.stem.replace("-idx", ".idx"))
            plain.write_bytes(file.read())
        path.unlink()
    check(load(record.name, folder=folder), record)


def test_each_dataset_with_a_file_missing(mini: tuple[Record, Path]) -> None:
    record, folder = mini
    name = record.archives[0].name if record.archives else record.files[1].name
    (folder / name).unlink()
    # Where another candidate serves as well nothing is missing.
    for file in record.files:
        if file.kind == "npz" and record.name == "kmnist":
            (folder / file.name).unlink(missing_ok=True)
    with pytest.raises(DatasetError) as caught:
        load(record.name, folder=folder)
    assert caught.value.path == str(folder)
    assert record.files[1].name in str(caught.value.expected)
    assert caught.value.hint is not None
    assert ("infimnist pat" if record.how_to_make else "fetch") in caught.value.hint


def test_each_dataset_of_other_counts_is_refused(mini: tuple[Record, Path]) -> None:
    record, folder = mini
    if record.how_to_make:
        pytest.skip("any number of examples will do")
    files = tuple(
        replace(file, shape=(7, *file.shape[1:])) if file.role == "images" else file
        for file in record.files
    )
    RECORDS[record.name] = replace(record, files=files)
    with pytest.raises(DatasetError) as caught:
        load(record.name, folder=folder)
    assert "shape" in caught.value.what
    assert caught.value.expected == (7, 28, 28)
    assert caught.value.found == (54, 28, 28)


# Quirks, one by one


def test_emnist_has_letters_from_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _record, folder = put("emnist/letters", tmp_path / "emnist", monkeypatch)
    data = load("emnist/letters", folder=folder)
    assert data.train.labels[:3].tolist() == [1, 2, 3]
    assert [data.classes[label] for label in data.train.labels[:3]] == ["a", "b", "c"]
    assert data.classes[0] == "N/A"
    assert 0 not in data.train.labels


def test_emnist_of_unpacked_files_beside_other_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both archives and loose files of several splits in one folder."""
    folder = tmp_path / "emnist"
    for name in ("emnist/digits", "emnist/letters"):
        _record, place = put(name, tmp_path / name.replace("/", "-"), monkeypatch)
        with zipfile.ZipFile(place / "gzip.zip") as archive:
            for member in archive.namelist():
                target = folder / Path(member).name
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(archive.read(member))
    for name in ("emnist/digits", "emnist/letters"):
        check(load(name, folder=folder), RECORDS[name])
    with pytest.raises(DatasetError, match="several datasets") as caught:
        load(folder)
    assert caught.value.hint is not None
    assert "load('emnist/letters', folder=...)" in caught.value.hint


def test_nothing_of_an_archive_is_unpacked_to_a_path_of_its_choosing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, folder = put("emnist/mnist", tmp_path / "a" / "b", monkeypatch)
    with zipfile.ZipFile(folder / "gzip.zip", "a") as archive:
        for name in ("../../evil", "/evil", "gzip/../../../evil", "C:\\evil"):
            archive.writestr(name, b"evil")
    cache = Cache(tmp_path / "cache")
    check(load("emnist/mnist", folder=folder, cache=cache), record)
    assert not [path for path in tmp_path.rglob("*") if "evil" in path.name]
    assert os.listdir(folder) == ["gzip.zip"]


def test_an_archive_that_lacks_a_member(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("emnist/mnist", tmp_path, monkeypatch)
    with zipfile.ZipFile(tmp_path / "gzip.zip", "w") as archive:
        archive.writestr("gzip/other", b"")
    with pytest.raises(FormatError) as caught:
        load("emnist/mnist", folder=tmp_path)
    assert "emnist-mnist-train-images-idx3-ubyte.gz" in str(caught.value.found)


def test_qmnist_labels_are_the_first_of_eight_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, folder = put("qmnist", tmp_path, monkeypatch)
    data = load("qmnist", folder=folder)
    assert data.train.labels.dtype == np.int32
    assert len(data.train.attributes) == 7
    table = stored(record, "train", "labels")
    assert np.array_equal(data.train.attributes["writer_id"], table[:, 2])
    assert np.array_equal(
        data.test[3:9].attributes["duplicate"], stored(record, "test", "labels")[3:9, 6]
    )
    # The bytes are big-endian: read the other way every label would be 0 or huge.
    raw = gzip.decompress((folder / "qmnist-train-labels-idx2-int.gz").read_bytes())
    assert raw[:4] == b"\0\0\x0c\x02"
    assert np.frombuffer(raw[12:], ">i4")[0] == table[0, 0]


def test_qmnist_test_images_are_mnists_first_and_then_the_lost_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, folder = put("qmnist", tmp_path, monkeypatch)
    data = load("qmnist", folder=folder)
    old, new = data.splits["test10k"], data.splits["test50k"]
    assert (len(old), len(new)) == (10, COUNTS["test"] - 10)
    assert np.shares_memory(old.images, data.test.images)
    assert np.array_equal(np.concatenate([old.images, new.images]), data.test.images)
    assert RECORDS["qmnist"].subsets != find("qmnist/nist").subsets
    assert [(s.start, s.stop) for s in find("qmnist/nist").subsets] == [
        (0, 10_000),
        (10_000, None),
    ]


def test_qmnist_with_the_plain_test_labels_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _record, folder = put("qmnist", tmp_path, monkeypatch)
    (folder / "qmnist-test-labels-idx2-int.gz").unlink()
    data = load("qmnist", folder=folder)
    assert data.test.attributes == {}
    plain = read_idx(folder / "qmnist-test-labels-idx1-ubyte.gz")
    assert np.array_equal(data.test.labels, plain)


def test_qmnist_nist_is_xz_and_a_split_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _record, folder = put("qmnist/nist", tmp_path, monkeypatch)
    assert (folder / "xnist-images-idx3-ubyte.xz").read_bytes()[:6] == b"\xfd7zXZ\0"
    data = load("qmnist/nist", folder=folder)
    assert len(data.splits["nist"]) == COUNTS["nist"]
    assert list(data.extra) == ["nist", "test10k", "test50k"]


def test_kuzushiji_as_npz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, folder = put("kmnist", tmp_path, monkeypatch)
    for path in folder.glob("*.gz"):
        path.unlink()
    check(load("kmnist", folder=folder), record)


def test_a_damaged_npz_is_a_format_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, folder = put("k49", tmp_path, monkeypatch)
    path = folder / "k49-train-imgs.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(FormatError) as caught:
        load("k49", folder=folder)
    assert caught.value.path == str(path)


def test_infimnist_is_local_of_any_size_and_has_no_test_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _record, folder = put("infimnist", tmp_path, monkeypatch)
    data = load("infimnist", folder=folder)
    assert list(data.splits) == ["train"]
    with pytest.raises(DatasetError, match="no test split") as caught:
        data.test  # noqa: B018
    assert "Fold" in str(caught.value.hint)
    with pytest.raises(DatasetError) as caught:
        load("infimnist", cache=Cache(tmp_path / "cache"))
    assert "infimnist pat" in str(caught.value.hint)
    # Mapped in place: nothing of 6 GB is copied.
    assert not (tmp_path / "cache" / "entries").exists()


def test_files_of_8_million_rows_are_mapped_in_place(tmp_path: Path) -> None:
    """Sparse files of the real size: offsets beyond 2**32, no memory, no copy."""
    rows = 8_100_000
    for name, shape in (
        ("mnist8m-patterns-idx3-ubyte", (rows, 28, 28)),
        ("mnist8m-labels-idx1-ubyte", (rows,)),
    ):
        header = bytes([0, 0, 8, len(shape)])
        header += b"".join(dim.to_bytes(4, "big") for dim in shape)
        with (tmp_path / name).open("wb") as file:
            file.write(header)
            file.truncate(len(header) + int(np.prod(shape)))
            file.seek(-3, os.SEEK_END)
            file.write(b"\7\7\7")
    data = load("infimnist", folder=tmp_path, cache=Cache(tmp_path / "cache"))
    assert len(data.train) == rows
    assert data.train.images[-1, -1].tolist() == [0] * 25 + [7] * 3
    assert data.train.labels[-3:].tolist() == [7, 7, 7]
    assert not (tmp_path / "cache").exists()


def test_labels_like_kannadas_are_200_times_as_many_as_their_bytes(
    tmp_path: Path,
) -> None:
    labels = np.arange(60_000, dtype=np.uint8) % 10
    write_idx(tmp_path / "labels.gz", labels, level=9)
    assert (tmp_path / "labels.gz").stat().st_size < 60_000 / 200
    assert np.array_equal(read_idx(tmp_path / "labels.gz"), labels)


# Folders whose files tell what they are


@pytest.mark.parametrize(
    "name", ["qmnist", "qmnist/nist", "k49", "kannada_mnist", "emnist/balanced"]
)
def test_a_folder_of_known_names_is_recognised(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, folder = put(name, tmp_path / "some", monkeypatch)
    if record.archives:
        with zipfile.ZipFile(folder / "gzip.zip") as archive:
            archive.extractall(folder)
        (folder / "gzip.zip").unlink()
    check(load(folder), record)


# The real MNIST


def test_the_real_mnist(mnist_folder: Path) -> None:
    data = load("mnist", folder=mnist_folder)
    record = find("mnist")
    for split in ("train", "test"):
        images, labels = (record.candidates(split, role)[0] for role in ROLES)
        assert data.splits[split].images.shape == images.shape
        assert data.splits[split].labels.shape == labels.shape
    assert np.bincount(data.train.labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert np.bincount(data.test.labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
