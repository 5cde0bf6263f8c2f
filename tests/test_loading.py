"""load(): which files are a dataset's, and names of datasets."""

import gzip
import os
import shutil
import threading
import time
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from idxdata import (
    Cache,
    CacheError,
    CatalogueError,
    DatasetError,
    FetchError,
    GzipError,
    HeaderError,
    catalogue,
    load,
    locks,
    synthetic,
    write_idx,
)
from idxdata.loading import glyphs
from tests.digits import ARRAYS, check, folder, refused
from tests.strategies import Array

__all__ = ["folder"]  # a fixture


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


@pytest.mark.parametrize("name", ["missing", "missing.npz", "missing/mnist"])
def test_no_such_path(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError):
        load(folder / name)
    monkeypatch.chdir(folder)
    with pytest.raises((FileNotFoundError, CatalogueError)):
        load(name)


def test_unsound_files_raise_their_own_errors(folder: Path) -> None:
    path = folder / "t10k-labels-idx1-ubyte"
    path.write_bytes(b"<html></html>")
    with pytest.raises(HeaderError) as caught:
        load(folder)
    assert caught.value.path == str(path)
    path.write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x01\x05")[:-1])
    with pytest.raises(GzipError):
        load(folder)


# Names of datasets


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("mnits", "mnist"),
        ("fashon_mnist", "fashion_mnist"),
        ("emnist/leters", "emnist/letters"),
        ("qmnist/nst", "qmnist/nist"),
        ("glyph", "glyphs"),
    ],
)
def test_unknown_name_with_a_near_one(name: str, near: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        load(name)
    assert caught.value.found == repr(name)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(f"did you mean {near!r}")
    assert isinstance(caught.value, LookupError)


@pytest.mark.parametrize("name", ["", "imagenet", "zzz"])
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
    with pytest.raises(FetchError) as caught:
        load("mnist", cache=Cache("cache"))
    place = folder.parent / "cache" / "datasets" / "mnist"
    assert str(caught.value.path).startswith(str(place))
    assert not place.exists() or not os.listdir(place)
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
    assert len(here.entries()) == 4


# glyphs, drawn at the first use


@pytest.fixture
def few_glyphs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let drawing be quick: 10 examples a split. The list has what was drawn."""
    drawn: list[str] = []

    def draw_few(split: str, **_: object) -> tuple[Array, Array]:
        drawn.append(split)
        return np.zeros((10, 28, 28), "u1"), np.arange(10, dtype="u1")

    monkeypatch.setattr(glyphs.synthetic, "draw", draw_few)
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
        patch.setattr(glyphs, "write_idx", interrupted)
        with pytest.raises(KeyboardInterrupt):
            load("glyphs", cache=here)
    assert os.listdir(here.folder / "datasets") == []
    assert len(load("glyphs", cache=here).train) == 10


@pytest.mark.filterwarnings("ignore:.*has no locks:RuntimeWarning")
@pytest.mark.usefixtures("few_glyphs")
def test_two_who_draw_glyphs_at_once_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Cache(tmp_path / "cache")
    monkeypatch.setattr(locks, "try_exclusive", lambda _: locks.Lock.UNAVAILABLE)
    written = glyphs.write_idx

    def another_is_first(path: Path, array: Array) -> None:
        monkeypatch.setattr(glyphs, "write_idx", written)
        load("glyphs", cache=Cache(here.folder))
        written(path, array)

    monkeypatch.setattr(glyphs, "write_idx", another_is_first)
    assert len(load("glyphs", cache=here).train) == 10
    left = set(os.listdir(here.folder / "datasets"))
    assert left - {"glyphs-1.lock"} == {"glyphs-1"}


def test_glyphs_are_drawn_by_one_of_many(
    few_glyphs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fcntl")
    here = Cache(tmp_path / "cache")
    written = glyphs.write_idx
    other = threading.Thread(target=lambda: load("glyphs", cache=here))

    def another_comes(path: Path, array: Array) -> None:
        monkeypatch.setattr(glyphs, "write_idx", written)
        other.start()
        other.join(0.05)
        written(path, array)

    monkeypatch.setattr(glyphs, "write_idx", another_comes)
    assert len(load("glyphs", cache=here).train) == 10
    other.join(30)
    assert few_glyphs == ["train", "test"]
    assert os.listdir(here.folder / "datasets") == ["glyphs-1"]


@pytest.mark.usefixtures("few_glyphs")
def test_what_killed_drawers_left_is_swept(tmp_path: Path) -> None:
    here = Cache(tmp_path / "cache")
    place = here.folder / "datasets"
    for name, days_old in (("1-a", 1.1), ("1-b", 0.9)):
        part = place / f".idxdata-{name}.part"
        part.mkdir(parents=True)
        (part / "train-images-idx3-ubyte.gz").write_bytes(b"half")
        os.utime(part, (time.time() - days_old * 86_400,) * 2)
    load("glyphs", cache=here)
    assert sorted(os.listdir(place)) == [".idxdata-1-b.part", "glyphs-1"]


def test_an_empty_folder_of_glyphs_may_be_deleted(tmp_path: Path) -> None:
    here = Cache(tmp_path / "cache")
    (here.folder / "datasets" / "glyphs-1").mkdir(parents=True)
    with pytest.raises(DatasetError) as caught:
        load("glyphs", cache=here)
    assert caught.value.hint is not None
    assert "delete" in caught.value.hint
    (tmp_path / "mine").mkdir()
    with pytest.raises(DatasetError) as caught:
        load("glyphs", cache=here, folder=tmp_path / "mine")
    assert caught.value.hint is None


def test_glyphs_as_they_are() -> None:
    """The one test here that draws all 70,000, in the cache of the session."""
    data = load("glyphs")
    assert data.classes == synthetic.CLASSES == catalogue.DIGITS
    assert data.train.images.shape == (synthetic.NUM_TRAIN, *synthetic.IMAGE_SHAPE)
    assert data.test.images.shape == (synthetic.NUM_TEST, *synthetic.IMAGE_SHAPE)
    images, labels = synthetic.draw("test", stop=100)
    assert np.array_equal(data.test.images[:100], images)
    assert np.array_equal(data.test.labels[:100], labels)
