"""Random numbers by position: no state, so none depends on what was drawn before.

All modulo 2^64. mix is the finaliser of splitmix64 (Steele, Lea and Flood 2014):

    fold(key, n) = mix(key + n + G),  G = 0x9E3779B97F4A7C15
    word(key, n) = mix(key + (n + 1) * G)

A key is made by folding numbers in, one after the other, beginning with key 0:
example_key = fold(fold(fold(fold(0, seed), epoch), use), row). `use` keeps the
numbers of different uses apart: those below 16 belong to orders (docs/order.md), the
others are named here.

Interpreted, uint64 scalars warn when they wrap: call under np.errstate(over="ignore").
"""

import numpy as np

from idxdata._kernels.jit import kernel

AUGMENTATION = np.uint64(16)
DROPOUT = np.uint64(17)

GAMMA = np.uint64(0x9E3779B97F4A7C15)
FACTOR_1 = np.uint64(0xBF58476D1CE4E5B9)
FACTOR_2 = np.uint64(0x94D049BB133111EB)
S16, S27, S30, S31 = np.uint64(16), np.uint64(27), np.uint64(30), np.uint64(31)
S40 = np.uint64(40)
LOW24 = np.uint64(0xFFFFFF)
ONE = np.uint64(1)
STEP = np.float32(2.0**-24)


@kernel
def mix(bits: np.uint64) -> np.uint64:
    """A bijection in which every bit of the result depends on every bit."""
    bits = (bits ^ (bits >> S30)) * FACTOR_1
    bits = (bits ^ (bits >> S27)) * FACTOR_2
    return bits ^ (bits >> S31)


@kernel
def fold(key: np.uint64, number: np.uint64) -> np.uint64:
    """The key of `number` below `key`."""
    return mix(key + number + GAMMA)


@kernel
def example_key(
    seed: np.uint64, epoch: np.uint64, use: np.uint64, row: np.uint64
) -> np.uint64:
    """The key of one example in one epoch for one use."""
    key = fold(fold(np.uint64(0), seed), epoch)
    return fold(fold(key, use), row)


@kernel
def word(key: np.uint64, n: np.uint64) -> np.uint64:
    """Number n of a key's random words: 64 bits."""
    return mix(key + (n + ONE) * GAMMA)


@kernel
def high24(bits: np.uint64) -> np.int64:
    """The upper 24 bits of a word, 0 to 2^24 - 1."""
    return np.int64(bits >> S40)


@kernel
def middle24(bits: np.uint64) -> np.int64:
    """The 24 bits below those, for a second number from one word."""
    return np.int64((bits >> S16) & LOW24)


@kernel
def symmetric(bits: np.int64) -> np.float32:
    """24 bits to a float32 of [-1, 1): bits / 2^23 - 1, exactly."""
    return np.float32(bits) * np.float32(2.0**-23) - np.float32(1)


@kernel
def uniform(key: np.uint64, n: np.uint64) -> np.float32:
    """A float32 in [0, 1), one of 2^24 equally likely: high24 / 2^24, exactly."""
    return np.float32(high24(word(key, n))) * STEP


@kernel
def below(key: np.uint64, n: np.uint64, count: int) -> np.int64:
    """An integer of 0 .. count - 1: floor(high24 * count / 2^24); count < 2^24."""
    return np.int64((high24(word(key, n)) * count) >> 24)
