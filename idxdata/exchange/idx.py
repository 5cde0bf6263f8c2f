"""One array in an IDX file, raw or in any container that `read_idx` takes."""

from pathlib import Path

from idxdata.errors import FormatError, HeaderError, IdxDataError
from idxdata.exchange.content import Content, Part
from idxdata.idx import read_header, read_idx
from idxdata.writer import write_idx


def matches(path: Path) -> bool:
    """Whether the file's content begins as IDX, compressed or not."""
    try:
        read_header(path)
    except HeaderError as error:
        # A header that is wrong further on is IDX, and gets its own error.
        return error.what != "not an IDX magic" and error.offset != 0
    except IdxDataError:
        return False
    return True


def read(path: Path) -> Content:
    """The array as one unnamed part, in memory. Raises the errors of `read_idx`."""
    return Content({"": Part(read_idx(path))})


def write(content: Content, path: Path) -> None:
    """Write the one array, gzip if the name ends in ".gz".

    Raises `FormatError` where there are labels or several parts, and the errors of
    `write_idx`.
    """
    part = content.single
    if part is None:
        raise FormatError(
            "an IDX file holds one array",
            path=path,
            found="images and labels",
            hint="name a folder, and each gets a file of its own",
        )
    write_idx(path, part.data)
