"""ISA-L by way of the package isal."""

from collections.abc import Callable

from isal import isal_zlib


def decoder(source: bytes, nbytes: int) -> Callable[[], bytes]:
    """Output of each call is new memory."""
    return lambda: isal_zlib.decompress(source, -isal_zlib.MAX_WBITS, nbytes)
