"""idxdata as users call it: it chooses the engine."""

from typing import Any

from numpy.typing import NDArray

from idxdata import read_idx


def read(path: str) -> NDArray[Any]:
    """Raw or gzip; every checksum is checked."""
    return read_idx(path)
