"""Writing values of other dtypes: converted where they fit, refused where they do not."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import HeaderError, IdxWriter, appending, read_idx, write_idx
from tests.reading import MEGABYTE
from tests.strategies import DTYPE_NAMES, Array, peak_nbytes

FITTING = {
    "bool": ([[True, False]], "uint8"),
    "uint16": ([[0, 65535]], "int32"),
    "uint32": ([[0, 2**31 - 1]], "int32"),
    "int64": ([[-(2**31), 2**31 - 1]], "int32"),
    "uint64": ([[0, 2**31 - 1]], "int32"),
    "float16": ([[0.1, -0.0, np.nan, np.inf, 6e-8]], "float32"),
    "longdouble": ([[0.5, -0.0, np.nan, -np.inf, 5e-324]], "float64"),
    ">i8": ([[3]], "int32"),
}
UNFITTING: dict[str, list[Any]] = {
    "uint32": [2**31],
    "int64": [2**31, -(2**31) - 1, 2**63 - 1],
    "uint64": [2**31, 2**64 - 1],
}
# Numbers around the limits of integers, and around 2^53, where float64 has gaps.
EDGES = sorted(
    {
        sign * (2**bits + step)
        for bits in (7, 8, 11, 15, 16, 24, 31, 32, 53, 63, 64)
        for step in (-1, 0, 1)
        for sign in (-1, 1)
    }
)
HAS_LONG_DOUBLES = np.dtype("longdouble") != np.float64
if HAS_LONG_DOUBLES:
    UNFITTING["longdouble"] = [np.longdouble(1) / 3, np.longdouble(2) ** 5000]


@pytest.mark.parametrize("dtype", [*DTYPE_NAMES, *FITTING])
@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_values_that_fit_are_converted(name: str, dtype: str, tmp_path: Path) -> None:
    values, written = FITTING.get(dtype, ([[1, 2]], dtype))
    array = np.array(values, dtype)
    for layout in (array, array.T, np.repeat(array, 2, axis=1)[:, ::2]):
        write_idx(tmp_path / name, layout, convert=True)
        back = read_idx(tmp_path / name)
        assert back.dtype.name == written
        assert np.array_equal(back, layout, equal_nan=back.dtype.kind == "f")
        assert np.array_equal(np.signbit(back), np.signbit(layout.astype(back.dtype)))


@pytest.mark.parametrize("dtype", UNFITTING)
def test_the_first_value_that_does_not_fit_is_named(dtype: str, tmp_path: Path) -> None:
    for value in UNFITTING[dtype]:
        array = np.zeros((3, 200_000), dtype)
        array[1, 150_000] = array[2, 3] = value
        for layout, index in ((array, (1, 150_000)), (array.T, (3, 2))):
            with pytest.raises(HeaderError) as caught:
                write_idx(tmp_path / "a", layout, convert=True)
            assert caught.value.found == f"{array[2, 3]!s} at index {index}"
            assert caught.value.path == str(tmp_path / "a")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("dtype", ["c8", "c16", "O", "S3", "U3", "M8[s]", "V2"])
def test_what_is_no_real_number_is_never_converted(dtype: str, tmp_path: Path) -> None:
    with pytest.raises(HeaderError) as caught:
        write_idx(tmp_path / "a", np.zeros(3, dtype), convert=True)
    assert caught.value.hint is None


@pytest.mark.parametrize("dtype", DTYPE_NAMES)
def test_exact_means_the_same_number_at_every_limit(dtype: str) -> None:
    sources: list[Any] = [
        np.array([edge], source)
        for source in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")
        for edge in EDGES
        if np.iinfo(source).min <= edge <= np.iinfo(source).max
    ]
    for source in ("f2", "f4", "f8", "longdouble"):
        with np.errstate(all="ignore"):
            edges = np.array(EDGES, object).astype(np.longdouble).astype(source)
        sources += [np.array([value]) for value in (*edges, np.inf, -np.inf, 0.5)]
    for array in sources:
        (number,) = array.tolist()
        assert exact(array, dtype) is holds(np.dtype(dtype), number), repr(array)


def exact(array: Array, dtype: str) -> bool:
    try:
        appending.check_exact(array, np.dtype(dtype))
    except HeaderError:
        return False
    return True


def holds(dtype: np.dtype[Any], number: Any) -> bool:
    """Whether `dtype` has `number`, which may be infinite, asked of plain Python."""
    if dtype.kind == "f":
        if not np.isfinite(number):
            return True
        bits, limit = (24, 2**128) if dtype.itemsize == 4 else (53, 2**1024)
        top, bottom = number.as_integer_ratio()
        while top and top % 2 == 0:
            top //= 2
        return abs(top) < 2**bits and abs(number) < limit and bottom <= 2
    limits = np.iinfo(dtype)
    return bool(
        np.isfinite(number)
        and int(number) == number
        and limits.min <= int(number) <= limits.max
    )


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("number", [2**53 + 1, 2**63 - 1, -(2**63) + 1, 2**64 - 1])
def test_integers_that_a_float_cannot_hold(
    number: int, dtype: str, tmp_path: Path
) -> None:
    with IdxWriter(tmp_path / "a", dtype, ()) as out:
        out.extend([2**24, -(2**63), 2**63, 2.0**64])
        for wrong in ([number], [0, number], [number, 0.5], [number, -1, np.nan]):
            with pytest.raises(HeaderError, match=str(number)):
                out.extend(wrong)
        with pytest.raises(HeaderError, match=str(number)):
            out.append(number)
    assert read_idx(tmp_path / "a").tolist() == [2**24, -(2**63), 2**63, 2**64]


def test_integers_in_a_list_of_floats_do_not_change(tmp_path: Path) -> None:
    for wrong in ([2**53 + 1, 0.5], [[2**64 - 1], [-1]], (np.int64(2**53 + 1), 0.5)):
        with pytest.raises(HeaderError, match="would change"):
            write_idx(tmp_path / "a", wrong)
    assert os.listdir(tmp_path) == []
    sound = [2**54, 0.5, 1e300, np.inf]
    write_idx(tmp_path / "a", sound)
    assert read_idx(tmp_path / "a").tolist() == sound


@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
def test_floats_just_above_an_integer_type(kind: str, tmp_path: Path) -> None:
    with IdxWriter(tmp_path / "a", "int32", ()) as out:
        for wrong in (2.0**31, -(2.0**40), np.inf, -np.inf, np.nan):
            with np.errstate(over="ignore"), pytest.raises(HeaderError):
                out.extend([np.dtype(kind).type(wrong)])


@pytest.mark.skipif(not HAS_LONG_DOUBLES, reason="long doubles are no wider here")
def test_a_long_double_is_shown_as_it_is(tmp_path: Path) -> None:
    for text in ("1e+4000", str(np.longdouble(1) / 3)):
        with pytest.raises(HeaderError) as caught:
            write_idx(tmp_path / "a", np.array([text], "longdouble"), convert=True)
        assert caught.value.found == f"{text} at index 0"


@given(
    value=st.floats(width=64) | st.integers(-300, 300).map(float),
    dtype=st.sampled_from(DTYPE_NAMES),
)
def test_exact_means_that_it_converts_back(value: float, dtype: str) -> None:
    array = np.array([value])
    with np.errstate(all="ignore"):
        back = array.astype(dtype).astype("f8")
    same = back.tobytes() == array.tobytes() or (np.isnan(value) and dtype[0] == "f")
    try:
        appending.check_exact(array, np.dtype(dtype))
        assert same
    except HeaderError:
        assert not same


def test_converting_needs_little_memory(tmp_path: Path) -> None:
    for array in (np.zeros((64, 1 << 15), "i8"), np.zeros((1 << 15, 64), "i8").T):
        peak = peak_nbytes(
            lambda a=array: write_idx(tmp_path / "a", a, convert=True)  # type: ignore[misc]
        )
        assert peak < 5 * MEGABYTE
