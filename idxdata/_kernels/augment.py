"""Warp and erase: each example by its own random numbers, the same bits everywhere.

How an example comes about, stage by stage:

1. `_draw_map`     its numbers, composed to the map from output to source pixels
2. `displace`      the elastic field (elastic.py)
3. `pad`           one channel of the source inside a border of background
4. `shift`, `warp`, `warp_elastic`  bilinear samples (warp.py); the first where the
                   fractions of all positions are the same
5. `_erase`        a rectangle of background
6. the format's rule, as in gather.py

Performs no validation: augmentation.py bounds every amount. docs/batches.md has all of
the arithmetic.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from idxdata._kernels.elastic import displace, displace_size
from idxdata._kernels.gather import Rows, standardise
from idxdata._kernels.jit import kernel, kernel_part
from idxdata._kernels.random import (
    AUGMENTATION,
    below,
    example_key,
    high24,
    symmetric,
    uniform,
    word,
)
from idxdata._kernels.scattered import prefetch_group, row_of
from idxdata._kernels.warp import (
    ANGLE,
    BORDER,
    DOWN,
    FACTOR,
    HEIGHT,
    NUM_NUMBERS,
    NUM_TERMS,
    RIGHT,
    TANGENT,
    UNIT,
    WIDTH,
    XX,
    XY,
    YX,
    YY,
    inverse_map,
    pad,
    shift,
    warp,
    warp_elastic,
)

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]

# sizes, after HEIGHT and WIDTH; PLANES is 1 where the stored order is kept, else CHANNELS
CHANNELS, PLANES, ERASE_HEIGHT, ERASE_WIDTH, NUM_SIZES = range(2, 7)
SHIFT, ROTATE, SCALE, SHEAR, ALPHA, ERASE, NUM_AMOUNTS = range(7)
# an example's random words; those of DOWN to TANGENT draw its numbers
DRAW_ERASE, DRAW_HEIGHT, DRAW_WIDTH, DRAW_TOP, DRAW_LEFT = range(5, 10)


class Settings(NamedTuple):
    """What all examples share."""

    sizes: Positions  # (NUM_SIZES,)
    amounts: NDArray[np.float64]  # (NUM_AMOUNTS,)
    weights: Floats  # padded_weights of the smoothing; none for no elastic field
    mean: Floats  # one a delivered number; none for "unit" and "uint8"
    std: Floats


class Scratch(NamedTuple):
    """What one call needs beside its output; contents before and after are junk."""

    numbers: NDArray[np.float64]  # (NUM_NUMBERS,)
    terms: Positions  # (NUM_TERMS,)
    padded: Floats  # ((h + 2 * BORDER) * (w + 2 * BORDER),)
    fields: Floats  # (displace_size,)
    values: Floats  # (h * w * c,), or (0,) for float32 output


def new_scratch(settings: Settings, with_values: bool) -> Scratch:
    """For one call; `with_values` for output that is not float32."""
    height, width, channels = (int(side) for side in settings.sizes[:3])
    size = height * width
    return Scratch(
        np.empty(NUM_NUMBERS, np.float64),
        np.empty(NUM_TERMS, np.int64),
        np.empty((height + 2 * BORDER) * (width + 2 * BORDER), np.float32),
        np.empty(displace_size(height, width, settings.weights), np.float32),
        np.empty(size * channels if with_values else 0, np.float32),
    )


@kernel_part
def _draw(key: np.uint64, n: int) -> np.float64:
    return np.float64(symmetric(high24(word(key, np.uint64(n)))))


@kernel_part
def _draw_map(
    key: np.uint64, settings: Settings, numbers: NDArray[np.float64], terms: Positions
) -> None:
    amounts, sizes = settings.amounts, settings.sizes
    numbers[DOWN] = amounts[SHIFT] * _draw(key, DOWN)
    numbers[RIGHT] = amounts[SHIFT] * _draw(key, RIGHT)
    numbers[ANGLE] = amounts[ROTATE] * _draw(key, ANGLE)
    numbers[FACTOR] = 1.0 + amounts[SCALE] * _draw(key, FACTOR)
    numbers[TANGENT] = amounts[SHEAR] * _draw(key, TANGENT)
    inverse_map(numbers, sizes[HEIGHT], sizes[WIDTH], terms)


@kernel_part
def _erase(
    key: np.uint64, sizes: Positions, probability: float, values: Floats
) -> None:
    """With that probability, a rectangle of all channels becomes background."""
    if np.float64(uniform(key, np.uint64(DRAW_ERASE))) >= probability:
        return
    height, width, planes = sizes[HEIGHT], sizes[WIDTH], sizes[PLANES]
    tall = below(key, np.uint64(DRAW_HEIGHT), sizes[ERASE_HEIGHT]) + 1
    broad = below(key, np.uint64(DRAW_WIDTH), sizes[ERASE_WIDTH]) + 1
    top = below(key, np.uint64(DRAW_TOP), height - tall + 1)
    left = below(key, np.uint64(DRAW_LEFT), width - broad + 1)
    depth = sizes[CHANNELS] // planes
    for plane in range(planes):
        for y in range(top, top + tall):
            start = ((plane * height + y) * width + left) * depth
            values[start : start + broad * depth] = np.float32(0)


@kernel_part
def _augment(
    row: NDArray[np.uint8],
    key: np.uint64,
    settings: Settings,
    scratch: Scratch,
    values: Floats,
) -> None:
    """One example: 0 to 255 as float32, in the order it is delivered in."""
    sizes, amounts, terms = settings.sizes, settings.amounts, scratch.terms
    height, width, channels = sizes[HEIGHT], sizes[WIDTH], sizes[CHANNELS]
    planes = sizes[PLANES]
    _draw_map(key, settings, scratch.numbers, terms)
    elastic = settings.weights.size > 0
    if elastic:
        displace(key, height, width, settings.weights, scratch.fields)
    one, alpha = np.int64(UNIT), np.float32(amounts[ALPHA])
    shifted = terms[XX] == one and terms[YY] == one and terms[XY] == terms[YX] == 0
    for channel in range(channels):
        pad(row, channel, channels, width, scratch.padded)
        to, step = values[channel:], channels // planes
        if planes > 1:
            to = values[channel * height * width :]
        if elastic:
            warp_elastic(scratch.padded, sizes, terms, scratch.fields, alpha, to, step)
        elif shifted:
            shift(scratch.padded, sizes, terms, to, step)
        else:
            warp(scratch.padded, sizes, terms, to, step)
    _erase(key, sizes, amounts[ERASE], values)


@kernel
def augment_floats(
    rows: Rows,
    indices: NDArray[np.int64],
    stream: tuple[np.uint64, np.uint64],
    settings: Settings,
    scratch: Scratch,
    out: NDArray[np.float32],
) -> None:
    """out[i] = row indices[i], augmented, then by the rule of gather.py.

    `stream` is (seed, epoch); out: (m, h * w * c).
    """
    for i in range(indices.size):
        prefetch_group(rows, indices, np.uint64(i))
        key = example_key(stream[0], stream[1], AUGMENTATION, np.uint64(indices[i]))
        values = out[i]
        _augment(row_of(rows, indices, i), key, settings, scratch, values)
        scale = np.float32(255)
        for j in range(values.size):
            values[j] = values[j] / scale
        if settings.mean.size:
            standardise(values, settings.mean, settings.std)


@kernel
def augment_bytes(
    rows: Rows,
    indices: NDArray[np.int64],
    stream: tuple[np.uint64, np.uint64],
    settings: Settings,
    scratch: Scratch,
    out: NDArray[np.uint8],
) -> None:
    """out[i] = row indices[i], augmented, rounded half to even."""
    for i in range(indices.size):
        prefetch_group(rows, indices, np.uint64(i))
        key = example_key(stream[0], stream[1], AUGMENTATION, np.uint64(indices[i]))
        _augment(row_of(rows, indices, i), key, settings, scratch, scratch.values)
        to = out[i]
        for j in range(to.size):
            to[j] = np.uint8(np.int32(np.rint(scratch.values[j])))
