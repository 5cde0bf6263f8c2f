"""Images with their labels: which files make a dataset, and which do not."""

import gzip
import hashlib
import os
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from idxdata import (
    Cache,
    CacheError,
    CatalogueError,
    Dataset,
    DatasetError,
    GzipError,
    HeaderError,
    Split,
    catalogue,
    idx_digest,
    load,
    loading,
    synthetic,
    write_idx,
)
from tests.strategies import Array, peak_nbytes

TRAIN_IMAGES = np.arange(6 * 4 * 3, dtype="u1").reshape(6, 4, 3)
TRAIN_LABELS = np.array([2, 0, 1, 3, 1, 0], "u1")
TEST_IMAGES = TRAIN_IMAGES[:2, ::-1]
TEST_LABELS = np.array([3, 1], "u1")
ARRAYS = {
    "train-images-idx3-ubyte": TRAIN_IMAGES,
    "train-labels-idx1-ubyte": TRAIN_LABELS,
    "t10k-images-idx3-ubyte": TEST_IMAGES,
    "t10k-labels-idx1-ubyte": TEST_LABELS,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with four small files that fit together."""
    place = tmp_path / "digits"
    place.mkdir()
    for name, array in ARRAYS.items():
        write_idx(place / name, array)
    return place


def check(data: Dataset) -> None:
    assert np.array_equal(data.train.images, TRAIN_IMAGES)
    assert np.array_equal(data.train.labels, TRAIN_LABELS)
    assert np.array_equal(data.test.images, TEST_IMAGES)
    assert np.array_equal(data.test.labels, TEST_LABELS)
    assert data.classes == ("0", "1", "2", "3")


def refused(place: Path) -> DatasetError:
    with pytest.raises(DatasetError) as caught:
        load(place)
    return caught.value


# Names of files


SPELLINGS = [
    (separator, test, suffix)
    for separator, test, suffix in product("-.", ("t10k", "test"), ("", ".gz"))
]


def respell(name: str, separator: str, test: str, suffix: str) -> str:
    return name.replace("-idx", f"{separator}idx").replace("t10k", test) + suffix


@pytest.mark.parametrize(("separator", "test", "suffix"), SPELLINGS)
def test_every_spelling(separator: str, test: str, suffix: str, tmp_path: Path) -> None:
    for name, array in ARRAYS.items():
        write_idx(tmp_path / respell(name, separator, test, suffix), array)
    check(load(tmp_path))


@pytest.mark.parametrize("turn", range(len(SPELLINGS)))
def test_spellings_may_be_mixed(turn: int, tmp_path: Path) -> None:
    for i, (name, array) in enumerate(ARRAYS.items()):
        spelling = SPELLINGS[(turn + 3 * i) % len(SPELLINGS)]
        write_idx(tmp_path / respell(name, *spelling), array)
    check(load(tmp_path))


def test_raw_goes_before_gzip(folder: Path) -> None:
    for name, array in ARRAYS.items():
        write_idx(folder / f"{name}.gz", array[::-1])
    check(load(folder))


def test_other_files_and_folders_do_not_matter(folder: Path) -> None:
    """Kaggle's archive of MNIST has folders that are called like the files."""
    for name in ARRAYS:
        (folder / name).rename(folder / name.replace("-idx", ".idx"))
        (folder / name).mkdir()
        write_idx(folder / name / name, ARRAYS[name][::-1])
    for name in (
        "README.md",
        ".train-images-idx3-ubyte.1-2.part",
        "train-images-idx3-ubyte.gz.part",
        "train-images-idx3-ubyte.sha256",
        "emnist-letters-train-images-idx3-ubyte.gz",
    ):
        (folder / name).write_bytes(b"no digits")
    check(load(folder))


def test_links_to_files_are_files(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "links"
    other.mkdir()
    for name in ARRAYS:
        (other / name).symlink_to(folder / name)
    check(load(other))


@pytest.mark.parametrize("name", ARRAYS)
def test_missing_file(name: str, folder: Path) -> None:
    (folder / name).unlink()
    error = refused(folder)
    assert error.path == str(folder)
    assert str(error.expected).startswith(name)
    for other in set(ARRAYS) - {name}:
        assert other in str(error.found)


def test_empty_folder(tmp_path: Path) -> None:
    assert refused(tmp_path).found == "an empty folder"


@pytest.mark.parametrize("path", ["missing", "digits/train-images-idx3-ubyte"])
def test_no_such_folder(path: str, folder: Path) -> None:
    with pytest.raises((FileNotFoundError, NotADirectoryError)):
        load(folder.parent / path)


def test_unsound_files_raise_their_own_errors(folder: Path) -> None:
    path = folder / "t10k-labels-idx1-ubyte"
    path.write_bytes(b"<html></html>")
    with pytest.raises(HeaderError) as caught:
        load(folder)
    assert caught.value.path == str(path)
    path.write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x01\x05")[:-1])
    with pytest.raises(GzipError):
        load(folder)


# What does not fit together


def test_dtypes_and_dims_are_free(tmp_path: Path) -> None:
    images = np.linspace(0, 1, 5 * 7, dtype="f4").reshape(5, 7)
    write_idx(tmp_path / "train-images-idx2-float.gz", images)
    write_idx(tmp_path / "train-labels-idx1-int", np.array([0, 1, 0, 1, 9], "i4"))
    write_idx(tmp_path / "test-images-idx2-float", images[:1])
    write_idx(tmp_path / "test-labels-idx1-short.gz", np.array([8], "i2"))
    data = load(tmp_path)
    assert np.array_equal(data.train.images, images)
    assert data.train.labels.tolist() == [0, 1, 0, 1, 9]
    assert data.test.labels.tolist() == [8]
    assert len(data.classes) == 10
    assert (len(data.train), len(data.test)) == (5, 1)


@pytest.mark.parametrize("split", ["train", "t10k"])
@pytest.mark.parametrize("by", [-1, 1])
def test_counts_differ(split: str, by: int, folder: Path) -> None:
    name = f"{split}-labels-idx1-ubyte"
    count = len(ARRAYS[name])
    write_idx(folder / name, np.ones(count + by, "u1"))
    error = refused(folder)
    assert error.path == str(folder)
    assert str(error.expected).startswith(f"{count} labels")
    assert error.found == count + by


@pytest.mark.parametrize(
    "labels",
    [TRAIN_LABELS.astype("f4"), TRAIN_LABELS.astype("f8"), TRAIN_LABELS[:, None]],
    ids=["float32", "float64", "2-D"],
)
def test_labels_that_are_no_list_of_integers(labels: Array, folder: Path) -> None:
    write_idx(folder / "train-labels-idx1-ubyte", labels)
    error = refused(folder)
    assert error.path == str(folder)
    assert labels.dtype.name in str(error.found)


def test_images_without_pixels(folder: Path) -> None:
    write_idx(folder / "train-images-idx3-ubyte", TRAIN_LABELS)
    assert refused(folder).found == "shape (6,)"


def test_splits_without_examples(folder: Path) -> None:
    for role in ("images-idx3", "labels-idx1"):
        name = f"t10k-{role}-ubyte"
        write_idx(folder / name, ARRAYS[name][:0])
    refused(folder)


@pytest.mark.parametrize(
    "images",
    [TEST_IMAGES[:, :3], TEST_IMAGES.astype("i2"), TEST_IMAGES[..., None]],
    ids=["shape", "dtype", "ndim"],
)
def test_splits_of_different_images(images: Array, folder: Path) -> None:
    write_idx(folder / "t10k-images-idx3-ubyte", images)
    error = refused(folder)
    assert error.expected == "uint8 (4, 3)"
    assert error.found == f"{images.dtype.name} {images.shape[1:]}"


@pytest.mark.parametrize(
    ("name", "labels", "found"),
    [
        ("t10k-labels-idx1-ubyte", np.array([3, 4], "u1"), "4 for example 1"),
        ("t10k-labels-idx1-ubyte", np.array([-1, 3], "i1"), "-1 for example 0"),
        (
            "train-labels-idx1-ubyte",
            np.array([3, 0, -2, 0, 0, 0], "i4"),
            "-2 for example 2",
        ),
    ],
)
def test_labels_out_of_range(
    name: str, labels: Array, found: str, folder: Path
) -> None:
    write_idx(folder / name, labels)
    error = refused(folder)
    assert (error.expected, error.found) == ("0 to 3", found)


def test_all_labels_of_a_byte_are_in_range(folder: Path) -> None:
    labels = np.array([255, 0, 1, 2, 3, 4], "u1")
    write_idx(folder / "train-labels-idx1-ubyte", labels)
    assert len(load(folder).classes) == 256


def test_a_huge_label_does_not_make_as_many_classes(folder: Path) -> None:
    """Labels of lost byte order are such: 1 becomes 16,777,216."""
    labels = np.array([3_000_000, 0, 1, 2, 3, 4], "i4")
    write_idx(folder / "train-labels-idx1-ubyte", labels)

    def refuse() -> None:
        with pytest.raises(DatasetError):
            load(folder)

    assert peak_nbytes(refuse) < 8 << 20


def test_split_and_dataset_check_by_themselves() -> None:
    with pytest.raises(DatasetError):
        Split(TRAIN_IMAGES, TEST_LABELS)
    train = Split(TRAIN_IMAGES, TRAIN_LABELS)
    with pytest.raises(DatasetError) as caught:
        Dataset("d", train, train, ("a", "b", "c"))
    assert caught.value.found == "3 for example 3"
    assert len(Dataset("d", train, train, ("a", "b", "c", "d")).train) == 6


# Names of datasets


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("mnits", "mnist"),
        ("MNIST", "mnist"),
        ("fashion-mnist", "fashion_mnist"),
        ("fashion", "fashion_mnist"),
        ("glyph", "glyphs"),
    ],
)
def test_unknown_name_with_a_near_one(name: str, near: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        load(name)
    assert caught.value.found == repr(name)
    assert caught.value.hint == f"did you mean {near!r}?"
    assert isinstance(caught.value, LookupError)


@pytest.mark.parametrize("name", ["", "imagenet", "digits42"])
def test_unknown_name_with_no_near_one(name: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        load(name)
    assert caught.value.hint is not None
    assert "./" in caught.value.hint
    for known in catalogue.RECORDS:
        assert known in str(caught.value.expected)


def test_name_goes_before_a_folder_of_that_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.rename(folder.with_name("mnist"))
    monkeypatch.chdir(folder.parent)
    with pytest.raises(DatasetError) as caught:
        load("mnist", cache=Cache("cache"))
    assert caught.value.path == os.path.join("cache", "datasets", "mnist")
    assert "train-images-idx3-ubyte.gz" in str(caught.value.expected)
    assert caught.value.hint is not None
    assert "folder=" in caught.value.hint
    for spelled in ("./mnist", Path("mnist"), str(Path("mnist").resolve()), "mnist/"):
        check(load(spelled))
        assert load(spelled).name == "mnist"


def test_existing_folder_without_a_separator(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    check(load("digits"))
    assert load("digits").name == "digits"
    monkeypatch.chdir(folder)
    assert load(".").name == load(Path()).name == "digits"


def test_any_pathlike_is_a_folder(folder: Path) -> None:
    class Place:
        def __fspath__(self) -> str:
            return str(folder)

    check(load(Place()))


def test_folder_goes_with_a_name_only(folder: Path) -> None:
    for place in (folder, str(folder)):
        with pytest.raises(ValueError, match="folder="):
            load(place, folder=folder)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_files_of_another_shape_are_not_that_dataset(name: str, folder: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        load(name, folder=folder)
    assert caught.value.path == str(folder / "train-images-idx3-ubyte")
    assert caught.value.expected == (60_000, 28, 28)
    assert caught.value.found == (6, 4, 3)


def test_cache_serves_what_is_loaded(folder: Path, tmp_path: Path) -> None:
    for name, array in ARRAYS.items():
        (folder / name).unlink()
        write_idx(folder / f"{name}.gz", array)
    here = Cache(tmp_path / "cache")
    check(load(folder, cache=here))
    assert len(os.listdir(here.folder)) == 4


# Digests


def test_digests_are_those_of_the_raw_files(folder: Path) -> None:
    digests = load(folder).digests
    assert digests == {
        f"{split}-{role}": hashlib.sha256(
            (folder / f"{stem}-{role}-{suffix}-ubyte").read_bytes()
        ).hexdigest()
        for split, stem in (("train", "train"), ("test", "t10k"))
        for role, suffix in (("images", "idx3"), ("labels", "idx1"))
    }


def test_digest_does_not_depend_on_how_it_is_stored(folder: Path) -> None:
    before = load(folder)
    for name, array in ARRAYS.items():
        (folder / name).unlink()
        write_idx(folder / f"{name}.gz", array)
    after = load(folder)
    assert after.digests == before.digests
    assert after.digest == before.digest
    joined = "\n".join(after.digests.values()).encode()
    assert after.digest == hashlib.sha256(joined).hexdigest()


def test_digest_depends_on_every_array(folder: Path) -> None:
    seen = {load(folder).digest}
    for name, array in ARRAYS.items():
        write_idx(folder / name, array[::-1])
        seen.add(load(folder).digest)
    assert len(seen) == 5


@pytest.mark.parametrize("order", "<>")
def test_digest_of_either_byte_order(order: str, tmp_path: Path) -> None:
    array = np.arange(12, dtype=f"{order}i4").reshape(3, 4)
    write_idx(tmp_path / "a", array)
    expected = hashlib.sha256((tmp_path / "a").read_bytes()).hexdigest()
    assert idx_digest(array) == idx_digest(np.asfortranarray(array)) == expected


# glyphs, drawn at the first use


@pytest.fixture
def few_glyphs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let drawing be quick: 10 examples a split. The list has what was drawn."""
    drawn: list[str] = []

    def draw_few(split: str, **_: object) -> tuple[Array, Array]:
        drawn.append(split)
        return np.zeros((10, 28, 28), "u1"), np.arange(10, dtype="u1")

    monkeypatch.setattr(loading.synthetic, "draw", draw_few)
    return drawn


def test_glyphs_are_drawn_once(few_glyphs: list[str], tmp_path: Path) -> None:
    here = Cache(tmp_path / "cache")
    for _ in range(2):
        data = load("glyphs", cache=here)
        assert (data.name, len(data.train), len(data.test)) == ("glyphs", 10, 10)
        assert few_glyphs == ["train", "test"]
    place = here.folder / "datasets"
    assert os.listdir(place) == ["glyphs-1"]
    assert sorted(os.listdir(place / "glyphs-1")) == sorted(f"{n}.gz" for n in ARRAYS)
    # They are files like any other.
    copied = load(
        "glyphs", folder=shutil.copytree(place / "glyphs-1", tmp_path / "copy")
    )
    assert copied.digests == data.digests
    assert few_glyphs == ["train", "test"]


def test_glyphs_are_not_drawn_into_a_folder_that_is_named(
    few_glyphs: list[str], tmp_path: Path
) -> None:
    with pytest.raises(DatasetError) as caught:
        load("glyphs", folder=tmp_path / "missing")
    assert caught.value.path == str(tmp_path / "missing")
    assert few_glyphs == []


@pytest.mark.usefixtures("few_glyphs")
def test_glyphs_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CacheError) as caught:
        load("glyphs", cache=Cache(tmp_path / "file"))
    assert caught.value.hint is not None
    assert "IDXDATA_CACHE" in caught.value.hint
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.usefixtures("few_glyphs")
def test_interrupted_glyphs_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    here = Cache(tmp_path / "cache")
    with monkeypatch.context() as patch:
        patch.setattr(loading, "write_idx", interrupted)
        with pytest.raises(KeyboardInterrupt):
            load("glyphs", cache=here)
    assert os.listdir(here.folder / "datasets") == []
    assert len(load("glyphs", cache=here).train) == 10


@pytest.mark.usefixtures("few_glyphs")
def test_two_who_draw_glyphs_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Cache(tmp_path / "cache")
    written = loading.write_idx

    def another_is_first(path: Path, array: Array) -> None:
        monkeypatch.setattr(loading, "write_idx", written)
        load("glyphs", cache=Cache(here.folder))
        written(path, array)

    monkeypatch.setattr(loading, "write_idx", another_is_first)
    assert len(load("glyphs", cache=here).train) == 10
    assert os.listdir(here.folder / "datasets") == ["glyphs-1"]


def test_glyphs_as_they_are() -> None:
    """The one test here that draws all 70,000, in the cache of the session."""
    data = load("glyphs")
    assert data.classes == synthetic.CLASSES == catalogue.DIGITS
    assert data.train.images.shape == (synthetic.NUM_TRAIN, *synthetic.IMAGE_SHAPE)
    assert data.test.images.shape == (synthetic.NUM_TEST, *synthetic.IMAGE_SHAPE)
    images, labels = synthetic.draw("test", stop=100)
    assert np.array_equal(data.test.images[:100], images)
    assert np.array_equal(data.test.labels[:100], labels)


# The real files

TRAIN_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
TEST_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
# zcat <file> | sha256sum
MNIST_DIGESTS = {
    "train-images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "test-images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "test-labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def test_mnist(mnist_folder: Path) -> None:
    data = load("mnist", folder=mnist_folder)
    assert data.name == "mnist"
    assert data.train.images.shape == (60_000, 28, 28)
    assert data.test.images.shape == (10_000, 28, 28)
    assert np.bincount(data.train.labels).tolist() == TRAIN_COUNTS
    assert np.bincount(data.test.labels).tolist() == TEST_COUNTS
    assert data.digests == MNIST_DIGESTS
    # The pixels are in place: the first digit is a 5, its ink sums to this.
    assert data.train.labels[0] == 5
    assert int(data.train.images[0].sum()) == 27_525


def test_mnist_by_its_folder_is_the_same(mnist_folder: Path) -> None:
    data = load(mnist_folder)
    assert data.name == mnist_folder.name
    assert data.classes == load("mnist", folder=mnist_folder).classes


def test_mnist_files_are_those_of_the_catalogue(mnist_folder: Path) -> None:
    for file in catalogue.find("mnist").files:
        content = (mnist_folder / file.name).read_bytes()
        assert len(content) == file.nbytes
        assert hashlib.sha256(content).hexdigest() == file.sha256


# The catalogue as such


@pytest.mark.parametrize("record", catalogue.RECORDS.values(), ids=lambda r: r.name)
def test_records_are_consistent(record: catalogue.Record) -> None:
    assert catalogue.find(record.name) is record
    assert record.classes
    assert len(set(record.classes)) == len(record.classes)
    assert record.license
    if not record.files:
        assert record.shape("train", "images") is None
        return
    assert {(file.split, file.role) for file in record.files} == set(
        product(catalogue.SPLITS, catalogue.ROLES)
    )
    for split in catalogue.SPLITS:
        images, labels = (record.shape(split, role) for role in catalogue.ROLES)
        assert images is not None
        assert labels == images[:1]
    for file in record.files:
        assert len(bytes.fromhex(file.sha256)) == 32
