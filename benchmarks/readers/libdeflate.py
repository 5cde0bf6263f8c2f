"""libdeflate by way of the package deflate, the whole file at once."""

from typing import Any

import deflate
from numpy.typing import NDArray

from benchmarks.readers.payload import as_array


def read(path: str) -> NDArray[Any]:
    """gzip, the first member; CRC-32 is checked."""
    with open(path, "rb") as file:
        return as_array(deflate.gzip_decompress(file.read()))
