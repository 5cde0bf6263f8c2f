"""idxdata's kernel into a ready buffer, whose pages exist before the first call.

numba is imported with this module, so that its import is told apart from what comes
of idxdata: importing the engine, and loading the kernel from the disk or compiling it.
"""

from collections.abc import Callable

import numba  # noqa: F401

# An inflater sees the stream's end only with room left in `out`.
SPARE_NBYTES = 1


def decoder(source: bytes, nbytes: int) -> Callable[[], memoryview]:
    """Output of each call is the same memory."""
    out = memoryview(bytearray(b"\1") * (nbytes + SPARE_NBYTES))
    return lambda: decode(source, out)


def decode(source: bytes, out: memoryview) -> memoryview:
    """Decode the whole stream into `out`; returns the part that it filled."""
    from idxdata.inflate import new_inflater

    inflater = new_inflater("numba")
    rest, filled, has_ended = memoryview(source), 0, False
    while not has_ended:
        consumed, produced, has_ended = inflater.inflate(rest, out, True, filled)
        if not (consumed or produced or has_ended):
            raise ValueError("the stream is cut short, or longer than it was said")
        rest, filled = rest[consumed:], filled + produced
    return out[:filled]
