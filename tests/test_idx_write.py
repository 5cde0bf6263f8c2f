"""Writing: refusals, failures half-way, and files that are in use."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idxdata import (
    FormatError,
    HeaderError,
    IdxDataError,
    IdxWriter,
    open_idx,
    read_idx,
    write_idx,
    writer,
)
from idxdata.dtypes import DType
from tests.reading import MEGABYTE
from tests.strategies import (
    Array,
    peak_nbytes,
)

NEAREST = {
    "bool": "uint8",
    "uint16": "int32",
    "uint32": "int32",
    "int64": "int32",
    "uint64": "int32",
    "float16": "float32",
    "longdouble": "float64",
    "complex64": None,
    "complex128": None,
    "object": None,
    "S3": None,
    "U3": None,
    "datetime64[s]": None,
    "timedelta64[s]": None,
    "V2": None,
    "u1,f4": None,
}


@pytest.mark.parametrize("name", ["a", "a.gz"])
@pytest.mark.parametrize("dtype", NEAREST)
def test_dtypes_that_idx_has_not(dtype: str, name: str, tmp_path: Path) -> None:
    if np.dtype(dtype) == np.float64:
        pytest.skip("here this is a float64")
    with pytest.raises(HeaderError) as caught:
        write_idx(tmp_path / name, np.zeros(3, dtype))
    assert caught.value.found == np.dtype(dtype)
    nearest = NEAREST[dtype]
    if nearest is None:
        assert caught.value.hint is None
    else:
        assert caught.value.hint is not None
        assert repr(nearest) in caught.value.hint
        assert "convert=True" in caught.value.hint
    assert os.listdir(tmp_path) == []


def test_numpy_strings_are_refused_like_any_dtype(tmp_path: Path) -> None:
    with pytest.raises(HeaderError):
        write_idx(tmp_path / "a", np.array(["a", "b"], np.dtypes.StringDType()))


@pytest.mark.parametrize(
    "array",
    [
        np.uint8(3),
        np.array(3, "f4"),
        np.broadcast_to(np.uint8(0), (2**32,)),
        np.broadcast_to(np.uint8(0), (2, 2**32)),
        np.empty((0, 2**32), "i2"),
    ],
    ids=["scalar", "no dims", "dim", "later dim", "empty"],
)
def test_shapes_that_idx_has_not(array: Array, tmp_path: Path) -> None:
    for name in ("a", "a.gz"):
        with pytest.raises(HeaderError):
            write_idx(tmp_path / name, array)
    assert os.listdir(tmp_path) == []


def test_a_scalar_is_told_how_to_be_written(tmp_path: Path) -> None:
    with pytest.raises(HeaderError) as caught:
        write_idx(tmp_path / "a", np.uint8(3))
    assert caught.value.found == 0
    assert caught.value.hint is not None
    assert "(1,)" in caught.value.hint


@contextmanager
def full_device(nbytes: int) -> Iterator[None]:
    """No file can grow beyond `nbytes`, as if the disk were full."""
    resource = pytest.importorskip("resource")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.mark.parametrize("name", ["a", "a.gz"])
@pytest.mark.parametrize("old", [None, np.arange(3, dtype="u1")])
def test_a_full_device_leaves_everything_as_it_was(
    old: Array | None, name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if old is not None:
        write_idx(path, old)
    noise = np.random.default_rng(0).integers(0, 256, 3 * MEGABYTE, np.uint8)
    with full_device(MEGABYTE), pytest.raises(OSError) as caught:
        write_idx(path, noise)
    assert not isinstance(caught.value, IdxDataError)
    assert os.listdir(tmp_path) == ([] if old is None else [name])
    assert old is None or np.array_equal(read_idx(path), old)


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_a_failure_half_way_leaves_everything_as_it_was(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    write_idx(path, np.arange(3, dtype="u1"))
    whole = writer.idx_pieces

    def broken(array: Array, dtype: DType) -> Iterator[memoryview]:
        yield next(whole(array, dtype))
        raise MemoryError

    monkeypatch.setattr(writer, "idx_pieces", broken)
    with pytest.raises(MemoryError):
        write_idx(path, np.arange(30, dtype="u1"))
    assert os.listdir(tmp_path) == [name]
    assert read_idx(path).tolist() == [0, 1, 2]


PLACES = {
    "missing folder": ("no/a", FileNotFoundError),
    "folder": ("folder", IsADirectoryError),
    "trailing slash": ("new/", IsADirectoryError),
    "empty": ("", FileNotFoundError),
    "url": ("s3://bucket/a", FileNotFoundError),
    "pipe": ("pipe", FormatError),
    "pipe.gz": ("pipe.gz", FormatError),
    "missing folder.gz": ("no/a.gz", FileNotFoundError),
    "xz": ("a.xz", FormatError),
    "zip": ("a.ZIP", FormatError),
}


@pytest.mark.parametrize("place", PLACES)
def test_places_that_cannot_be_written(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "folder").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    os.mkfifo("pipe")
    os.mkfifo("pipe.gz")
    before = sorted(os.listdir())
    name, kind = PLACES[place]

    def write_by_parts() -> None:
        with IdxWriter(name, "u1", ()):
            raise AssertionError("the block must not begin")

    for write in (lambda: write_idx(name, np.zeros(3, "u1")), write_by_parts):
        with pytest.raises(kind) as caught:
            write()
        error = caught.value
        named = error.filename if isinstance(error, OSError) else error.path
        assert named == name
        assert ".part" not in str(error)
    assert sorted(os.listdir()) == before
    assert os.listdir(tmp_path) == ["here"]


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_paths_that_are_bytes(name: str, tmp_path: Path) -> None:
    path: Any = os.fsencode(tmp_path / name)
    with pytest.raises(TypeError, match=r"bytes; pass a str"):
        write_idx(path, np.zeros(3, "u1"))
    with pytest.raises(TypeError, match=r"bytes; pass a str"):
        IdxWriter(path, "u1", ())
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_long_names_and_permission_bits(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / ("n" * (255 - len(suffix)) + suffix)
    write_idx(path, np.arange(3, dtype="u1"))
    path.chmod(0o600)
    write_idx(path, np.arange(4, dtype="u1"))
    assert path.stat().st_mode & 0o777 == 0o600
    with IdxWriter(path, "u1", ()) as out:
        out.extend(range(5))
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_idx(path).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_a_wider_dtype_must_not_make_a_file_that_cannot_be_read(
    name: str, tmp_path: Path
) -> None:
    array = np.empty((0, 2**31, 2**30), "f2")
    with pytest.raises(HeaderError, match="dims overflow"):
        write_idx(tmp_path / name, array, convert=True)
    assert os.listdir(tmp_path) == []


def test_bad_level_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="option|level"):
        write_idx(tmp_path / "a.gz", np.zeros(3, "u1"), level=10)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("dtype", ["u1", "i4"])
@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_overwriting_a_mapped_file(name: str, dtype: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write_idx(path, np.arange(5000).astype(dtype))
    mapped = open_idx(path)
    write_idx(path, mapped[::-1])
    assert np.array_equal(mapped, np.arange(5000).astype(dtype))
    assert np.array_equal(read_idx(path), mapped[::-1])


def test_changes_to_a_mapped_array_stay_in_it(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_idx(path, np.arange(9, dtype="u1"))
    before = path.read_bytes()
    mapped = open_idx(path)
    mapped[:] = 77
    assert path.read_bytes() == before
    assert open_idx(path).tolist() == list(range(9))


def test_raw_bytes_are_mapped_in_place(tmp_path: Path, cache_folder: Path) -> None:
    entries = set(os.listdir(cache_folder))
    path = tmp_path / "a"
    write_idx(path, np.zeros((64, MEGABYTE), "u1"))
    assert peak_nbytes(lambda: open_idx(path)) < MEGABYTE
    assert open_idx(path).shape == (64, MEGABYTE)
    assert set(os.listdir(cache_folder)) == entries


def test_paths_may_be_strings_or_pathlike(tmp_path: Path) -> None:
    class Place:
        def __fspath__(self) -> str:
            return str(tmp_path / "a.gz")

    write_idx(Place(), np.arange(3, dtype="u1"))
    assert (tmp_path / "a.gz").read_bytes()[:2] == b"\x1f\x8b"
    assert read_idx(str(tmp_path / "a.gz")).tolist() == [0, 1, 2]
    assert open_idx(Place()).tolist() == [0, 1, 2]
