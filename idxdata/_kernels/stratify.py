"""From places in a stratified batch to rows. docs/order.md has the construction.

Performs no validation: every place below the batch's size, `starts` ascending from
0 to rows.size, no class empty, batch_size and rows.size at most 2^32.
"""

import numpy as np
from numpy.typing import NDArray

from idxdata._kernels.jit import kernel
from idxdata._kernels.permute import Words, permute_one


@kernel
def stratify(
    batch_size: np.uint64,
    cell: np.uint64,
    rows: NDArray[np.uint32],
    starts: NDArray[np.int64],
    constants: Words,
    out: NDArray[np.int64],
) -> None:
    """Replace the places in `out` by rows.

    `cell` is the number of the full batch, or rows.size // batch_size for the
    short one. `constants` is (classes, 2, rounds).
    """
    one = np.uint64(1)
    n = np.uint64(rows.size)
    full = n // batch_size
    rest = n % batch_size
    for i in range(out.size):
        j = np.uint64(out[i])
        if cell == full:
            # Only cells with a row left over, of which there are `rest`.
            j = j * batch_size // rest
        # Below 2^64: j is below 2^32 by one at least, n at most 2^32.
        at = cell + (j * n + batch_size - one) // batch_size
        low = 0
        high = starts.size - 1
        while high - low > 1:
            middle = (low + high) >> 1
            if np.uint64(starts[middle]) <= at:
                low = middle
            else:
                high = middle
        first = np.uint64(starts[low])
        last = np.uint64(starts[low + 1]) - first - one
        member = permute_one(at - first, last, constants[low])
        out[i] = np.int64(rows[first + member])
