"""idxdata: under a temporary name, then renamed."""

from typing import Any

from numpy.typing import NDArray

from idxdata import write_idx


def write(path: str, array: NDArray[Any]) -> None:
    """Header and payload."""
    write_idx(path, array)
