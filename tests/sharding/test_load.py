"""load() of lists, patterns and numbered folders."""

from pathlib import Path

import numpy as np
import pytest

from idxdata import DatasetError, IdxWriter, ShardedArray, load, write_idx
from idxdata.shard_names import matching, natural_key, numbered_name
from tests.adapting import random_split
from tests.sharding.making import Both, both, even, write_shards
from tests.strategies import Array

SPLIT = random_split(60, 3, 4)
IMAGES, LABELS = np.asarray(SPLIT.images), SPLIT.labels


def numbered(
    folder: Path, array: Array, num_shards: int, *, stem: str, end: str
) -> list[Path]:
    """Shards of the names that a folder is known by."""
    folder.mkdir(exist_ok=True)
    cuts = even(len(array), num_shards)
    paths = []
    for number in range(num_shards):
        paths.append(folder / f"{stem}-{numbered_name(number, num_shards)}{end}")
        write_idx(paths[-1], array[cuts[number] : cuts[number + 1]])
    return paths


@pytest.fixture
def data(tmp_path: Path) -> Both:
    """Twelve shards, so that 10 and 11 come before 2 where digits are letters."""
    return both(tmp_path, SPLIT, even(60, 12))


def test_a_pattern_is_in_natural_order(data: Both) -> None:
    assert [Path(path).name for path in data.images.paths] == [
        f"images-{number}" for number in range(12)
    ]
    assert np.array_equal(data.sharded.images, IMAGES)
    assert np.array_equal(data.sharded.labels, LABELS)
    assert data.sharded.labels.flags.writeable


@pytest.mark.parametrize("kind", [list, tuple])
def test_lists_are_in_their_own_order(data: Both, kind: type) -> None:
    order = [5, 0, 11]
    found = load(
        images=kind(data.folder / f"images-{n}" for n in order),
        labels=kind(str(data.folder / f"labels-{n}") for n in order),
        test_images=data.folder / "images-1*",
        test_labels=str(data.folder / "labels-1*"),
        classes="0123456789",
    )
    rows = np.concatenate([np.arange(5 * n, 5 * n + 5) for n in order])
    assert np.array_equal(found.train.images, IMAGES[rows])
    assert np.array_equal(found.train.labels, LABELS[rows])
    assert np.array_equal(found.test.labels, LABELS[[*range(5, 10), *range(50, 60)]])
    assert found.name == data.folder.name


