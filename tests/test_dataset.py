"""Images with their labels: what fits together, digests, and pickling."""

import copy
import hashlib
import multiprocessing
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from idxdata import (
    Cache,
    CacheError,
    Dataset,
    DatasetError,
    Split,
    catalogue,
    idx_digest,
    load,
    mapping,
    write_idx,
)
from tests.digits import (
    ARRAYS,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    check,
    folder,
    refused,
)
from tests.strategies import Array, peak_nbytes

__all__ = ["folder"]  # a fixture

on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells what was written to"
)


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


@pytest.fixture
def cached(folder: Path, tmp_path: Path) -> Dataset:
    """The small dataset, each array mapped from an entry."""
    return load(folder, cache=Cache(tmp_path / "cache"), alignment=64)


def test_all_arrays_have_the_alignment_asked_for(cached: Dataset) -> None:
    check(cached)
    for split in (cached.train, cached.test):
        assert split.images.ctypes.data % 64 == split.labels.ctypes.data % 64 == 0


def test_the_digest_of_a_split(folder: Path) -> None:
    """The rule as documented: SHA-256 of the two files' SHA-256s and a newline."""
    split = load(folder).train
    parts = [
        hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in list(ARRAYS)[:2]
    ]
    assert split.digests == tuple(parts)
    assert split.digest == hashlib.sha256("\n".join(parts).encode()).hexdigest()
    # The same of the data anywhere else:
    assert Split(split.images.copy(), split.labels.copy()).digest == split.digest


@on_linux
def test_known_digests_and_ranges_are_not_computed(
    cached: Dataset, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Dataset(
        "d",
        *(Split(s.images.copy(), s.labels.copy()) for s in (cached.train, cached.test)),
        cached.classes,
    ).digests

    def refuse(_: Array) -> str:
        raise AssertionError("the data is read")

    monkeypatch.setattr("idxdata.split.idx_digest", refuse)
    assert load(folder, cache=Cache(tmp_path / "cache")).digests == expected


def test_an_array_that_was_written_to_has_another_digest(cached: Dataset) -> None:
    """One element of one array is enough, and the file is as it was."""
    before = load_again(cached).digests
    cached.train.labels[3] ^= 1
    cached.test.images[1, 2, 1] ^= 1
    digests = cached.digests
    assert digests["train-labels"] == idx_digest(cached.train.labels)
    assert digests["test-images"] == idx_digest(cached.test.images)
    changed = {name for name in digests if digests[name] != before[name]}
    assert changed == {"train-labels", "test-images"}


def load_again(data: Dataset) -> Dataset:
    return Dataset(
        data.name,
        pickle.loads(pickle.dumps(data.train)),
        pickle.loads(pickle.dumps(data.test)),
        data.classes,
    )


def test_labels_that_were_written_to_are_checked(cached: Dataset) -> None:
    cached.train.labels[2] = 200
    with pytest.raises(DatasetError) as caught:
        Dataset("d", cached.train, cached.test, cached.classes)
    assert caught.value.found == "200 for example 2"


@on_linux
def test_a_warm_load_reads_no_data(folder: Path, tmp_path: Path) -> None:
    """No page of an entry is in this process's memory afterwards, labels included."""
    cache = Cache(tmp_path / "cache")
    for name, array in ARRAYS.items():
        (folder / name).unlink()
        write_idx(folder / f"{name}.gz", array)
    load(folder, cache=cache)
    data = load(folder, cache=cache)
    assert data.digests
    assert list(resident_kib(cache.folder).values()) == [0, 0, 0, 0]
    assert data.train.labels.max() == 3
    assert sum(resident_kib(cache.folder).values()) > 0


def resident_kib(folder: Path) -> dict[str, int]:
    """Resident memory of each map of an entry of the cache `folder`."""
    found, place = {}, ""
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if not line.split(None, 1)[0].endswith(":"):
            is_entry = f"{folder}/entries/" in line and line.endswith("/data.npy")
            place = line if is_entry else ""
        elif place and line.startswith("Rss:"):
            found[place] = int(line.split()[1])
    return found


# Pickling


def total(split: Split) -> tuple[int, str]:
    """What another process sees."""
    return int(split.images.sum()), split.digest


@on_linux
def test_mapped_splits_are_pickled_as_references(cached: Dataset) -> None:
    for split in (cached.train, cached.test):
        data = pickle.dumps(split)
        again = pickle.loads(data)
        assert mapping.reference(again.images) == mapping.reference(split.images)
        assert np.array_equal(again.labels, split.labels)
        assert again.images.ctypes.data != split.images.ctypes.data
    large = Split(np.zeros((6, 10**5), "u1"), cached.train.labels)
    assert len(pickle.dumps(large)) > 6 * 10**5


def test_what_was_written_crosses_as_data(cached: Dataset) -> None:
    cached.train.images[5, 3, 2] ^= 0xFF
    again = pickle.loads(pickle.dumps(cached.train))
    assert np.array_equal(again.images, cached.train.images)
    assert not np.array_equal(again.images, TRAIN_IMAGES)
    assert again.digest == cached.train.digest


def test_copies_are_apart(cached: Dataset) -> None:
    again = copy.deepcopy(cached.train)
    again.images[:] = 0
    check(cached)


@on_linux
def test_a_pickled_split_whose_file_is_gone(cached: Dataset, tmp_path: Path) -> None:
    data = pickle.dumps(cached.train)
    for entry in (tmp_path / "cache" / "entries").glob("*/data.npy"):
        entry.unlink()
    with pytest.raises(CacheError, match="gone"):
        pickle.loads(data)


def test_a_spawned_process_maps_the_same(cached: Dataset) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(total, (cached.train,)) == total(cached.train)


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


def test_a_split_is_of_arrays() -> None:
    with pytest.raises(TypeError, match="not a list"):
        Split(np.zeros((2, 2), np.uint8), [0, 1])  # type: ignore[arg-type]
