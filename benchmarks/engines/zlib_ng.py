"""zlib-ng by way of the package zlib-ng."""

from collections.abc import Callable

from zlib_ng import zlib_ng


def decoder(source: bytes, nbytes: int) -> Callable[[], bytes]:
    """Output of each call is new memory."""
    return lambda: zlib_ng.decompress(source, -zlib_ng.MAX_WBITS, nbytes)
