"""Input files made by code: small, middling, and 1 GB. The same bytes every time."""

import gzip
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idxdata import write_idx
from idxdata.atomic import atomic_write
from idxdata.header import build_header
from idxdata.synthetic import draw

TINY_COUNT = 13
"""Images of 784 bytes, so that the payload is about 10 KB."""

_IMAGES = "train-images-idx3-ubyte"
_LABELS = "train-labels-idx1-ubyte"
_LARGE_BLOCKS = 22
_SEED = 20_240_601

NUMBERED_COUNT = 10_200_000
NUMBERED_NBYTES = NUMBERED_COUNT * 784
_NUMBERED_BLOCK = 60_000


def glyphs(folder: Path, count: int | None) -> Path:
    """The first `count` training glyphs, all for None, labels beside them; gzip."""
    images_path = folder / f"{_IMAGES}.gz"
    if not images_path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        images, labels = draw("train", stop=count)
        write_idx(folder / f"{_LABELS}.gz", labels)
        write_idx(images_path, images)
    return images_path


def unpacked(path: Path, folder: Path) -> Path:
    """The raw file of a gzip file, in `folder`."""
    raw = folder / path.stem
    if not raw.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with gzip.open(path) as source, atomic_write(raw) as file:
            shutil.copyfileobj(source, file, 1 << 20)
    return raw


def packed(raw: Path) -> Path:
    """The gzip file of a raw one, beside it; some 40 s for 1 GB."""
    path = raw.with_name(raw.name + ".gz")
    if not path.is_file():
        header_nbytes = 16
        payload = np.memmap(raw, np.uint8, "r", header_nbytes)
        write_idx(path, payload.reshape(-1, 28, 28))
    return path


def large(folder: Path) -> Path:
    """1.03 GB of images, raw: glyphs, shifted and with noise anew for each block.

    Needs the memory of three blocks of 47 MB.
    """
    path = folder / _IMAGES
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    images, _labels = draw("train")
    shape = (_LARGE_BLOCKS * len(images), *images.shape[1:])
    random = np.random.default_rng(_SEED)
    with atomic_write(path) as file:
        file.write(build_header(images.dtype, shape))
        for _ in range(_LARGE_BLOCKS):
            file.write(_varied(images, random).data)
    return path


def _varied(
    images: NDArray[np.uint8], random: np.random.Generator
) -> NDArray[np.uint8]:
    """Another order, another place in the frame, the lowest bits of ink noisy."""
    block = images[random.permutation(len(images))]
    block = np.roll(block, random.integers(-3, 4, 2), axis=(1, 2))
    noise = random.integers(0, 4, block.shape, np.uint8)
    noise[block == 0] = 0
    block ^= noise
    return block


def numbered(images_path: Path, labels_path: Path, count: int = NUMBERED_COUNT) -> None:
    """Images of 28 x 28 random bytes, raw: 8 GB.

    The first four bytes of an image are its row number in little-endian order, and
    its label is that number's last decimal digit.
    """
    images_path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(_SEED)
    with atomic_write(images_path) as file:
        file.write(build_header(np.dtype(np.uint8), (count, 28, 28)))
        for first in range(0, count, _NUMBERED_BLOCK):
            numbers = np.arange(first, min(count, first + _NUMBERED_BLOCK), dtype="<u4")
            block = np.frombuffer(bytearray(random.bytes(784 * len(numbers))), np.uint8)
            rows = block.reshape(-1, 784)
            rows[:, :4] = numbers.view(np.uint8).reshape(-1, 4)
            file.write(rows.data)
    write_idx(labels_path, (np.arange(count) % 10).astype(np.uint8))
