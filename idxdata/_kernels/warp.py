"""Where pixels come from, and what lies there: bilinear samples of a mapped image.

Positions are integers, 2**-24 of a pixel, rounded to 1/256 for sampling; a sample is
then an integer below 2**24 over 2**16, which float32 holds exactly, in whatever order
it is summed. What rounds on the way to the map is float64 + - * / and floor, one at a
time; sine and cosine are polynomials.

Performs no validation: augmentation.py bounds every amount, so that no integer
overflows. `terms` and `numbers` are indexed by the names below.
"""

import numpy as np
from numpy.typing import NDArray

from idxdata._kernels.jit import kernel, kernel_part

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]

# an example's numbers: down and right in pixels, degrees, factor, tangent
DOWN, RIGHT, ANGLE, FACTOR, TANGENT, NUM_NUMBERS = range(6)
# the map: x = X0 + XX * column + XY * row, and y likewise
X0, XX, XY, Y0, YX, YY, NUM_TERMS = range(7)
# sides, int64, first of an image's sizes
HEIGHT, WIDTH = range(2)

BORDER = 2  # pixels of background about a padded image
UNIT = 2.0**24  # positions to a pixel
HALF = 32768  # positions: half of 1/256 pixel
RADIAN = 0.017453292519943295  # pi / 180


@kernel
def cosine_sine(degrees: float) -> tuple[float, float]:
    """Of an angle of -360 to 360 degrees; exact at multiples of 90.

    What is left of the nearest multiple of 90 goes into Taylor's polynomials, of
    degree 17 for the sine and 16 for the cosine, by Horner's rule.
    """
    quarter = np.floor(degrees / 90.0 + 0.5)
    t = (degrees - 90.0 * quarter) * RADIAN
    z = t * t
    s, c = 1.0, 1.0
    for k in range(8, 0, -1):
        s = 1.0 - s * z / float(2 * k * (2 * k + 1))
        c = 1.0 - c * z / float(2 * k * (2 * k - 1))
    s = s * t
    turns = np.int64(quarter) & 3
    if turns == 0:
        return c, s
    if turns == 1:
        return -s, c
    if turns == 2:
        return -c, -s
    return s, -c


@kernel_part
def _position(pixels: float) -> np.int64:
    """Rounded to a whole number of positions, halves up."""
    return np.int64(np.floor(pixels * UNIT + 0.5))


@kernel
def inverse_map(
    numbers: NDArray[np.float64], height: int, width: int, terms: Positions
) -> None:
    """Where output pixels come from, for an example's numbers.

    Forward: scale by FACTOR, shear (x += TANGENT * y), turn by ANGLE anticlockwise
    as seen on the screen, all about the image's centre, then move DOWN and RIGHT.
    """
    c, s = cosine_sine(numbers[ANGLE])
    factor, tangent = numbers[FACTOR], numbers[TANGENT]
    # The screen's y runs downwards, which turns the usual signs round.
    xx = (c - tangent * s) / factor
    xy = (-s - tangent * c) / factor
    yx = s / factor
    yy = c / factor
    middle_x, middle_y = (width - 1) / 2.0, (height - 1) / 2.0
    from_x, from_y = middle_x + numbers[RIGHT], middle_y + numbers[DOWN]
    terms[X0] = _position(middle_x - xx * from_x - xy * from_y)
    terms[Y0] = _position(middle_y - yx * from_x - yy * from_y)
    terms[XX] = _position(xx)
    terms[XY] = _position(xy)
    terms[YX] = _position(yx)
    terms[YY] = _position(yy)


