"""Files that appear whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from idxdata.errors import PathLike


def temporary_sibling(path: Path) -> Path:
    """A name beside `path` that nobody else uses, told apart by its `.part` suffix."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")


@contextmanager
def atomic_write(path: PathLike) -> Iterator[BinaryIO]:
    """A binary file that replaces `path` when the block ends without an error.

    Until then it lies beside `path` under another name; after an error it is
    removed and `path` is as it was. Where `path` is a link, what it points to is
    replaced. A reader that has the old file open or mapped
    keeps the old bytes. Safe against a killed process, not against a power cut
    (nothing is fsynced). Raises `OSError` as `open` and `os.replace` do.
    """
    final = Path(os.path.realpath(path))
    part = temporary_sibling(final)
    try:
        with open(part, "xb") as file:
            yield file
        os.replace(part, final)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
