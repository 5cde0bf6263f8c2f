"""The package mnist: its parser for one file."""

import gzip
from typing import Any

from mnist import parse_idx
from numpy.typing import NDArray


def read(path: str) -> NDArray[Any]:
    """Raw or gzip."""
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as file:
        array: NDArray[Any] = parse_idx(file)
    return array