@kernel_part
def pad(
    row: NDArray[np.uint8], channel: int, channels: int, width: int, padded: Floats
) -> None:
    """One channel as floats inside a border of BORDER zeros."""
    wide = width + 2 * BORDER
    padded[:] = np.float32(0)
    for y in range(padded.size // wide - 2 * BORDER):
        start = (y + BORDER) * wide + BORDER
        to = padded[start : start + width]
        if channels == 1:
            values = row[y * width : (y + 1) * width]
            for x in range(width):
                to[x] = np.float32(values[x])
        else:
            for x in range(width):
                to[x] = np.float32(row[(y * width + x) * channels + channel])


@kernel_part
def _clamp(pixel: int, side: int) -> int:
    """So that both neighbours of what lies outside are background."""
    return min(max(pixel, -BORDER), side)


@kernel_part
def shift(
    padded: Floats, sizes: Positions, terms: Positions, to: Floats, step: int
) -> None:
    """Samples where the map is a shift: four weights for the whole image."""
    height, width = sizes[HEIGHT], sizes[WIDTH]
    wide = width + 2 * BORDER
    px, py = (terms[X0] + HALF) >> 16, (terms[Y0] + HALF) >> 16
    fx, fy = np.float32(px & 255), np.float32(py & 255)
    gx, gy = np.float32(256) - fx, np.float32(256) - fy
    scale = np.float32(2.0**-16)
    w00, w01, w10, w11 = gy * gx, gy * fx, fy * gx, fy * fx
    px, py = px >> 8, py >> 8
    first, end = min(max(0, -1 - px), width), max(0, min(width, width - px))
    for j in range(height * width):
        to[j * step] = np.float32(0)
    if first >= end:
        return
    for y in range(height):
        start = (_clamp(y + py, height) + BORDER) * wide + BORDER + px
        upper = padded[start + first : start + end]
        right = padded[start + first + 1 : start + end + 1]
        lower = padded[start + wide + first : start + wide + end]
        corner = padded[start + wide + first + 1 : start + wide + end + 1]
        line = to[(y * width + first) * step :]
        if step == 1:
            for x in range(upper.size):
                total = upper[x] * w00 + right[x] * w01
                line[x] = (total + lower[x] * w10 + corner[x] * w11) * scale
        else:
            for x in range(upper.size):
                total = upper[x] * w00 + right[x] * w01
                line[x * step] = (total + lower[x] * w10 + corner[x] * w11) * scale


@kernel_part
def _sample(padded: Floats, height: int, width: int, py: int, px: int) -> np.float32:
    """The image at a place in 1/256 of a pixel."""
    wide = width + 2 * BORDER
    fx, fy = np.float32(px & 255), np.float32(py & 255)
    gx, gy = np.float32(256) - fx, np.float32(256) - fy
    row, column = _clamp(py >> 8, height), _clamp(px >> 8, width)
    at = np.uint64((row + BORDER) * wide + column + BORDER)
    below_at = at + np.uint64(wide)
    one = np.uint64(1)
    upper = padded[at] * gx + padded[at + one] * fx
    lower = padded[below_at] * gx + padded[below_at + one] * fx
    return np.float32((upper * gy + lower * fy) * np.float32(2.0**-16))


@kernel_part
def warp(
    padded: Floats, sizes: Positions, terms: Positions, to: Floats, step: int
) -> None:
    height, width = sizes[HEIGHT], sizes[WIDTH]
    for y in range(height):
        sx = terms[X0] + terms[XY] * y + HALF
        sy = terms[Y0] + terms[YY] * y + HALF
        for x in range(width):
            px = (sx + terms[XX] * x) >> 16
            py = (sy + terms[YX] * x) >> 16
            to[(y * width + x) * step] = _sample(padded, height, width, py, px)


@kernel_part
def warp_elastic(
    padded: Floats,
    sizes: Positions,
    terms: Positions,
    fields: Floats,
    alpha: np.float32,
    to: Floats,
    step: int,
) -> None:
    """The same with a displacement of its own for each pixel."""
    height, width = sizes[HEIGHT], sizes[WIDTH]
    size = height * width
    for y in range(height):
        sx = terms[X0] + terms[XY] * y + HALF
        sy = terms[Y0] + terms[YY] * y + HALF
        for x in range(width):
            at = x * height + y
            dy = _position(np.float64(alpha * fields[at]))
            dx = _position(np.float64(alpha * fields[size + at]))
            px = (sx + terms[XX] * x + dx) >> 16
            py = (sy + terms[YX] * x + dy) >> 16
            to[(y * width + x) * step] = _sample(padded, height, width, py, px)
