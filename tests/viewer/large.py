"""A file of 8.1 million images that takes no room: mostly a hole."""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idxdata.cache import open_idx
from idxdata.viewer.gallery import Gallery, Part

COUNT = 8_100_000
SIDE = 28
SPOTS = (0, COUNT // 2, COUNT - 512)
"""Where 512 images each are more than zeros."""


def spot_images(spot: int) -> NDArray[np.uint8]:
    """The 512 images from `spot` on: (512, 28, 28)."""
    return np.random.default_rng(spot).integers(0, 256, (512, SIDE, SIDE), np.uint8)


def label_of(rows: NDArray[np.int64] | int) -> NDArray[np.int64]:
    return np.asarray(rows) * 7 % 10


def make_large(folder: Path) -> Gallery | None:
    """The gallery of the two files, mapped in place; None if holes take room here."""
    images, labels = folder / "images-idx3-ubyte", folder / "labels-idx1-ubyte"
    with images.open("wb") as file:
        file.write(struct.pack(">IIII", 0x803, COUNT, SIDE, SIDE))
        file.truncate(16 + COUNT * SIDE * SIDE)
    if getattr(images.stat(), "st_blocks", 1 << 30) * 512 > 1 << 20:
        images.unlink()
        return None
    with images.open("r+b") as file:
        for spot in SPOTS:
            file.seek(16 + spot * SIDE * SIDE)
            file.write(spot_images(spot).tobytes())
    content = label_of(np.arange(COUNT)).astype(np.uint8)
    labels.write_bytes(struct.pack(">II", 0x801, COUNT) + content.tobytes())
    part = Part(open_idx(images), open_idx(labels))
    code = f"import idxdata\nimages = idxdata.open_idx({str(images)!r})"
    return Gallery("large", {"images": part}, None, code)
