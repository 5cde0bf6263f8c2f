"""A hint to the processor: load what will be read soon.

Rows picked at random defeat the hardware's own guesses. A hint changes no result, so
that with NUMBA_DISABLE_JIT=1 or NUMBA_BOUNDSCHECK=1 there is none.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic
from numba.np.arrayobj import make_array
from numpy.typing import NDArray

from idxdata._kernels.jit import kernel_part

LINE = 64
"""Bytes that one hint brings; where lines are longer, some hints are idle."""
GROUP = 16
"""Rows that are asked for together. While rows come from memory, hints in a row wait for
many lines at once, where stores between them would take up the places to wait in."""
MOST_LINES = 64
"""Of one row; the hardware notices by itself that a longer one goes on."""

_READ, _KEEP, _DATA = 0, 3, 1  # arguments of llvm.prefetch


def _prefetch(typing: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number, pointer = ir.IntType(32), ir.IntType(8).as_pointer()
        make: Any = make_array
        data = make(signature.args[0])(context, builder, args[0]).data
        hint = builder.module.declare_intrinsic(
            "llvm.prefetch",
            [pointer],
            ir.FunctionType(ir.VoidType(), [pointer, number, number, number]),
        )
        address = builder.bitcast(builder.gep(data, [args[1]]), pointer)
        builder.call(hint, [address, number(_READ), number(_KEEP), number(_DATA)])
        return context.get_dummy_value()

    return types.void(array, types.uint64), generate


@kernel_part
def _no_hint(array: NDArray[np.uint8], index: np.uint64) -> None:
    pass


_config: Any = config
prefetch: Any = (
    _no_hint if _config.DISABLE_JIT or _config.BOUNDSCHECK else intrinsic(_prefetch)
)
"""prefetch(array, index): array[index], of a C-contiguous array as if it were flat."""


@kernel_part
def prefetch_rows(
    rows: NDArray[np.uint8], indices: NDArray[np.int64], i: np.uint64
) -> None:
    """Where a group of rows begins at `i`: the rows, or beginnings, of the group."""
    group = np.uint64(GROUP)
    if i % group != np.uint64(0):
        return
    width = np.uint64(rows.shape[1])
    most = min(width, np.uint64(MOST_LINES * LINE))
    for ahead in range(i, min(i + group, np.uint64(indices.size))):
        start = np.uint64(indices[ahead]) * width
        for offset in range(np.uint64(0), most, np.uint64(LINE)):
            prefetch(rows, start + offset)
