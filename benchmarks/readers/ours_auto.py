"""idxdata as users call it: it chooses the engine."""

from typing import Any

from numpy.typing import NDArray

import idxdata


def read(path: str) -> NDArray[Any]:
    """Raw or gzip; every checksum is checked."""
    return idxdata.read_idx(path)
