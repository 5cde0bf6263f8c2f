"""idxdata with its own kernel forced."""

from typing import Any

from numpy.typing import NDArray

import idxdata


def read(path: str) -> NDArray[Any]:
    """gzip; every checksum is checked."""
    return idxdata.read_idx(path, engine="numba")
