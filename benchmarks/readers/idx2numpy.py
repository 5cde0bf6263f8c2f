"""The package idx2numpy; it does not open gzip files, its users do."""

import gzip
from typing import Any

import idx2numpy
from numpy.typing import NDArray


def read(path: str) -> NDArray[Any]:
    """Raw or gzip; the array is read-only."""
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as file:
        array: NDArray[Any] = idx2numpy.convert_from_file(file)
    return array
