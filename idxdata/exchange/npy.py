"""One array in an .npy file, by NumPy; never anything that runs code."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.atomic import atomic_write
from idxdata.errors import FormatError, PathLike
from idxdata.exchange.content import Content, Part

MAGIC = b"\x93NUMPY"


def matches(path: Path) -> bool:
    """Whether the file begins as an .npy does."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read(path: Path) -> Content:
    """The array as one unnamed part, in memory. Raises `FormatError`."""
    with defects_named(path), path.open("rb") as file:
        array = np.load(file, allow_pickle=False)
        if file.read(1):
            raise FormatError(
                "bytes behind the array", path=path, offset=file.tell() - 1
            )
    return Content({"": Part(checked(array, path))})


def write(content: Content, path: Path) -> None:
    """Write the one array. Raises `FormatError` where there are labels or parts."""
    part = content.single
    if part is None:
        raise FormatError(
            "an .npy file holds one array",
            path=path,
            found="images and labels",
            hint="an .npz holds several",
        )
    with atomic_write(path) as file:
        np.save(file, part.data, allow_pickle=False)


def checked(array: NDArray[Any], path: PathLike) -> NDArray[Any]:
    """`array` in native byte order and C order. `FormatError` for other than numbers."""
    if array.dtype.kind not in "iufb":
        raise FormatError(
            "not an array of numbers", path=path, found=f"dtype {array.dtype}"
        )
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))


@contextmanager
def defects_named(path: PathLike) -> Iterator[None]:
    """Turn what NumPy raises for damaged files into `FormatError`."""
    try:
        yield
    except FormatError:
        raise
    # Of damaged headers and archives NumPy and zipfile raise nearly everything.
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        text = " ".join(str(error).split()) or type(error).__name__
        hint = None
        if "pickle" in text.lower():
            text = "pickled Python objects"
            hint = "they can run code when they are read; save plain arrays"
        raise FormatError(
            "not a sound NumPy file", path=path, found=text, hint=hint
        ) from None