def test_wildcards_of_all_kinds(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        for number in range(3):
            place = tmp_path / folder
            both_ways = {"x": np.full((1, 1, 2), number, "u1"), "y": np.zeros(1, "u1")}
            for name, array in both_ways.items():
                place.mkdir(exist_ok=True)
                write_idx(place / f"{name}{number}", array)
    (tmp_path / "a" / ".x9").write_bytes(b"hidden")
    for pattern, expected in (
        ("[ab]/{}?", [0, 1, 2, 0, 1, 2]),
        ("[!b]/{}[02]", [0, 2]),
        ("*/{}1", [1, 1]),
        ("?//{}[1-2]", [1, 2, 1, 2]),
        ("./a/{}*", [0, 1, 2]),
    ):
        found = load(
            images=f"{tmp_path}/{pattern.format('x')}",
            labels=f"{tmp_path}/{pattern.format('y')}",
        )
        assert np.asarray(found.train.images)[:, 0, 0].tolist() == expected


def test_a_file_of_that_very_name_is_no_pattern(tmp_path: Path) -> None:
    write_idx(tmp_path / "x[1].idx", IMAGES)
    write_idx(tmp_path / "y*.idx", LABELS)
    data = load(images=tmp_path / "x[1].idx", labels=tmp_path / "y*.idx")
    assert isinstance(data.train.images, np.ndarray)


@pytest.mark.parametrize("pattern", ["none-*", "[z-a]", "images-?-*"])
def test_a_pattern_that_fits_nothing(data: Both, pattern: str) -> None:
    with pytest.raises(DatasetError, match="no file is named so") as caught:
        load(images=data.folder / pattern, labels=data.folder / pattern)
    assert caught.value.path == str(data.folder / pattern)


def test_patterns_that_differ(data: Both) -> None:
    with pytest.raises(DatasetError, match="patterns .* differ"):
        load(images=data.folder / "images-*", labels=data.folder / "l?bels-*")


def test_lists_of_other_lengths(data: Both) -> None:
    images = [data.folder / f"images-{number}" for number in range(4)]
    labels = [data.folder / f"labels-{number}" for number in range(4)]
    with pytest.raises(DatasetError, match="images without its labels") as caught:
        load(images=images, labels=labels[:2])
    assert caught.value.path == str(images[2])
    with pytest.raises(DatasetError, match="labels without its images") as caught:
        load(images=images[:3], labels=labels)
    assert caught.value.path == str(labels[3])
    with pytest.raises(DatasetError, match="no shards"):
        load(images=[], labels=[])


def test_what_does_not_go_together(data: Both) -> None:
    images, labels = data.folder / "images-*", [data.folder / "labels-0"]
    with pytest.raises(ValueError, match="two lists or patterns"):
        load(images=images, labels=labels)
    with pytest.raises(ValueError, match="images in many files"):
        load(images=IMAGES, labels=labels)
    with pytest.raises(TypeError):
        load(images=[IMAGES], labels=[LABELS])  # type: ignore[list-item]


def test_labels_may_be_one_file_or_array(data: Both) -> None:
    write_idx(data.folder / "all", LABELS)
    for labels in (data.folder / "all", LABELS):
        found = load(images=data.folder / "images-*", labels=labels)
        assert found.train.digest == data.whole.digest
    with pytest.raises(DatasetError, match="differ in number"):
        load(images=data.folder / "images-*", labels=LABELS[1:])


def test_labels_of_several_bytes(tmp_path: Path) -> None:
    labels = (LABELS * 100).astype("i4")
    write_shards(tmp_path, IMAGES, even(60, 4), name="x")
    write_shards(tmp_path, labels, even(60, 4), name="y")
    split = load(images=tmp_path / "x-*", labels=tmp_path / "y-*").train
    assert split.labels.dtype == np.int32
    assert np.array_equal(split.labels, labels)


@pytest.mark.parametrize("end", ["-idx{}-ubyte", ".idx{}-ubyte", "-idx{}-ubyte.gz"])
def test_a_folder_of_numbered_shards(tmp_path: Path, end: str) -> None:
    for stem, count, num_shards in (("train", 60, 7), ("test", 20, 3)):
        for role, array, ndim in (("images", IMAGES, 3), ("labels", LABELS, 1)):
            name = f"{stem}-{role}"
            numbered(
                tmp_path, array[:count], num_shards, stem=name, end=end.format(ndim)
            )
    data = load(tmp_path)
    assert isinstance(data.test.images, ShardedArray)
    assert data.name == tmp_path.name
    assert np.array_equal(data.train.images, IMAGES)
    assert np.array_equal(data.train.labels, LABELS)
    assert np.array_equal(data.test.images, IMAGES[:20])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    numbered(tmp_path, IMAGES, 5, stem="train-images", end="-idx3-ubyte")
    numbered(tmp_path, LABELS, 5, stem="train-labels", end="-idx1-ubyte")
    return tmp_path


@pytest.mark.parametrize("number", [0, 2, 4])
@pytest.mark.parametrize("role", ["images", "labels"])
def test_a_gap_in_the_numbers(folder: Path, number: int, role: str) -> None:
    ndim = {"images": 3, "labels": 1}[role]
    path = folder / f"train-{role}-0000{number}-of-00005-idx{ndim}-ubyte"
    path.unlink()
    with pytest.raises(DatasetError, match="a shard is missing") as caught:
        load(folder)
    assert caught.value.path == str(path)
    assert caught.value.found == "4 shards"


def test_numbers_that_are_too_large_or_of_another_set(folder: Path) -> None:
    extra = folder / "train-images-00005-of-00005-idx3-ubyte"
    write_idx(extra, IMAGES)
    with pytest.raises(DatasetError, match="has no place") as caught:
        load(folder)
    assert caught.value.path == str(extra)
    extra.rename(folder / "train-images-00000-of-00004-idx3-ubyte")
    with pytest.raises(DatasetError, match="several sets") as caught:
        load(folder)
    assert caught.value.found == "4, 5"


def test_numbers_that_cannot_be(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-00000-of-00000-idx3-ubyte", IMAGES)
    with pytest.raises(DatasetError, match="has no place"):
        load(tmp_path)
    (tmp_path / "train-images-00000-of-00000-idx3-ubyte").rename(
        tmp_path / "train-images-3-of-999999999-idx3-ubyte"
    )
    with pytest.raises(DatasetError, match="is missing") as caught:
        load(tmp_path)
    assert caught.value.path == str(tmp_path / "train-images-0-of-999999999-idx3-ubyte")


def test_raw_goes_before_compressed(folder: Path) -> None:
    write_idx(folder / "train-images-00002-of-00005-idx3-ubyte.gz", IMAGES[:1])
    assert load(folder).train.digest == SPLIT.digest


def test_one_file_and_shards(folder: Path) -> None:
    write_idx(folder / "train-images-idx3-ubyte", IMAGES)
    with pytest.raises(DatasetError, match="both one file and shards"):
        load(folder)


def test_labels_of_a_folder_in_one_file(folder: Path) -> None:
    for path in folder.glob("train-labels-*"):
        path.unlink()
    with pytest.raises(DatasetError, match="no train labels here"):
        load(folder)
    write_idx(folder / "train-labels-idx1-ubyte", LABELS)
    assert load(folder).train.digest == SPLIT.digest
    for path in folder.glob("train-images-*"):
        path.unlink()
    write_idx(folder / "train-images-idx3-ubyte", IMAGES)
    (folder / "train-labels-idx1-ubyte").unlink()
    numbered(folder, LABELS, 2, stem="train-labels", end="-idx1-ubyte")
    with pytest.raises(DatasetError, match="labels are in many files"):
        load(folder)


def test_folders_of_other_numbers_of_labels(folder: Path) -> None:
    for path in folder.glob("train-labels-*"):
        path.unlink()
    numbered(folder, LABELS, 4, stem="train-labels", end="-idx1-ubyte")
    with pytest.raises(DatasetError, match="images without its labels") as caught:
        load(folder)
    assert caught.value.path == str(folder / "train-images-00004-of-00005-idx3-ubyte")


def test_thousands_are_opened_and_none_is_mapped(tmp_path: Path) -> None:
    count = 10_000
    image, label = bytes(range(4)), b"\3"
    with IdxWriter(tmp_path / "one", np.uint8, (2, 2)) as writer:
        writer.append(np.frombuffer(image, np.uint8).reshape(2, 2))
    content = (tmp_path / "one").read_bytes()
    for number in range(count):
        (tmp_path / f"x{number}").write_bytes(content)
        (tmp_path / f"y{number}").write_bytes(b"\0\0\x08\1\0\0\0\1" + label)
    data = load(images=tmp_path / "x*", labels=tmp_path / "y*")
    images = data.train.images
    assert isinstance(images, ShardedArray)
    assert (len(data.train), images.num_mapped) == (count, 0)
    assert repr(data)
    assert images[[7, 9_999, 7]].sum() == 18
    assert images.num_mapped == 2


def test_natural_order() -> None:
    names = ["a2", "a10", "a02", "b", "", "2", "10-a"]
    ordered = sorted(names, key=natural_key)
    assert ordered == ["", "2", "10-a", "a02", "a2", "a10", "b"]


def test_several_wildcards_make_one_number(tmp_path: Path) -> None:
    for number in (1, 2, 10, 11, 100):
        (tmp_path / f"i-{number}.idx").touch()
    for pattern in ("i-[0-9]*.idx", "i-*[0-9].idx", "?-[0-9]*.idx", "i*-?*.*"):
        found = [Path(path).stem for path in matching(tmp_path / pattern).values()]
        assert found == ["i-1", "i-2", "i-10", "i-11", "i-100"]


def test_a_compressed_copy_counts_once(tmp_path: Path) -> None:
    for name in ("i-1.idx", "i-1.idx.gz", "i-2.idx.gz", "i-3.idx", "i-3.idx.gz.gz"):
        (tmp_path / name).touch()
    found = [Path(path).name for path in matching(tmp_path / "i-*").values()]
    assert found == ["i-1.idx", "i-2.idx.gz", "i-3.idx", "i-3.idx.gz.gz"]
    only = [Path(path).name for path in matching(tmp_path / "i-*.gz").values()]
    assert only == ["i-1.idx.gz", "i-2.idx.gz", "i-3.idx.gz.gz"]


def test_matching_tells_what_wildcards_stand_for(tmp_path: Path) -> None:
    for name in ("a-1.idx", "a-10.idx", "a-2.idx", "a.idx"):
        (tmp_path / name).touch()
    found = matching(tmp_path / "?-*.idx")
    assert list(found) == [("a", "1"), ("a", "2"), ("a", "10")]
