"""What tests of Ray Data share: uneven files, whole arrays, blocks put in order."""

import gzip
import io
import lzma
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from idxdata.writer import idx_pieces

Array = np.ndarray[Any, Any]


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside", data)
    return file.getvalue()


CONTAINERS = {
    "raw": bytes,
    "gz": lambda data: gzip.compress(data, 1),
    "xz": lambda data: lzma.compress(data, preset=0),
    "zip": zipped,
}


def idx_bytes(array: Array) -> bytes:
    return b"".join(idx_pieces(array))


def write(path: Path, array: Array, container: str = "raw") -> Path:
    path.write_bytes(CONTAINERS[container](idx_bytes(array)))
    return path


@dataclass(frozen=True)
class Shards:
    """Files, and the arrays that all of them are."""

    image_paths: list[Path]
    label_paths: list[Path]
    images: Array
    labels: Array


def make_shards(
    folder: Path,
    counts: Iterable[int],
    *,
    row_shape: tuple[int, ...] = (4, 5),
    dtype: str = "uint8",
    containers: Iterable[str] = ("raw",),
    seed: int = 0,
) -> Shards:
    """Random files of so many rows each, the containers in turn; labels as images are."""
    random = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True, parents=True)
    names = list(containers)
    paths: tuple[list[Path], list[Path]] = ([], [])
    arrays: tuple[list[Array], list[Array]] = ([], [])
    for number, count in enumerate(counts):
        size = (count, *row_shape)
        images = random.integers(0, 256, size, dtype=np.uint8).astype(dtype)
        labels = random.integers(0, 10, count, dtype=np.uint8)
        container = names[number % len(names)]
        for kind, array in enumerate((images, labels)):
            name = f"{number:03}-{('images', 'labels')[kind]}.{container}"
            paths[kind].append(write(folder / name, array, container))
            arrays[kind].append(array)
    return Shards(*paths, *map(np.concatenate, arrays))


def in_order(batches: Iterable[dict[str, Array]]) -> dict[str, Array]:
    """Columns of all batches by the numbers in "row"; each number is there once."""
    parts = list(batches)
    columns = {
        name: np.concatenate([part[name] for part in parts]) for name in parts[0]
    }
    order = np.argsort(columns["row"], kind="stable")
    columns = {name: column[order] for name, column in columns.items()}
    assert len(np.unique(columns["row"])) == len(order), "a row came twice"
    return columns


def same_bits(one: Array, other: Array) -> bool:
    return (
        one.dtype == other.dtype
        and one.shape == other.shape
        and one.tobytes() == other.tobytes()
    )
