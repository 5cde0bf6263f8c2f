"""What the tests of the reading side draw from, and the oracles they compare with.

`parse_idx` is a second reader of the format in plain Python: it shares no line and
no table with the package, is slow, and is meant to be checked by eye.
"""

import gzip
import math
import struct
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Array = NDArray[Any]

# Dtype code: name, item size. From the format's page, not from the package.
IDX_TYPES = {
    0x08: ("uint8", 1),
    0x09: ("int8", 1),
    0x0B: ("int16", 2),
    0x0C: ("int32", 4),
    0x0D: ("float32", 4),
    0x0E: ("float64", 8),
}
DTYPE_NAMES = tuple(name for name, _ in IDX_TYPES.values())


@dataclass(frozen=True)
class PlainArray:
    """An array without NumPy: `content` holds the elements in native byte order."""

    dtype: str
    shape: tuple[int, ...]
    content: bytes


def parse_idx(data: bytes) -> PlainArray:
    """The oracle: the array in `data`, raw or gzip; ValueError if it holds none.

    Strict for raw data. For gzip data it trusts the standard library, so it is an
    oracle for sound files only.
    """
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in IDX_TYPES:
        raise ValueError("magic")
    name, itemsize = IDX_TYPES[data[2]]
    ndim = data[3]
    if not 1 <= ndim <= 64 or len(data) < 4 + 4 * ndim:
        raise ValueError("ndim")
    shape = struct.unpack(f">{ndim}I", data[4 : 4 + 4 * ndim])
    payload = data[4 + 4 * ndim :]
    if len(payload) != itemsize * math.prod(shape):
        raise ValueError("payload")
    if itemsize * math.prod(dim for dim in shape if dim) > sys.maxsize:
        raise ValueError("not an array that NumPy can hold")
    if sys.byteorder == "little" and itemsize > 1:
        items = range(0, len(payload), itemsize)
        payload = b"".join(payload[i : i + itemsize][::-1] for i in items)
    return PlainArray(name, shape, payload)


def plain(array: Array) -> PlainArray:
    """`array` as the oracle would describe it; bytes, so that NaNs compare."""
    native = array.astype(array.dtype.newbyteorder("="))
    return PlainArray(native.dtype.name, native.shape, native.tobytes())


def raw_idx(code: int, shape: tuple[int, ...], payload: bytes) -> bytes:
    """An IDX file written down by hand; nothing about it is checked."""
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape) + payload


def peak_nbytes(function: Callable[[], object]) -> int:
    """The most memory that `function` had allocated at a time, NumPy's included."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@st.composite
def shapes(draw: st.DrawFn) -> tuple[int, ...]:
    """1 to 64 dims, nearly all of them 1 where there are many; zeros occur."""
    ndim = draw(st.one_of(st.integers(1, 4), st.integers(1, 64)))
    dims = [1] * ndim
    for place in draw(st.lists(st.integers(0, ndim - 1), max_size=4)):
        dims[place] = draw(st.integers(0, 6))
    return tuple(dims)


# Every value of a byte, infinities, quiet and signalling NaNs with a payload.
_PATTERNS = (
    bytes(range(256)),
    bytes.fromhex("7f800001 ffc00abc 7f800000 ff800000 80000000"),
    bytes.fromhex("7ff0000000000001 fff8000000000abc 7ff0000000000000"),
)

_LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "reversed": lambda array: array[::-1].copy()[::-1],
}


@st.composite
def idx_arrays(draw: st.DrawFn) -> Array:
    """Arrays of all IDX dtypes, both byte orders, any shape and memory layout."""
    shape = draw(shapes())
    order = draw(st.sampled_from("<>"))
    dtype = np.dtype(draw(st.sampled_from(DTYPE_NAMES))).newbyteorder(order)
    pattern = draw(
        st.one_of(st.sampled_from(_PATTERNS), st.binary(min_size=1, max_size=40))
    )
    nbytes = math.prod(shape) * dtype.itemsize
    content = np.resize(np.frombuffer(pattern, np.uint8), nbytes)
    layout = draw(st.sampled_from(sorted(_LAYOUTS)))
    array = _LAYOUTS[layout](content.view(dtype).reshape(shape))
    array.flags.writeable = draw(st.booleans())
    return array


@st.composite
def edits(draw: st.DrawFn, data: bytes) -> bytes:
    """`data` after one to three edits: change, cut, insert, delete, swap."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 8)))
        kind = draw(st.sampled_from(("change", "cut", "insert", "delete", "swap")))
        if kind == "cut":
            data = data[:start]
        elif kind == "swap":
            data = data[:start] + data[start:stop][::-1] + data[stop:]
        elif kind == "delete":
            data = data[:start] + data[stop:]
        else:
            end = start if kind == "insert" else stop
            new = draw(st.binary(min_size=end - start, max_size=8))
            data = data[:start] + new + data[end:]
    return data
