"""The header as a value: every byte of it, at its edges."""

import dataclasses
import math
import struct
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import HeaderError
from idxdata.header import MAX_DIM, build_header, header_nbytes, parse_header
from tests.strategies import DTYPE_NAMES, IDX_TYPES, parse_idx, raw_idx, shapes


@given(
    name=st.sampled_from(DTYPE_NAMES),
    order=st.sampled_from("<>=|"),
    shape=shapes(),
    after=st.binary(max_size=9),
)
def test_build_then_parse(
    name: str, order: str, shape: tuple[int, ...], after: bytes
) -> None:
    data = build_header(np.dtype(name).newbyteorder(order), shape)
    header = parse_header(data + after)
    assert header.dtype == np.dtype(name)
    assert header.dtype.isnative
    assert header.shape == shape
    assert header.offset == header_nbytes(data[:4]) == len(data) == 4 + 4 * len(shape)
    assert header.nbytes == math.prod(shape) * np.dtype(name).itemsize


@given(data=st.binary(max_size=24))
def test_parse_agrees_with_the_oracle(data: bytes) -> None:
    data = b"\0\0" + data
    try:
        header = parse_header(data)
    except HeaderError:
        with pytest.raises(ValueError, match="magic|ndim|NumPy|payload"):
            parse_idx(data)
        return
    code, ndim = data[2], data[3]
    assert header.dtype.name == IDX_TYPES[code][0]
    assert header.shape == struct.unpack_from(f">{ndim}I", data, 4)


@pytest.mark.parametrize("code", range(256))
def test_every_dtype_code(code: int) -> None:
    data = raw_idx(code, (3,), b"")
    if code in IDX_TYPES:
        header = parse_header(data)
        assert (header.dtype.name, header.dtype.itemsize) == IDX_TYPES[code]
        assert build_header(header.dtype, (3,)) == data
        return
    with pytest.raises(HeaderError) as caught:
        parse_header(data, path="p")
    assert (caught.value.path, caught.value.offset) == ("p", 2)
    assert caught.value.expected == "one of 08 09 0b 0c 0d 0e"
    assert caught.value.found == f"{code:02x}"


@pytest.mark.parametrize("ndim", range(256))
def test_every_ndim(ndim: int) -> None:
    data = raw_idx(0x08, (1,) * ndim, b"")
    if 1 <= ndim <= 64:
        assert parse_header(data).shape == (1,) * ndim
        return
    with pytest.raises(HeaderError) as caught:
        parse_header(data)
    assert (caught.value.offset, caught.value.expected) == (3, "1 to 64")
    assert caught.value.found == ndim


@pytest.mark.parametrize("magic", ["01 00 08 01", "00 01 08 01", "ff ff ff ff"])
def test_first_two_bytes_are_zero(magic: str) -> None:
    with pytest.raises(HeaderError) as caught:
        parse_header(bytes.fromhex(magic) + bytes(4))
    assert (caught.value.offset, caught.value.expected) == (0, "00 00")
    assert caught.value.found == magic[:5]


@pytest.mark.parametrize("ndim", [1, 2, 64])
def test_every_truncation(ndim: int) -> None:
    data = raw_idx(0x0B, (1,) * ndim, b"")
    for length in range(len(data)):
        with pytest.raises(HeaderError) as caught:
            parse_header(data[:length])
        assert caught.value.offset == length
        assert caught.value.found == f"{length} bytes"
    parse_header(data)


def test_nothing_at_all_is_said_to_be_empty() -> None:
    with pytest.raises(HeaderError) as caught:
        parse_header(b"")
    assert caught.value.hint == "the file is empty"


# 2**63 - 1 has divisors that fit the dims of an array.
LARGEST = (7 * 7 * 73 * 127 * 337, 92_737, 649_657)
# 2**64 + 4 elements: who multiplies in 64 bits finds the payload complete.
FOUR_MODULO_2_64 = (4 * 5 * 5581, 8681 * 49_477, 384_773)


@pytest.mark.skipif(sys.maxsize != 2**63 - 1, reason="a 64-bit machine's limit")
@pytest.mark.parametrize(
    ("code", "shape", "nbytes"),
    [
        (0x08, (MAX_DIM,), MAX_DIM),
        (0x0E, (MAX_DIM, 2**28), 8 * MAX_DIM * 2**28),
        (0x08, LARGEST, 2**63 - 1),
        (0x08, (0, MAX_DIM), 0),
        (0x0E, (MAX_DIM, 0), 0),
    ],
)
def test_largest_arrays(code: int, shape: tuple[int, ...], nbytes: int) -> None:
    assert parse_header(raw_idx(code, shape, b"")).nbytes == nbytes


@pytest.mark.parametrize(
    ("code", "shape"),
    [
        (0x08, (2**31, 2**31, 2)),
        (0x0B, LARGEST),
        (0x0E, (MAX_DIM, 2**29)),
        (0x08, FOUR_MODULO_2_64),
        (0x0C, (2**31, 2**31)),
        (0x08, (MAX_DIM,) * 64),
        # Empty, but NumPy refuses it too.
        (0x08, (0, MAX_DIM, MAX_DIM)),
    ],
)
def test_larger_arrays_are_refused(code: int, shape: tuple[int, ...]) -> None:
    data = raw_idx(code, shape, bytes(4))
    with pytest.raises(HeaderError) as caught:
        parse_header(data)
    assert caught.value.offset == 4
    assert str(sys.maxsize) in str(caught.value.expected)
    assert str(shape) in str(caught.value.found)
    with pytest.raises(ValueError, match="payload|NumPy"):
        parse_idx(data)


def test_the_limits_are_what_they_are_called() -> None:
    assert math.prod(LARGEST) == 2**63 - 1
    assert math.prod(FOUR_MODULO_2_64) == 2**64 + 4


@pytest.mark.parametrize(
    ("shape", "found"), [((), 0), ((1,) * 65, 65), ((3, 2**32), 2**32)]
)
def test_shapes_that_cannot_be_written(shape: tuple[int, ...], found: int) -> None:
    with pytest.raises(HeaderError) as caught:
        build_header(np.dtype("u1"), shape)
    assert caught.value.found == found
    assert (caught.value.hint is not None) == (shape == ())


def test_header_is_frozen() -> None:
    header = parse_header(raw_idx(0x08, (3,), b""))
    with pytest.raises(dataclasses.FrozenInstanceError):
        header.offset = 4  # type: ignore[misc]
