"""Draw digits from skeletons: the same bits on every machine and at every version.

How an example comes about, stage by stage:

1. `_bits`       hash (stream, index, draw number) to 64 random bits: no state, so
                 an example depends on nothing but its own number
2. `_wobble`     move each pen point of the chosen variant a little
3. `_trace`      run a smooth curve through the points, as a polyline
4. `_transform`, `_place`  scale, shear, turn and shift it into the image
5. `_distances`  squared distance of each pixel's centre to the polyline
6. `_ink`        distance to brightness: a solid core, a soft edge, some grain

Why the bits hold. All but the distances is integer arithmetic in fixed point.
Those are float64, but what they add and subtract are products of integers, exact
far below 2**53, so that a fused multiply-add gives the same. What may round is one
product, one division and one square root, each on its own and each correctly
rounded by IEEE 754. No vector unit or maths library can do them differently.

Units: SUB = 256 units are one pixel; FRACTION = 2**16 is 1.0 for factors.

The ranges of `Vary` make the dataset as hard as it is (an MLP at 97 %, a CNN at
99 %). They, like SEED, are part of the dataset: a change changes its hashes.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from idxdata._kernels.jit import kernel

Integer = int | np.int64

SIDE = 28
SUB = 256
FRACTION_BITS = 16
FRACTION = 1 << FRACTION_BITS
PIECES = 4  # line segments that stand for the curve between two pen points
MAX_POINTS = 24  # of one variant
MAX_VERTICES = MAX_POINTS * PIECES
START = 0  # kinds of points, as in idxdata.skeletons
SMOOTH = 1

GRID = 64  # steps to a skeleton unit, which is a hundredth of the box


class Vary(NamedTuple):
    """A number that differs between examples: which draw it is, and its range."""

    draw: Integer
    low: Integer
    high: Integer


# As named tuples these are all of one type, so that each kernel is compiled once;
# plain integer constants would make numba compile it for every value.
LABEL = 0
VARIANT = 1
ROUNDNESS = Vary(2, 105, 155)  # tangent / (next point - previous), in 1/256
SIZE = Vary(3, 32_000, 63_000)  # SUB to a step of the grid: 12 to 24 pixels a box
ASPECT = Vary(4, 45_000, 86_000)  # width / height: 0.69 to 1.31
SHEAR = Vary(5, -42_000, 42_000)  # x to a step of y: -0.64 to 0.64
TURN = Vary(6, -16_000, 16_000)  # tangent of half the angle: -27 to 27 degrees
SHIFT = Vary(7, -1920, 1920)  # -7.5 to 7.5 pixels if there is room; draw 8 is y's
CORE = Vary(9, 150, 400)  # half of the stroke's width, to the middle of its edge
EDGE = Vary(10, 220, 420)  # width of the soft edge
LEVEL = Vary(11, 190, 255)  # brightness of the core
GRAIN = Vary(12, 0, 90)  # most brightness that a pixel may lose, in 1/256
STROKE = Vary(32, -5 * GRID, 5 * GRID)  # two draws a stroke
POINT = Vary(64, -10 * GRID, 10 * GRID)  # two draws a point, and two more
PIXEL = 128  # a draw a pixel

SEED = np.uint64(0x676C79706873_0001)
GAMMA = np.uint64(0x9E3779B97F4A7C15)
FACTOR_1 = np.uint64(0xBF58476D1CE4E5B9)
FACTOR_2 = np.uint64(0x94D049BB133111EB)
S16, S27, S30, S31 = np.uint64(16), np.uint64(27), np.uint64(30), np.uint64(31)
S32, S40, S48 = np.uint64(32), np.uint64(40), np.uint64(48)
LOW16 = np.uint64(0xFFFF)
ONE = np.uint64(1)


class Skeletons(NamedTuple):
    """idxdata.skeletons.SKELETONS as arrays, all int64."""

    points: NDArray[np.int64]  # (P, 3) x, y, kind of every point
    variants: NDArray[np.int64]  # (V, 2) first point and end of each variant
    classes: NDArray[np.int64]  # (C, 2) first variant and end of each class


class Scratch(NamedTuple):
    """What one thread needs beside its output; contents before and after are junk."""

    points: NDArray[np.int64]  # (MAX_POINTS, 2) x, y
    vertices: NDArray[np.int64]  # (MAX_VERTICES, 3) x, y, 0 where a stroke starts
    squares: NDArray[np.float64]  # (SIDE, SIDE) squared distances


def new_scratch() -> Scratch:
    """Return scratch for one thread, about 10 kB."""
    return Scratch(
        np.empty((MAX_POINTS, 2), dtype=np.int64),
        np.empty((MAX_VERTICES, 3), dtype=np.int64),
        np.empty((SIDE, SIDE), dtype=np.float64),
    )


@kernel
def _mix(bits: np.uint64) -> np.uint64:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014)."""
    bits = (bits ^ (bits >> S30)) * FACTOR_1
    bits = (bits ^ (bits >> S27)) * FACTOR_2
    return bits ^ (bits >> S31)


