"""A gzip file of one member, taken apart without checks, for engines that know DEFLATE."""

_FHCRC, _FEXTRA, _FNAME, _FCOMMENT = 0x02, 0x04, 0x08, 0x10
_FIXED_NBYTES = 10
_TRAILER_NBYTES = 8


def deflate_stream(data: bytes) -> bytes:
    """The raw DEFLATE stream between the header and the trailer of one member."""
    flags = data[3]
    start = _FIXED_NBYTES
    if flags & _FEXTRA:
        start += 2 + int.from_bytes(data[start : start + 2], "little")
    for flag in (_FNAME, _FCOMMENT):
        if flags & flag:
            start = data.index(0, start) + 1
    if flags & _FHCRC:
        start += 2
    return data[start:-_TRAILER_NBYTES]
