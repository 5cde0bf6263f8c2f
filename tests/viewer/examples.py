"""A small gallery with parts of every kind."""

import numpy as np
from numpy.typing import NDArray

from idxdata.viewer.gallery import Gallery, Part

COUNT = 700
COLUMNS = 16
CODE = "import idxdata\ndata = idxdata.load('small')"


def grey() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (COUNT, 28, 20), np.uint8)


def labels() -> NDArray[np.int16]:
    return np.random.default_rng(2).integers(-1, 3, COUNT).astype(np.int16)


def gallery() -> Gallery:
    colours = np.random.default_rng(3).integers(0, 256, (40, 9, 7, 3), np.uint8)
    floats = np.array([[[0.5, np.nan], [np.inf, -2.0]]], np.float32)
    wide = np.array([[[1 << 60, -(1 << 53)]]], np.int64)
    parts = {
        "train": Part(grey(), labels(), "data.train.images", "data.train.labels"),
        "test & <b>": Part(colours),
        "floats": Part(floats),
        "wide": Part(wide, np.array([1 << 63], np.uint64)),
        "none": Part(np.zeros((0, 4, 4), np.uint8), np.zeros(0, np.uint8)),
        "large": Part(np.zeros((2, 600, 500), np.uint8)),
    }
    return Gallery("small", parts, ("zero", "one"), CODE)
