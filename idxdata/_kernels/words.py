"""Eight or sixteen bytes at once, at any address: what NumPy indexing cannot say.

Performs no validation: every byte named lies inside its array. With
NUMBA_DISABLE_JIT=1 or NUMBA_BOUNDSCHECK=1 the same functions go byte by byte
through ordinary indexing, so that a byte outside is an IndexError.
"""

import sys
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic
from numba.np.arrayobj import make_array
from numpy.typing import NDArray

from idxdata._kernels.jit import kernel_part

Bytes = NDArray[np.uint8]

_WORD = ir.IntType(64)
_VECTOR = ir.VectorType(ir.IntType(8), 16)


def _address(context: Any, builder: Any, signature: Any, args: Any, place: int) -> Any:
    """The address of element args[place] of the array args[0]."""
    make: Any = make_array
    array = make(signature.args[0])(context, builder, args[0])
    return builder.gep(array.data, [args[place]])


def _load(context: Any, builder: Any, address: Any, kind: ir.Type) -> Any:
    return builder.load(builder.bitcast(address, kind.as_pointer()), align=1)


def _store(context: Any, builder: Any, address: Any, value: Any) -> None:
    builder.store(value, builder.bitcast(address, value.type.as_pointer()), align=1)


def _load64(typing: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = _address(context, builder, signature, args, 1)
        return _load(context, builder, address, _WORD)

    return types.uint64(array, types.uint64), generate


def _copy(kind: ir.Type) -> Any:
    def copy(typing: Any, array: Any, to: Any, start: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            source = _address(context, builder, signature, args, 2)
            value = _load(context, builder, source, kind)
            _store(
                context, builder, _address(context, builder, signature, args, 1), value
            )
            return context.get_dummy_value()

        return types.void(array, types.uint64, types.uint64), generate

    return copy


def _fill16(typing: Any, array: Any, to: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lane, lanes = ir.IntType(32), ir.VectorType(ir.IntType(32), 16)
        vector = builder.insert_element(
            ir.Constant(_VECTOR, ir.Undefined), args[2], lane(0)
        )
        vector = builder.shuffle_vector(vector, vector, ir.Constant(lanes, [0] * 16))
        _store(context, builder, _address(context, builder, signature, args, 1), vector)
        return context.get_dummy_value()

    return types.void(array, types.uint64, types.uint8), generate


@kernel_part
def _load64_bytewise(array: Bytes, index: np.uint64) -> np.uint64:
    word = np.uint64(0)
    for i in range(8):
        byte = np.uint64(array[index + np.uint64(i)])
        word |= byte << np.uint64(8 * i)
    return word


@kernel_part
def _copy8_bytewise(array: Bytes, to: np.uint64, start: np.uint64) -> None:
    for i in range(8):
        array[to + np.uint64(i)] = array[start + np.uint64(i)]


@kernel_part
def _copy16_bytewise(array: Bytes, to: np.uint64, start: np.uint64) -> None:
    for i in range(16):
        array[to + np.uint64(i)] = array[start + np.uint64(i)]


@kernel_part
def _fill16_bytewise(array: Bytes, to: np.uint64, value: np.uint8) -> None:
    for i in range(16):
        array[to + np.uint64(i)] = value


_config: Any = config
_BYTEWISE = _config.DISABLE_JIT or _config.BOUNDSCHECK or sys.byteorder == "big"

load64: Any = _load64_bytewise if _BYTEWISE else intrinsic(_load64)
"""load64(array, index): array[index : index + 8] as a little-endian number."""
copy8: Any = _copy8_bytewise if _BYTEWISE else intrinsic(_copy(_WORD))
"""copy8(array, to, start): 8 bytes from `start` on move to `to`. Where they overlap,
only the first `to` - `start` of them are sure to arrive."""
copy16: Any = _copy16_bytewise if _BYTEWISE else intrinsic(_copy(_VECTOR))
"""copy16(array, to, start): the same with 16 bytes."""
fill16: Any = _fill16_bytewise if _BYTEWISE else intrinsic(_fill16)
"""fill16(array, to, value): 16 bytes of `value`."""
