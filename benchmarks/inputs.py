"""The files that are read: their names, where they lie, what is right about them."""

import gzip
import math
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import make_inputs
from idxdata.header import parse_header

DATA_VARIABLE = "IDXDATA_TEST_DATA"
_SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
_CHUNK_NBYTES = 1 << 20

MNIST = ("train-images", "train-labels", "t10k-images", "t10k-labels")
MNIST_IMAGES = "mnist-train-images.gz"
MNIST_RAW = "mnist-train-images"
TINY = "tiny-images.gz"
LARGE = ("large-images.gz", "large-images")
DEFAULT = (
    TINY,
    "mnist-t10k-labels.gz",
    "mnist-train-labels.gz",
    "mnist-t10k-images.gz",
    MNIST_IMAGES,
    "glyphs-train-images.gz",
    MNIST_RAW,
)
NAMES = DEFAULT + LARGE
"""From the smallest to the largest; a name ends in ".gz" where the file is gzip."""


class MissingInput(Exception):
    """An input that is not there and cannot be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Input:
    """One uint8 IDX file. CRC-32 of its payload, and of its whole raw form."""

    name: str
    path: Path
    shape: tuple[int, ...]
    payload_crc32: int
    raw_crc32: int

    @property
    def is_gzip(self) -> bool:
        """By its name, which the makers below keep to."""
        return self.name.endswith(".gz")

    @property
    def nbytes(self) -> int:
        """Of the payload, decompressed."""
        return math.prod(self.shape)

    @property
    def raw_nbytes(self) -> int:
        """Of header and payload, decompressed."""
        return self.nbytes + 4 + 4 * len(self.shape)


def prepare(name: str, folder: Path) -> Input:
    """Find or make the input and read it once; its bytes are in the page cache then.

    Made files lie in `folder` and are kept. Raises `MissingInput`.
    """
    return _describe(name, _find(name, folder))


def _find(name: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if name == MNIST_RAW:
        return make_inputs.unpacked(_mnist(MNIST[0]), folder / "mnist-raw")
    if name.startswith("mnist-"):
        return _mnist(name.removeprefix("mnist-").removesuffix(".gz"))
    if name == TINY:
        return make_inputs.glyphs(folder / "tiny", make_inputs.TINY_COUNT)
    if name == "glyphs-train-images.gz":
        return make_inputs.glyphs(folder / "glyphs", None)
    raw = make_inputs.large(folder / "large")
    return raw if name == "large-images" else make_inputs.packed(raw)


def _mnist(stem: str) -> Path:
    ndim = 3 if stem.endswith("images") else 1
    path = mnist_folder() / f"{stem}-idx{ndim}-ubyte.gz"
    if not path.is_file():
        raise MissingInput(f"no {path.name} in {path.parent}")
    return path.resolve()


def mnist_folder() -> Path:
    """Where its four files lie. Raises `MissingInput`."""
    base = Path(os.environ.get(DATA_VARIABLE) or _SHARED_DATA)
    for folder in (base / "mnist", base):
        if (folder / "train-images-idx3-ubyte.gz").is_file():
            return folder
    raise MissingInput(f"no MNIST in {base}: set {DATA_VARIABLE} to its folder")


def _describe(name: str, path: Path) -> Input:
    opener: Any = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        head: bytes = file.read(4)
        head += file.read(4 * head[3])
        payload_crc32, raw_crc32 = 0, zlib.crc32(head)
        while chunk := file.read(_CHUNK_NBYTES):
            payload_crc32 = zlib.crc32(chunk, payload_crc32)
            raw_crc32 = zlib.crc32(chunk, raw_crc32)
    shape = parse_header(head, path=path).shape
    return Input(name, path.resolve(), shape, payload_crc32, raw_crc32)
