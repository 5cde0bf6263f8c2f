"""Writing: example by example, with a level; and no value ever changes."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import HeaderError, IdxWriter, appending, read_idx, write_idx, writer
from tests.reading import MEGABYTE
from tests.strategies import Array, idx_arrays, peak_nbytes
from tests.test_idx_write import full_device

# Whole arrays


@given(array=idx_arrays(), name=st.sampled_from(["w", "w.gz"]), level=st.integers(0, 9))
def test_what_is_read_is_written_the_same(
    array: Array, name: str, level: int, place: Path
) -> None:
    write_idx(place / name, array, level=level)
    before = (place / name).read_bytes()
    write_idx(place / name, read_idx(place / name), level=level)
    assert (place / name).read_bytes() == before


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("dtype", ["u1", "<i2"])
def test_large_gz_output_does_not_depend_on_the_layout(
    dtype: str, level: int, tmp_path: Path
) -> None:
    array = np.arange(3 * 700_001).astype(dtype).reshape(3, 700_001)
    layouts = (
        array,
        array.astype(array.dtype.newbyteorder()),
        np.asfortranarray(array),
    )
    for number, layout in enumerate(layouts):
        write_idx(tmp_path / f"{number}.gz", layout, level=level)
        write_idx(tmp_path / f"{number}", layout)
    for suffix in (".gz", ""):
        assert len({(tmp_path / f"{i}{suffix}").read_bytes() for i in range(3)}) == 1


@pytest.mark.parametrize("name", ["a", "a.gz"])
@pytest.mark.parametrize("level", [-1, 10, 2**40])
def test_another_level_is_refused_for_every_name(
    level: int, name: str, tmp_path: Path
) -> None:
    for write in (
        lambda: write_idx(tmp_path / name, np.zeros(3, "u1"), level=level),
        lambda: IdxWriter(tmp_path / name, "u1", (), level=level),
    ):
        with pytest.raises(ValueError, match="0 to 9"):
            write()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("level", [1.5, "6", None])
def test_a_level_that_is_no_integer(level: Any, tmp_path: Path) -> None:
    for write in (
        lambda: write_idx(tmp_path / "a", np.zeros(3, "u1"), level=level),
        lambda: IdxWriter(tmp_path / "a", "u1", (), level=level),
    ):
        with pytest.raises(TypeError, match="level is an integer, 0 to 9"):
            write()
    assert os.listdir(tmp_path) == []


def test_masked_elements_are_refused(tmp_path: Path) -> None:
    array = np.ma.MaskedArray(np.arange(6, dtype="u1"), mask=[0, 1, 0, 0, 1, 0])
    with pytest.raises(HeaderError) as caught:
        write_idx(tmp_path / "a", array)
    assert caught.value.found == "2 masked elements of 6"
    with pytest.raises(HeaderError) as caught:
        write_idx(tmp_path / "a", array[:3])
    assert caught.value.found == "1 masked element of 3"
    with pytest.raises(HeaderError) as caught:
        write_idx(tmp_path / "a", [array.filled(7), array])
    assert caught.value.found == "2 masked elements of 6"
    assert os.listdir(tmp_path) == []
    for sound in (array.filled(7), np.ma.MaskedArray(np.arange(6, dtype="u1"))):
        write_idx(tmp_path / "a", sound)
        assert read_idx(tmp_path / "a").tolist() == sound.tolist()


def test_writing_where_blocks_cannot_be_reserved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(95, "not supported")

    array = np.arange(MEGABYTE, dtype="u1")
    for patched in (refuse, None):
        if patched:
            monkeypatch.setattr(os, "posix_fallocate", patched, raising=False)
        else:
            monkeypatch.delattr(os, "posix_fallocate")
        write_idx(tmp_path / "a", array)
        assert np.array_equal(read_idx(tmp_path / "a"), array)
        assert (tmp_path / "a").stat().st_size == 8 + MEGABYTE


# Example by example


@given(
    array=idx_arrays(),
    name=st.sampled_from(["x", "x.gz"]),
    level=st.integers(0, 9),
    data=st.data(),
)
def test_examples_make_the_file_of_the_whole_array(
    array: Array, name: str, level: int, data: st.DataObject, place: Path
) -> None:
    write_idx(place / name, array, level=level)
    expected = (place / name).read_bytes()
    other_order = array.dtype.newbyteorder()
    with IdxWriter(place / name, array.dtype, array.shape[1:], level=level) as out:
        start = 0
        while start < len(array):
            assert out.num_examples == start
            count = data.draw(st.integers(0, 3))
            part = array[start : start + count] if count else array[start]
            part = part.astype(data.draw(st.sampled_from([array.dtype, other_order])))
            (out.extend if count else out.append)(part)
            start += max(count, 1)
    assert (place / name).read_bytes() == expected


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_many_examples_in_little_memory(name: str, level: int, tmp_path: Path) -> None:
    array = np.arange(8 * MEGABYTE // 4, dtype="i4").reshape(-1, 32, 32)

    def write() -> None:
        with IdxWriter(tmp_path / name, "i4", (32, 32), level=level) as out:
            for example in array[:100]:
                out.append(example)
            out.extend(array[100:])

    assert peak_nbytes(write) < 4 * MEGABYTE
    write_idx(tmp_path / f"b{name}", array, level=level)
    assert (tmp_path / name).read_bytes() == (tmp_path / f"b{name}").read_bytes()


def test_numbers_and_lists_are_examples_too(tmp_path: Path) -> None:
    with IdxWriter(tmp_path / "a", "uint8", ()) as out:
        out.append(7)
        out.append(np.uint8(8))
        out.extend([9, 255, 1.0])
        out.extend([])
        for wrong in (256, -1, 0.5, "7", None, 1j, np.int64(3), [7]):
            with pytest.raises(HeaderError):
                out.append(wrong)
    assert read_idx(tmp_path / "a").tolist() == [7, 8, 9, 255, 1]


@pytest.mark.parametrize("shape", [(), (3,), (2, 0, 5)])
def test_an_empty_list_adds_nothing(shape: tuple[int, ...], tmp_path: Path) -> None:
    with IdxWriter(tmp_path / "a", "u1", shape) as out:
        out.extend([])
        out.extend(())
    assert read_idx(tmp_path / "a").shape == (0, *shape)


def test_an_empty_array_still_has_a_shape_and_a_dtype(tmp_path: Path) -> None:
    with IdxWriter(tmp_path / "a", "u1", (3,)) as out:
        for wrong in (np.empty(0, "u1"), np.empty((0, 3), "f4"), [[]]):
            with pytest.raises(HeaderError):
                out.extend(wrong)


WRONG: dict[str, tuple[str, Any]] = {
    "shape": ("append", np.zeros((3, 2), "i2")),
    "batch": ("append", np.zeros((1, 2, 3), "i2")),
    "example": ("extend", np.zeros((2, 3), "i2")),
    "batch shape": ("extend", np.zeros((4, 3, 2), "i2")),
    "no dims": ("extend", np.int16(3)),
    "dtype": ("extend", np.zeros((4, 2, 3), "i4")),
    "mask": ("append", np.ma.masked_less(np.zeros((2, 3), "i2"), 1)),
}


@pytest.mark.parametrize("name", ["a", "a.gz"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_example_is_refused_and_nothing_lost(
    wrong: str, name: str, tmp_path: Path
) -> None:
    method, value = WRONG[wrong]
    sound = np.arange(12, dtype="i2").reshape(2, 2, 3)
    with IdxWriter(tmp_path / name, "i2", (2, 3)) as out:
        out.append(sound[0])
        with pytest.raises(HeaderError):
            getattr(out, method)(value)
        out.extend(sound[1:])
    assert np.array_equal(read_idx(tmp_path / name), sound)


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [
        ("i8", ()),
        ("u1", (1,) * 64),
        ("u1", (2**32,)),
        ("u1", (-1,)),
        ("u1", (2**32 - 1, 2**32 - 1)),
        ("f8", (2**31, 0, 2**29)),
    ],
)
def test_writers_that_cannot_be(dtype: str, shape: Any, tmp_path: Path) -> None:
    with pytest.raises(HeaderError):
        IdxWriter(tmp_path / "a", dtype, shape)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("shape", ["28", "", b"28", (2.7,), (2, "8"), 28, None])
def test_shapes_that_are_no_integers(shape: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="shape is a sequence of integers"):
        IdxWriter(tmp_path / "a", "u1", shape)


def test_shapes_of_other_integers(tmp_path: Path) -> None:
    with IdxWriter(tmp_path / "a", "u1", np.zeros((2, 3)).shape) as out:
        out.append(np.ones((2, 3), "u1"))
    with IdxWriter(tmp_path / "b", "u1", np.array([2, 3])) as out:  # type: ignore[arg-type]
        out.append(np.ones((2, 3), "u1"))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_writer_has_a_dtype_of_idx(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="dtype is None"):
        IdxWriter(tmp_path / "a", None, ())
    with pytest.raises(HeaderError) as caught:
        IdxWriter(tmp_path / "a", "int64", ())
    assert caught.value.hint == "make it 'int32', and convert the examples"


def test_more_examples_than_can_be_read(tmp_path: Path) -> None:
    batch = np.empty((2**31, 0, 2**32 - 1), "u1")
    with IdxWriter(tmp_path / "a", "u1", (0, 2**32 - 1)) as out:
        out.extend(batch)
        with pytest.raises(HeaderError, match="number"):
            out.extend(batch)
    assert read_idx(tmp_path / "a").shape == batch.shape


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_the_file_lies_where_it_was_opened(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    with IdxWriter(name, "u1", ()) as out:
        monkeypatch.chdir("other")
        out.append(1)
    assert read_idx(tmp_path / name).tolist() == [1]


def test_more_examples_than_a_dim_holds(tmp_path: Path) -> None:
    with IdxWriter(tmp_path / "a", "u1", (0,)) as out:
        out.extend(np.empty((2**32 - 1, 0), "u1"))
        with pytest.raises(HeaderError):
            out.append(np.empty(0, "u1"))
    assert read_idx(tmp_path / "a").shape == (2**32 - 1, 0)


@pytest.mark.parametrize("old", [None, b"old"])
@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_nothing_is_seen_before_the_end_or_after_an_error(
    name: str, old: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / name
    if old:
        path.write_bytes(old)
    with pytest.raises(KeyboardInterrupt), IdxWriter(path, "u1", ()) as out:
        out.append(1)
        assert not path.exists() if old is None else path.read_bytes() == old
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ([name] if old else [])
    assert old is None or path.read_bytes() == old


def test_a_writer_writes_once(tmp_path: Path) -> None:
    out = IdxWriter(tmp_path / "a", "u1", ())
    with pytest.raises(ValueError, match="inside"):
        out.append(1)
    with out:
        out.append(1)
    with pytest.raises(ValueError, match="inside"):
        out.append(1)
    with pytest.raises(ValueError, match="one file"), out:
        pass
    with pytest.raises(FileNotFoundError), IdxWriter(tmp_path / "no" / "a", "u1", ()):
        pass
    assert read_idx(tmp_path / "a").tolist() == [1]


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_half_a_batch_does_not_stay(name: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, 3 * MEGABYTE, np.uint8)
    with IdxWriter(tmp_path / name, "u1", ()) as out:
        out.extend(noise[:100])
        with full_device(2 * MEGABYTE), pytest.raises(OSError):
            out.extend(noise)
        assert out.num_examples == 100
        out.extend(noise[100:200])
    assert np.array_equal(read_idx(tmp_path / name), noise[:200])


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_a_failure_at_the_end_leaves_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> Iterator[bytes]:
        raise OSError

    out = IdxWriter(tmp_path / name, "u1", ())
    with pytest.raises(OSError), out:
        out.extend(np.zeros(9, "u1"))
        monkeypatch.setattr(appending, "_write_all", broken)
        monkeypatch.setattr(appending, "deflate", broken)
    assert os.listdir(tmp_path) == []


def test_pieces_are_a_mebibyte_each() -> None:
    array = np.zeros((3, 700_001), "i4")
    for layout in (array, array.T, array.astype(">i4")):
        sizes = [len(piece) for piece in writer.idx_pieces(layout)]
        assert sizes[1:-1] == [MEGABYTE] * (len(sizes) - 2)
        assert sum(sizes) == 12 + array.nbytes
