"""Rows by index into a batch: the one pass over memory that a batch costs.

Performs no validation: outputs are C-contiguous and have the sizes of their inputs,
and every index lies in 0 .. len(rows) - 1, which `gather_labels` and
`gather_one_hot` find out before anything is read by it.

`planes` is 1 for rows that keep their order. Otherwise a row holds so many numbers a
pixel, and they are delivered plane by plane: (h, w, planes) as (planes, h, w).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata._kernels.jit import kernel, kernel_part
from idxdata._kernels.scattered import prefetch_group, row_of

Rows = Any
"""uint8 (n, row's bytes), or `Scattered`: of those, row i goes to place i."""


@kernel
def gather_labels(
    labels: NDArray[Any], indices: NDArray[np.int64], out: NDArray[Any]
) -> int:
    """out[i] = labels[indices[i]] in out's dtype.

    Returns the first i whose index is out of range, where it stops, or -1.
    """
    for i in range(indices.size):
        if not 0 <= indices[i] < labels.size:
            return i
        out[i] = labels[indices[i]]
    return -1


@kernel
def gather_one_hot(
    labels: NDArray[Any], indices: NDArray[np.int64], out: NDArray[np.float32]
) -> int:
    """out[i] = 1 at labels[indices[i]] and 0 elsewhere; out: (m, classes).

    Returns the first i whose index or label is out of range, where it stops, or -1.
    """
    for i in range(indices.size):
        if not 0 <= indices[i] < labels.size:
            return i
        # Checked here too: whoever owns the labels may have changed them since.
        label = np.int64(labels[indices[i]])
        if not 0 <= label < out.shape[1]:
            return i
        out[i, :] = np.float32(0)
        out[i, label] = np.float32(1)
    return -1


@kernel_part
def _bytes_by_plane(row: NDArray[np.uint8], planes: int, to: NDArray[np.uint8]) -> None:
    size = to.size // planes
    if planes == 1:
        for j in range(size):
            to[j] = row[j]
    elif planes == 3:
        # A step that is known is another loop, with vectors in it: four times faster.
        for plane in range(3):
            for j in range(size):
                to[plane * size + j] = row[3 * j + plane]
    else:
        for plane in range(planes):
            for j in range(size):
                to[plane * size + j] = row[planes * j + plane]


@kernel_part
def _unit_by_plane(
    row: NDArray[np.uint8], planes: int, to: NDArray[np.float32]
) -> None:
    """The same as `_bytes_by_plane`, divided by 255.

    A true division: multiplying by float32(1/255) differs in the last bit for 126
    of the 256 values.
    """
    scale = np.float32(255)
    size = to.size // planes
    if planes == 1:
        for j in range(size):
            to[j] = np.float32(row[j]) / scale
    elif planes == 3:
        for plane in range(3):
            for j in range(size):
                to[plane * size + j] = np.float32(row[3 * j + plane]) / scale
    else:
        for plane in range(planes):
            for j in range(size):
                to[plane * size + j] = np.float32(row[planes * j + plane]) / scale


@kernel_part
def standardise(
    values: NDArray[np.float32], mean: NDArray[np.float32], std: NDArray[np.float32]
) -> None:
    """(values - mean) / std, number by number, in place."""
    for j in range(values.size):
        values[j] = (values[j] - mean[j]) / std[j]


@kernel
def gather_bytes(
    rows: Rows,
    indices: NDArray[np.int64],
    planes: int,
    out: NDArray[np.uint8],
) -> None:
    """out[i] = rows[indices[i]]."""
    for i in range(indices.size):
        prefetch_group(rows, indices, np.uint64(i))
        _bytes_by_plane(row_of(rows, indices, i), planes, out[i])


@kernel
def gather_unit(
    rows: Rows,
    indices: NDArray[np.int64],
    planes: int,
    out: NDArray[np.float32],
) -> None:
    """out[i] = rows[indices[i]] / 255."""
    for i in range(indices.size):
        prefetch_group(rows, indices, np.uint64(i))
        _unit_by_plane(row_of(rows, indices, i), planes, out[i])


@kernel
def gather_standard(
    rows: Rows,
    indices: NDArray[np.int64],
    planes: int,
    mean: NDArray[np.float32],
    std: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """out[i] = (rows[indices[i]] / 255 - mean) / std; mean, std: one a delivered number."""
    for i in range(indices.size):
        prefetch_group(rows, indices, np.uint64(i))
        _unit_by_plane(row_of(rows, indices, i), planes, out[i])
        standardise(out[i], mean, std)
