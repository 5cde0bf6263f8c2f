"""What the tests of `read_idx` share: reading as the oracle does, in pieces of any size."""

from pathlib import Path

from idxdata import IdxDataError, gunzip, read_idx
from tests.strategies import PlainArray, plain, raw_idx

PIECE_SIZES = (1, 2, 3, 7, gunzip._PIECE_NBYTES)

MEGABYTE = 1 << 20

SMALL = {
    "u1": raw_idx(0x08, (2, 3), bytes(range(6))),
    "i2": raw_idx(0x0B, (1, 2), bytes(range(4))),
    "f8": raw_idx(0x0E, (1,), bytes(range(8))),
    "empty": raw_idx(0x0C, (0, 2), b""),
}


def read_plain(path: Path) -> PlainArray | None:
    """What read_idx finds, or None where it refuses; any other error is a failure."""
    try:
        return plain(read_idx(path))
    except IdxDataError as error:
        assert error.path == str(path)
        return None
