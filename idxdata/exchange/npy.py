"""One array in an .npy file; never anything that runs code.

NumPy parses the header. The data is read here, so that a header that claims more than
there is costs no memory, and nothing may follow the array.
"""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from idxdata.atomic import atomic_write
from idxdata.dtypes import as_bytes
from idxdata.errors import FormatError, IdxDataError, PathLike
from idxdata.exchange.content import Content, Part
from idxdata.mapping import Region, map_open_file
from idxdata.writer import payload_pieces

MAGIC = b"\x93NUMPY"

_Header = tuple[tuple[int, ...], bool, np.dtype[Any]]


def matches(path: Path) -> bool:
    """Whether it is a file that begins as an .npy does."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read(path: Path) -> Content:
    """The array as one unnamed part, in native byte order and C order.

    Mapped copy-on-write where it lies so in the file, else in memory. Raises
    `FormatError` for what is no sound .npy file of numbers.
    """
    return Content({"": Part(checked(read_any(path), path))})


def read_any(path: PathLike) -> NDArray[Any]:
    """As `read`, the array alone; it may be of texts."""
    with FileIO(os.path.realpath(path)) as file, defects_named(path):
        header = shape, is_fortran, dtype = _read_header(file, path)
        region = Region(file.tell(), dtype, shape)
        nbytes = os.fstat(file.fileno()).st_size - region.offset
        check_nbytes(region.nbytes, nbytes, path)
        if dtype.isnative and not is_fortran and dtype.kind not in "US":
            return map_open_file(file, region)
        return _read_data(file, header, path)


def read_stream(file: BinaryIO, nbytes: int, path: PathLike) -> NDArray[Any]:
    """The array in the `nbytes` bytes of `file`, a fresh one. Raises as `read` does."""
    with defects_named(path):
        counted = _Counted(file)
        header = shape, _, dtype = _read_header(counted, path)
        check_nbytes(math.prod(shape) * dtype.itemsize, nbytes - counted.count, path)
        return _read_data(file, header, path)


def _read_header(file: Any, path: PathLike) -> _Header:
    """The shape, whether it is in Fortran order, the dtype; no objects or records."""
    version = npy_format.read_magic(file)
    if version == (1, 0):
        header = npy_format.read_array_header_1_0(file)
    elif version == (2, 0):
        header = npy_format.read_array_header_2_0(file)
    else:
        # Version 3 is for names of fields that are not ASCII.
        raise FormatError(
            "not a version of .npy with arrays of numbers",
            path=path,
            expected="1.0 or 2.0",
            found="{}.{}".format(*version),
        )
    shape, is_fortran, dtype = header
    if dtype.hasobject:
        raise FormatError(
            "not a sound NumPy file",
            path=path,
            found="pickled Python objects",
            hint="they can run code when they are read; save plain arrays",
        )
    if dtype.kind == "V":
        raise FormatError("not an array of numbers", path=path, found=f"dtype {dtype}")
    if any(not isinstance(dim, int) or dim < 0 for dim in shape) or len(shape) > 64:
        raise FormatError("not the shape of an array", path=path, found=shape)
    return shape, is_fortran, dtype


def check_nbytes(expected: int, found: int, path: PathLike) -> None:
    """Refuse an array that claims more or less than there is, before it is made."""
    if expected != found:
        raise FormatError(
            "not a sound NumPy file",
            path=path,
            expected=f"{expected} bytes after the header",
            found=f"{found} bytes",
            hint="the file is damaged or was cut short",
        )


def _read_data(file: Any, header: _Header, path: PathLike) -> NDArray[Any]:
    shape, is_fortran, dtype = header
    array: NDArray[Any] = np.empty(shape[::-1] if is_fortran else shape, dtype)
    # Texts have no memory that NumPy would show as bytes.
    kind = np.dtype((np.void, dtype.itemsize)) if dtype.kind in "US" else dtype
    out = as_bytes(array.view(kind)) if array.nbytes else memoryview(b"")
    while out:
        count = file.readinto(out)
        if not count:
            check_nbytes(array.nbytes, array.nbytes - len(out), path)
        out = out[count:]
    array = array.T if is_fortran else array
    return np.require(array, dtype.newbyteorder("="), "C").reshape(shape)


def write(content: Content, path: Path) -> None:
    """Write the one array. Raises `FormatError` where there are labels or parts."""
    part = content.single
    if part is None:
        raise FormatError(
            "an .npy file holds one array",
            path=path,
            found=described(content),
            hint="an .npz holds several",
        )
    with atomic_write(path) as file:
        write_stream(file, part.data)


def write_stream(file: Any, array: NDArray[Any]) -> None:
    """Write an array of numbers as an .npy file: native, in C order, 1 MiB at a time.

    NumPy's own `write_array` crashes for strided arrays of more than 32 dims (2.4).
    """
    dtype = array.dtype.newbyteorder("=")
    npy_format.write_array_header_1_0(
        file,
        {
            "descr": npy_format.dtype_to_descr(dtype),
            "fortran_order": False,
            "shape": array.shape,
        },
    )
    if array.size:
        file.writelines(payload_pieces(array, dtype))


def described(content: Content) -> str:
    """Such as "train images and labels, test images"."""
    return ", ".join(
        f"{name} images{'' if part.labels is None else ' and labels'}".lstrip()
        for name, part in content.parts.items()
    )


def checked(array: NDArray[Any], path: PathLike) -> NDArray[Any]:
    """`array` in native byte order and C order. `FormatError` for other than numbers."""
    if array.dtype.kind not in "iufbc":
        raise FormatError(
            "not an array of numbers", path=path, found=f"dtype {array.dtype}"
        )
    native = array.dtype.newbyteorder("=")
    return np.require(array, native, "C").reshape(array.shape)


class _Counted:
    """A file that counts what NumPy reads of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.count = 0

    def read(self, nbytes: int) -> bytes:
        data = self._file.read(nbytes)
        self.count += len(data)
        return data


@contextmanager
def defects_named(path: PathLike) -> Iterator[None]:
    """Turn what NumPy and zipfile raise for damaged files into `FormatError`.

    Errors of the device pass.
    """
    try:
        yield
    except (IdxDataError, OSError):
        raise
    # A damaged file makes NumPy raise nearly everything there is.
    except Exception as error:  # noqa: BLE001
        text = " ".join(str(error).split()) or type(error).__name__
        hint = None
        if "pickle" in text.lower():
            text = "pickled Python objects"
            hint = "they can run code when they are read; save plain arrays"
        raise FormatError(
            "not a sound NumPy file", path=path, found=text, hint=hint
        ) from None
