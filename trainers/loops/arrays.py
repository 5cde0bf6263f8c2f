"""Arrays by name, looked at before a trainer takes them; no framework in it."""

import os
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.errors import CheckpointError
from trainers.layers import Shape
from trainers.optimizers import SGD, Optimizer, RMSprop

PathLike = str | os.PathLike[str]


def check_arrays(
    arrays: Mapping[str, Any],
    shapes: Mapping[str, Shape],
    *,
    integers: Collection[str] = (),
    path: PathLike | None = None,
) -> None:
    """`CheckpointError` unless `arrays` have exactly these names and shapes.

    Those named in `integers` hold integers, all others floating-point numbers, of any
    size. Arrays of NumPy's or tensors of PyTorch's; `path`: for the message.
    """
    for name in {**shapes, **arrays}:
        if name not in arrays:
            raise CheckpointError(f"no array {name!r}", path=path)
        if name not in shapes:
            raise CheckpointError(f"array {name!r} is not of this recipe", path=path)
        array = arrays[name]
        # By name, because PyTorch's dtypes, and bfloat16 anywhere, are not NumPy's.
        kind = "int" if name in integers else "float"
        if tuple(array.shape) != tuple(shapes[name]) or kind not in str(array.dtype):
            raise CheckpointError(
                f"array {name!r} is not as this recipe has it",
                path=path,
                expected=f"{tuple(shapes[name])} of {kind}s",
                found=f"{tuple(array.shape)} of {array.dtype}",
            )


def check_state(
    state: Mapping[str, NDArray[Any]], own: Mapping[str, NDArray[Any]]
) -> None:
    """`CheckpointError` unless a trainer can take on `state`.

    `own`: its `get_state`, of which `state` must have the names, the shapes and the kinds
    of numbers. "step" is at least 0.
    """
    integers = {name for name, x in own.items() if np.issubdtype(x.dtype, np.integer)}
    check_arrays(state, {name: x.shape for name, x in own.items()}, integers=integers)
    if state["step"] < 0:
        raise CheckpointError("the step is below 0", found=int(state["step"]))


def slot_names(optimizer: Optimizer) -> tuple[str, ...]:
    """What an optimiser keeps for each weight, by Keras's names, in Keras's order.

    "momentum" and "velocity": v of SGD, v of RMSprop, m and v of Adam.
    """
    if isinstance(optimizer, SGD):
        return ("momentum",) if optimizer.momentum else ()
    return ("velocity",) if isinstance(optimizer, RMSprop) else ("momentum", "velocity")
