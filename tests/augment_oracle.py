"""Augmentation in plain Python, from docs/batches.md and not from the kernel.

Integers, floats (which are float64) and lists only. Images are (h, w, c) as nested
lists; a result is exact: numbers of 1/65536 grey level.
"""

import math
import struct

GAMMA = 0x9E3779B97F4A7C15
PIXEL = 2**24
AUGMENTATION = 16

Plane = list[list[float]]
Image = list[list[list[int]]]


def to_float32(number: float) -> float:
    """Rounded once to float32. Of a sum or product of two float32 this is their
    float32 sum or product, since float64 has more than twice the digits."""
    return float(struct.unpack("<f", struct.pack("<f", number))[0])


def mix(bits: int) -> int:
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB % 2**64
    return bits ^ bits >> 31


def fold(*numbers: int) -> int:
    key = 0
    for number in numbers:
        key = mix((key + number + GAMMA) % 2**64)
    return key


def word(key: int, n: int) -> int:
    return mix((key + (n + 1) * GAMMA) % 2**64)


def fraction(bits: int) -> float:
    """[0, 1)"""
    return (bits >> 40) / 2**24


def symmetric(bits: int) -> float:
    """[-1, 1)"""
    return (bits >> 40) / 2**23 - 1


def cosine_sine(degrees: float) -> tuple[float, float]:
    quarter = math.floor(degrees / 90 + 0.5)
    t = (degrees - 90.0 * quarter) * (math.pi / 180)
    z = t * t
    cosine = sine = 1.0
    for k in (8, 7, 6, 5, 4, 3, 2, 1):
        cosine = 1.0 - cosine * z / (2 * k * (2 * k - 1))
        sine = 1.0 - sine * z / (2 * k * (2 * k + 1))
    sine = sine * t
    for _ in range(quarter % 4):
        cosine, sine = -sine, cosine
    return cosine, sine


def position(pixels: float) -> int:
    return math.floor(pixels * PIXEL + 0.5)


def source_map(
    numbers: tuple[float, float, float, float, float], height: int, width: int
) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """(x0, xx, xy) and (y0, yx, yy) for (down, right, angle, factor, tangent)."""
    down, right, angle, factor, tangent = numbers
    c, s = cosine_sine(angle)
    xx, xy = (c - tangent * s) / factor, (-s - tangent * c) / factor
    yx, yy = s / factor, c / factor
    mx, my = (width - 1) / 2, (height - 1) / 2
    x0 = mx - xx * (mx + right) - xy * (my + down)
    y0 = my - yx * (mx + right) - yy * (my + down)
    x_terms = (position(x0), position(xx), position(xy))
    return x_terms, (position(y0), position(yx), position(yy))


def drawn_numbers(
    key: int, shift: float, rotate: float, scale: float, shear: float
) -> tuple[float, float, float, float, float]:
    u = [symmetric(word(key, n)) for n in range(5)]
    return shift * u[0], shift * u[1], rotate * u[2], 1.0 + scale * u[3], shear * u[4]


def convolve(line: list[float], weights: list[float]) -> list[float]:
    radius = len(weights) // 2
    out = []
    for at in range(len(line)):
        total = 0.0
        for k, weight in enumerate(weights):
            if 0 <= at + k - radius < len(line):
                product = to_float32(weight * line[at + k - radius])
                total = to_float32(total + product)
        out.append(total)
    return out


def turned(plane: Plane) -> Plane:
    return [list(column) for column in zip(*plane, strict=True)]


def smooth(plane: Plane, weights: list[float]) -> Plane:
    """Down the columns first, then along the rows."""
    down = turned([convolve(column, weights) for column in turned(plane)])
    return [convolve(row, weights) for row in down]


def fields(
    key: int, height: int, width: int, weights: list[float]
) -> tuple[Plane, Plane]:
    """Smoothed noise for y and x, before alpha."""
    words = [
        [word(key, 64 + y * width + x) for x in range(width)] for y in range(height)
    ]
    down = [[symmetric(bits) for bits in row] for row in words]
    right = [[(bits >> 16) % 2**24 / 2**23 - 1 for bits in row] for row in words]
    return smooth(down, weights), smooth(right, weights)


def sample(image: Image, y: int, x: int, channel: int) -> int:
    """At a place in 1/256 of a pixel; in 1/65536 of a grey level."""
    row, column = y // 256, x // 256
    total = 0
    for j, wy in ((row, 256 - y % 256), (row + 1, y % 256)):
        for i, wx in ((column, 256 - x % 256), (column + 1, x % 256)):
            if 0 <= j < len(image) and 0 <= i < len(image[0]):
                total += wy * wx * image[j][i][channel]
    return total


def warp(
    image: Image,
    terms: tuple[tuple[int, int, int], tuple[int, int, int]],
    displacement: tuple[Plane, Plane] | None = None,
    alpha: float = 0.0,
) -> Image:
    (x0, xx, xy), (y0, yx, yy) = terms
    out: Image = []
    for y in range(len(image)):
        out.append([])
        for x in range(len(image[0])):
            px, py = x0 + xx * x + xy * y, y0 + yx * x + yy * y
            if displacement is not None:
                py += position(to_float32(to_float32(alpha) * displacement[0][y][x]))
                px += position(to_float32(to_float32(alpha) * displacement[1][y][x]))
            px, py = (px + 2**15) // 2**16, (py + 2**15) // 2**16
            channels = range(len(image[0][0]))
            out[-1].append([sample(image, py, px, channel) for channel in channels])
    return out


def rectangle(
    key: int, height: int, width: int, probability: float, share: float
) -> tuple[int, int, int, int] | None:
    """(top, left, rows, columns) of what is erased, if anything is."""
    if fraction(word(key, 5)) >= probability:
        return None

    def below(n: int, count: int) -> int:
        return (word(key, n) >> 40) * count // 2**24

    rows = 1 + below(6, max(1, math.floor(share * height)))
    columns = 1 + below(7, max(1, math.floor(share * width)))
    return below(8, height - rows + 1), below(9, width - columns + 1), rows, columns


def erase(image: Image, area: tuple[int, int, int, int] | None) -> Image:
    if area is None:
        return image
    top, left, rows, columns = area
    return [
        [
            [0] * len(pixel)
            if top <= y < top + rows and left <= x < left + columns
            else pixel
            for x, pixel in enumerate(line)
        ]
        for y, line in enumerate(image)
    ]


def to_bytes(image: Image) -> Image:
    """Round half to even; never above 255."""
    return [[[round(v / 65536) for v in pixel] for pixel in row] for row in image]
