"""The elastic field: noise for each pixel and axis, smoothed by a Gaussian.

Simard, Steinkraus, Platt: Best Practices for Convolutional Neural Networks, 2003.
All float32; each sum runs from the first weight to the last, so the bits are the same
everywhere. Performs no validation.
"""

import numpy as np
from numpy.typing import NDArray

from idxdata._kernels.jit import kernel, kernel_part
from idxdata._kernels.random import high24, middle24, symmetric, word

Floats = NDArray[np.float32]

TAPS = 4  # weights at a time
DRAW_NOISE = 64  # a pixel's random word, and one more for each pixel after it


def padded_weights(weights: Floats) -> Floats:
    """An odd number of weights between zeros: a multiple of TAPS, the middle at half."""
    count = -(-len(weights) // TAPS) * TAPS
    before = count // 2 - len(weights) // 2
    return np.pad(weights, (before, count - len(weights) - before))


def displace_size(height: int, width: int, weights: Floats) -> int:
    """Numbers that `displace` needs: fields, a plane between, and two with margins."""
    if not weights.size:
        return 0
    margins = weights.size * (height + width)
    return 5 * height * width + margins


@kernel_part
def _smooth_columns(padded: Floats, width: int, weights: Floats, out: Floats) -> None:
    """Each column convolved with the weights, first to last.

    padded: `out.size` numbers in rows of `width`, between weights.size // 2 rows of
    zeros on either side. Zeros added change no bit.
    """
    out[:] = np.float32(0)
    # Several weights a pass: one each would mostly load and store the sums.
    for k in range(0, weights.size, TAPS):
        w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        first = padded[k * width : k * width + out.size]
        second = padded[(k + 1) * width : (k + 1) * width + out.size]
        third = padded[(k + 2) * width : (k + 2) * width + out.size]
        fourth = padded[(k + 3) * width : (k + 3) * width + out.size]
        for j in range(out.size):
            total = out[j] + w0 * first[j]
            total = total + w1 * second[j]
            total = total + w2 * third[j]
            out[j] = total + w3 * fourth[j]


@kernel_part
def _transpose(source: Floats, height: int, width: int, out: Floats) -> None:
    """(height, width) to (width, height)."""
    for y in range(height):
        for x in range(width):
            out[x * height + y] = source[y * width + x]


@kernel
def displace(
    key: np.uint64, height: int, width: int, weights: Floats, scratch: Floats
) -> None:
    """The smoothed noise, before alpha: fields of y, then of x, at scratch's start.

    Each (width, height), that is transposed. weights: as `padded_weights` gives
    them; scratch: `displace_size` numbers.
    """
    size, radius = height * width, weights.size // 2
    middle = scratch[2 * size : 3 * size]
    columns = scratch[3 * size : 3 * size + (height + weights.size) * width]
    rows = scratch[3 * size + columns.size :]
    scratch[3 * size :] = np.float32(0)
    noise = columns[radius * width : radius * width + size]
    for axis in range(2):
        for j in range(size):
            bits = word(key, np.uint64(DRAW_NOISE) + np.uint64(j))
            noise[j] = symmetric(middle24(bits) if axis else high24(bits))
        _smooth_columns(columns, width, weights, middle)
        _transpose(middle, height, width, rows[radius * height :])
        _smooth_columns(rows, height, weights, scratch[axis * size : (axis + 1) * size])
