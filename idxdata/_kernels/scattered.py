"""Rows that lie anywhere in memory, by their addresses; where rows of shards lie.

The kernels of gather.py and augment.py go over rows by `row_of` and `prefetch_group`,
which are compiled for what they are given: one array of all rows and row numbers, or
`Scattered` rows, one for each of the row numbers.

Performs no validation: every address is that of so many readable bytes, and every row
is one of the shards'.
"""

import ctypes
from typing import Any, NamedTuple

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

from idxdata._kernels.jit import kernel, kernel_part
from idxdata._kernels.prefetch import GROUP, LINE, MOST_LINES, prefetch_rows

_READ, _KEEP, _DATA = 0, 3, 1  # arguments of llvm.prefetch
_types: Any = types
carray: Any = numba.carray  # type: ignore[attr-defined]
_BYTES = _types.CPointer(types.uint8)


class Scattered(NamedTuple):
    """Row i is the `row_nbytes` bytes at `addresses[i]`."""

    addresses: NDArray[np.uint64]
    row_nbytes: int


@kernel
def locate(
    indices: NDArray[np.int64],
    first: int,
    starts: NDArray[np.int64],
    buckets: NDArray[np.int64],
    shift: int,
    bases: NDArray[np.uint64],
    row_nbytes: int,
    out: NDArray[np.uint64],
) -> int:
    """out[i] = the address of row first + indices[i], 0 where its shard has no base.

    Shard s has the rows from `starts[s]` on, up to `starts[s + 1]`, at `bases[s]`. The
    shards of the rows whose number shifted by `shift` is b are `buckets[b]` to
    `buckets[b + 1]`. Returns how many of `out` are 0.
    """
    missing = 0
    for i in range(indices.size):
        row = indices[i] + first
        bucket = row >> shift
        low, high = buckets[bucket], buckets[bucket + 1]
        while low < high:
            middle = (low + high + 1) >> 1
            if starts[middle] <= row:
                low = middle
            else:
                high = middle - 1
        out[i] = np.uint64(0)
        if bases[low]:
            within = np.uint64(row - starts[low]) * np.uint64(row_nbytes)
            out[i] = bases[low] + within
        else:
            missing += 1
    return missing


def _pointer(typing: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], ir.IntType(8).as_pointer())

    return _BYTES(types.uint64), generate


def _prefetch_at(typing: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number, pointer = ir.IntType(32), ir.IntType(8).as_pointer()
        hint = builder.module.declare_intrinsic(
            "llvm.prefetch",
            [pointer],
            ir.FunctionType(ir.VoidType(), [pointer, number, number, number]),
        )
        where = builder.inttoptr(args[0], pointer)
        builder.call(hint, [where, number(_READ), number(_KEEP), number(_DATA)])
        return context.get_dummy_value()

    return types.void(types.uint64), generate


pointer: Any = intrinsic(_pointer)
"""pointer(address): the address as numba's `carray` takes it."""
prefetch_at: Any = intrinsic(_prefetch_at)
"""prefetch_at(address): a hint that what lies there will be read soon."""

_config: Any = config
_HAS_HINTS = not (_config.DISABLE_JIT or _config.BOUNDSCHECK)


@kernel_part
def _prefetch_scattered(
    addresses: NDArray[np.uint64], row_nbytes: int, i: np.uint64
) -> None:
    """As `prefetch_rows`."""
    group = np.uint64(GROUP)
    if not _HAS_HINTS or i % group != np.uint64(0):
        return
    most = min(np.uint64(row_nbytes), np.uint64(MOST_LINES * LINE))
    for ahead in range(i, min(i + group, np.uint64(addresses.size))):
        for offset in range(np.uint64(0), most, np.uint64(LINE)):
            prefetch_at(addresses[ahead] + offset)


def row_of(rows: Any, indices: NDArray[np.int64], i: Any) -> NDArray[np.uint8]:
    """The bytes of the row that goes to place i: `rows[indices[i]]`, or the i-th."""
    if not isinstance(rows, Scattered):
        row: NDArray[np.uint8] = rows[indices[i]]
        return row
    # Without the compiler, for tests.
    kind: Any = ctypes.c_uint8 * int(rows.row_nbytes)
    return np.frombuffer(kind.from_address(int(rows.addresses[i])), np.uint8)


def prefetch_group(rows: Any, indices: NDArray[np.int64], i: Any) -> None:
    """Where a group of rows begins at place i: hints to load them, see prefetch.py."""


@overload(row_of, inline="always", strict=False)
def _row_of(rows: Any, indices: Any, i: Any) -> Any:
    if isinstance(rows, types.Array):
        return lambda rows, indices, i: rows[indices[i]]
    return lambda rows, indices, i: carray(
        pointer(rows.addresses[i]), (rows.row_nbytes,)
    )


@overload(prefetch_group, inline="always", strict=False)
def _prefetch_group(rows: Any, indices: Any, i: Any) -> Any:
    if isinstance(rows, types.Array):
        return lambda rows, indices, i: prefetch_rows(rows, indices, i)
    return lambda rows, indices, i: _prefetch_scattered(
        rows.addresses, rows.row_nbytes, i
    )
