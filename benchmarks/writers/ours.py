"""idxdata: under a temporary name, then renamed."""

from typing import Any

from numpy.typing import NDArray

import idxdata


def write(path: str, array: NDArray[Any]) -> None:
    """Header and payload."""
    idxdata.write_idx(path, array)
