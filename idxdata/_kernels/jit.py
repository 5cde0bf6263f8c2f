"""The one way a kernel is compiled: no GIL, IEEE division, kept in numba's disk cache."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` at its first call with each set of argument types.

    `fastmath` stays off: a kernel's results must be the same bits on every
    machine, so no division becomes a multiplication and no sum is reordered.
    `error_model="numpy"` leaves out the division-by-zero branch, which would
    keep loops with a division from being vectorised.
    """
    try:
        compiled = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:
        # There is no folder that numba could write its cache to.
        return kernel_part(function)
    return cast("Callable[P, R]", compiled)


def kernel_part(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` as a part of the kernels that call it; not cached by itself."""
    compiled = numba.njit(nogil=True, error_model="numpy")(function)
    return cast("Callable[P, R]", compiled)