@kernel
def _key(stream: Integer, index: Integer) -> np.uint64:
    """Hash an example's name, below 2**32 each, to where its numbers begin."""
    name = (np.uint64(stream) << S32) | np.uint64(index)
    return _mix(SEED + _mix(name * GAMMA + GAMMA))


@kernel
def _bits(key: np.uint64, draw: Integer) -> np.uint64:
    """Number `draw` of an example's random numbers (splitmix64, by position)."""
    return _mix(key + (np.uint64(draw) + ONE) * GAMMA)


@kernel
def _uniform(key: np.uint64, vary: Vary) -> np.int64:
    """An integer of low..high, both possible."""
    part = np.int64(_bits(key, vary.draw) >> S40)
    return np.int64(vary.low + ((part * (vary.high - vary.low + 1)) >> 24))


@kernel
def _bell(key: np.uint64, vary: Vary, offset: Integer) -> np.int64:
    """An integer of low..high, bell-shaped: four 16-bit numbers summed.

    The standard deviation is 0.144 * (high - low). `offset` is added to the draw's
    number.
    """
    bits = _bits(key, vary.draw + offset)
    total = np.int64(bits & LOW16) + np.int64((bits >> S16) & LOW16)
    total += np.int64((bits >> S32) & LOW16) + np.int64(bits >> S48)
    return np.int64(vary.low + total * (vary.high - vary.low) // (4 * 65535))


@kernel
def _wobble(
    key: np.uint64,
    skeleton: NDArray[np.int64],
    points: NDArray[np.int64],
) -> None:
    """Centre the pen points, then move each stroke and each point a little.

    A point shares one of its two moves with the next, so that the pen drifts
    rather than jerks.
    """
    stroke = 0
    for i in range(skeleton.shape[0]):
        if skeleton[i, 2] == START:
            stroke += 1
        for axis in range(2):
            points[i, axis] = (
                (skeleton[i, axis] - 50) * GRID
                + _bell(key, STROKE, 2 * stroke + axis)
                + _bell(key, POINT, 2 * i + axis)
                + _bell(key, POINT, 2 * i + 2 + axis)
            )


@kernel
def _tangent(
    points: NDArray[np.int64],
    skeleton: NDArray[np.int64],
    i: Integer,
    other: Integer,
    axis: Integer,
) -> np.int64:
    """Next point less previous one at point i, for the span to its neighbour."""
    last = skeleton.shape[0] - 1
    inner = 0 < i < last and skeleton[i, 2] == SMOOTH
    if inner and skeleton[i + 1, 2] != START:
        return np.int64(points[i + 1, axis] - points[i - 1, axis])
    # At an end or a corner the curve leaves straight towards its neighbour.
    return np.int64(2 * (other - i) * (points[other, axis] - points[i, axis]))


@kernel
def _trace(
    key: np.uint64,
    skeleton: NDArray[np.int64],
    points: NDArray[np.int64],
    vertices: NDArray[np.int64],
) -> int:
    """Flatten cubic Hermite spans into vertices; return how many there are."""
    roundness = _uniform(key, ROUNDNESS)
    count = 0
    for i in range(skeleton.shape[0]):
        if skeleton[i, 2] == START:
            vertices[count, 0] = points[i, 0]
            vertices[count, 1] = points[i, 1]
            vertices[count, 2] = START
            count += 1
            continue
        for axis in range(2):
            here, there = points[i - 1, axis], points[i, axis]
            leave = _tangent(points, skeleton, i - 1, i, axis) * roundness >> 8
            arrive = _tangent(points, skeleton, i, i - 1, axis) * roundness >> 8
            for k in range(1, PIECES + 1):
                n = PIECES
                total = here * (2 * k**3 - 3 * k**2 * n + n**3)
                total += there * (3 * k**2 * n - 2 * k**3)
                total += leave * (k**3 - 2 * k**2 * n + k * n**2)
                total += arrive * (k**3 - k**2 * n)
                vertices[count + k - 1, axis] = total // n**3
                vertices[count + k - 1, 2] = SMOOTH
        count += PIECES
    return count


@kernel
def _transform(key: np.uint64, vertices: NDArray[np.int64]) -> None:
    """Scale, shear and rotate about the origin, from skeleton units to SUB."""
    size = _bell(key, SIZE, 0)
    aspect = _bell(key, ASPECT, 0)
    width = size * aspect >> FRACTION_BITS
    shear = _bell(key, SHEAR, 0)
    # tan(angle / 2) gives sine and cosine as fractions, without a maths library.
    half = _bell(key, TURN, 0)
    whole = FRACTION * FRACTION + half * half
    cosine = (FRACTION * FRACTION - half * half) * FRACTION // whole
    sine = 2 * half * FRACTION * FRACTION // whole
    for i in range(vertices.shape[0]):
        y = vertices[i, 1] * size >> FRACTION_BITS
        x = (vertices[i, 0] * width >> FRACTION_BITS) - (y * shear >> FRACTION_BITS)
        vertices[i, 0] = (cosine * x - sine * y) >> FRACTION_BITS
        vertices[i, 1] = (sine * x + cosine * y) >> FRACTION_BITS


@kernel
def _place(key: np.uint64, vertices: NDArray[np.int64], reach: Integer) -> None:
    """Centre, shift and, if need be, shrink, so that the outer pixels stay empty."""
    room = (SIDE - 2) * SUB - 2 * reach
    for axis in range(2):
        low = high = vertices[0, axis]
        for i in range(1, vertices.shape[0]):
            low = min(low, vertices[i, axis])
            high = max(high, vertices[i, axis])
        extent = min(high - low, room)
        shift = _bell(key, SHIFT, axis)
        free = (room - extent) // 2
        shift = min(max(shift, -free), free)
        corner = (SIDE * SUB - extent) // 2 + shift
        for i in range(vertices.shape[0]):
            offset = vertices[i, axis] - low
            if high - low > room:
                offset = offset * room // (high - low)
            vertices[i, axis] = corner + offset


@kernel
def _pixels(low: Integer, high: Integer, reach: Integer) -> tuple[Integer, Integer]:
    """First pixel and end of those whose centre may be within reach of low..high."""
    first = (low - reach) // SUB
    end = (high + reach) // SUB + 1
    return max(first, 0), min(end, SIDE)


@kernel
def _distances(
    vertices: NDArray[np.int64], reach: Integer, squares: NDArray[np.float64]
) -> None:
    """Squared distance to the nearest segment; far pixels keep a huge number."""
    squares[:] = 1e12
    for i in range(1, vertices.shape[0]):
        if vertices[i, 2] == START:
            continue
        x0, y0 = vertices[i - 1, 0], vertices[i - 1, 1]
        x1, y1 = vertices[i, 0], vertices[i, 1]
        left, right = _pixels(min(x0, x1), max(x0, x1), reach)
        top, bottom = _pixels(min(y0, y1), max(y0, y1), reach)
        dx, dy = float(x1 - x0), float(y1 - y0)
        length = dx * dx + dy * dy
        for row in range(top, bottom):
            py = float(row * SUB + SUB // 2 - y0)
            for column in range(left, right):
                px = float(column * SUB + SUB // 2 - x0)
                along = px * dx + py * dy
                if along <= 0.0:
                    square = px * px + py * py
                elif along >= length:
                    square = (px - dx) * (px - dx) + (py - dy) * (py - dy)
                else:
                    across = px * dy - py * dx
                    square = across * across / length
                squares[row, column] = min(squares[row, column], square)


@kernel
def _ink(
    key: np.uint64,
    squares: NDArray[np.float64],
    reach: Integer,
    edge: Integer,
    image: NDArray[np.uint8],
) -> None:
    """Turn distances into brightness; beyond reach a pixel is exactly 0."""
    level = _uniform(key, LEVEL)
    grain = _uniform(key, GRAIN)
    for row in range(SIDE):
        for column in range(SIDE):
            inside = reach - np.int64(math.sqrt(squares[row, column]))
            if inside <= 0:
                image[row, column] = 0
                continue
            # u in 1/256 of the way up the edge, then the smooth step u*u*(3 - 2u)
            u = min(np.int64(inside * 256 // edge), np.int64(256))
            value = level * (u * u * (768 - 2 * u)) >> 24
            loss = _uniform(key, Vary(PIXEL + row * SIDE + column, 0, grain))
            image[row, column] = value * (256 - loss) >> 8


@kernel
def draw_glyphs(
    stream: int,
    start: int,
    skeletons: Skeletons,
    scratch: Scratch,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
) -> None:
    """Draw examples start, start + 1, ... of a stream until the outputs are full.

    images: (n, SIDE, SIDE) and labels: (n,), overwritten. Thread-safe with a
    scratch for each thread. Performs no validation: stream and indices must be
    of 0..2**32 - 1, and a variant must not have more than MAX_POINTS points.
    """
    forms = skeletons.classes
    for n in range(labels.shape[0]):
        key = _key(stream, start + n)
        label = _uniform(key, Vary(LABEL, 0, forms.shape[0] - 1))
        form = _uniform(key, Vary(VARIANT, forms[label, 0], forms[label, 1] - 1))
        first, end = skeletons.variants[form, 0], skeletons.variants[form, 1]
        skeleton = skeletons.points[first:end]
        edge = _uniform(key, EDGE)
        reach = _uniform(key, CORE) + edge // 2
        _wobble(key, skeleton, scratch.points)
        count = _trace(key, skeleton, scratch.points, scratch.vertices)
        vertices = scratch.vertices[:count]
        _transform(key, vertices)
        _place(key, vertices, reach)
        _distances(vertices, reach, scratch.squares)
        _ink(key, scratch.squares, reach, edge, images[n])
        labels[n] = label
