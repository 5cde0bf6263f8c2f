"""libdeflate by way of the package deflate."""

from collections.abc import Callable

import deflate


def decoder(source: bytes, nbytes: int) -> Callable[[], bytearray]:
    """Output of each call is new memory."""
    return lambda: deflate.deflate_decompress(source, nbytes)
