"""Rows by index into a batch: the one pass over memory that a batch costs.

Performs no validation: every index lies in 0 .. len(rows) - 1, and the output
arrays are C-contiguous and have the sizes of their inputs.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata._kernels.jit import kernel


@kernel
def gather_scaled(
    rows: NDArray[np.uint8],
    labels: NDArray[Any],
    indices: NDArray[np.int64],
    out_rows: NDArray[np.float32],
    out_labels: NDArray[np.int64],
) -> None:
    """out_rows[i] = rows[indices[i]] / 255, out_labels[i] = labels[indices[i]].

    A true division: multiplying by float32(1/255) differs in the last bit for 126
    of the 256 values.
    """
    scale = np.float32(255)
    for i in range(indices.size):
        source = indices[i]
        for j in range(rows.shape[1]):
            out_rows[i, j] = np.float32(rows[source, j]) / scale
        out_labels[i] = np.int64(labels[source])
