"""Eight or sixteen bytes at once, at any address: what NumPy indexing cannot say.

Performs no validation: every byte named lies inside its array. With
NUMBA_DISABLE_JIT=1 or NUMBA_BOUNDSCHECK=1 the same functions go byte by byte
through ordinary indexing, so that a byte outside is an IndexError.
"""

import sys
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array
from numpy.typing import NDArray

from idxdata._kernels.jit import kernel_part

Bytes = NDArray[np.uint8]

_WORD = ir.IntType(64)
_VECTOR = ir.VectorType(ir.IntType(8), 16)


def _address(context: Any, builder: Any, signature: Any, args: Any, place: int) -> Any:
    """The address of element args[place] of the array args[0]."""
    array = make_array(signature.args[0])(context, builder, args[0])
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


if config.DISABLE_JIT or config.BOUNDSCHECK or sys.byteorder == "big":

    @kernel_part
    def load64(array: Bytes, index: np.uint64) -> np.uint64:
        """array[index : index + 8] as a little-endian number."""
        word = np.uint64(0)
        for i in range(8):
            byte = np.uint64(array[index + np.uint64(i)])
            word |= byte << np.uint64(8 * i)
        return word

    @kernel_part
    def copy8(array: Bytes, to: np.uint64, start: np.uint64) -> None:
        """array[to : to + 8] = array[start : start + 8], for start + 8 <= to."""
        for i in range(8):
            array[to + np.uint64(i)] = array[start + np.uint64(i)]

    @kernel_part
    def copy16(array: Bytes, to: np.uint64, start: np.uint64) -> None:
        """array[to : to + 16] = array[start : start + 16], for start + 16 <= to."""
        for i in range(16):
            array[to + np.uint64(i)] = array[start + np.uint64(i)]

    @kernel_part
    def fill16(array: Bytes, to: np.uint64, value: np.uint8) -> None:
        """array[to : to + 16] = value."""
        for i in range(16):
            array[to + np.uint64(i)] = value

else:
    load64, fill16 = intrinsic(_load64), intrinsic(_fill16)
    copy8, copy16 = intrinsic(_copy(_WORD)), intrinsic(_copy(_VECTOR))
