"""IDX files written example by example, for arrays that are larger than memory."""

import io
import math
import operator
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from idxdata.atomic import atomic_write
from idxdata.dtypes import DType, dtype_code, nearest_dtype
from idxdata.errors import HeaderError, PathLike
from idxdata.exact import check_exact
from idxdata.header import MAX_DIM, build_header, parse_header
from idxdata.writer import (
    CHUNK_NBYTES,
    as_array,
    check_level,
    deflate,
    is_gzip_name,
    payload_pieces,
)


class IdxWriter:
    """An IDX file written example by example, for arrays larger than memory.

        with IdxWriter("images.gz", "uint8", (28, 28)) as writer:
            writer.append(image)  # one example, of shape (28, 28)
            writer.extend(images)  # any number of them, of shape (n, 28, 28)

    The file is the one that `write_idx` makes of all examples in one array. It
    appears when the block ends without an error; after an error nothing is left.
    `dtype` is an IDX dtype in any byte order, `shape` that of one example, () for
    labels; `level` is for names in `.gz`. Needs about 1 MB beyond the examples, and
    for gzip, whose header comes first, room on disk for the payload twice.
    Not thread-safe.

    Raises `HeaderError` for a dtype or shape that IDX cannot hold, and for one whose
    file could not be read even without examples; `TypeError` for no dtype, a shape
    of other things than integers, a path that is bytes; `ValueError` or, for no
    integer, `TypeError` for another `level`; `FormatError` for a name in .bz2, .xz,
    .zip or .zst. On entry `FormatError` and `OSError` as `write_idx` does.
    """

    def __init__(
        self, path: PathLike, dtype: DTypeLike, shape: Sequence[int], *, level: int = 6
    ) -> None:
        check_level(level)
        self.num_examples = 0
        self._path = path
        self._is_gzip = is_gzip_name(path)
        self._dtype = _checked_dtype(dtype)
        self._shape = _checked_shape(shape)
        if min(self._shape, default=0) < 0:
            raise HeaderError("negative dim", path=path, found=self._shape)
        parse_header(self._head(), path=path)
        # As parse_header counts: an empty array must not overflow either.
        example_nbytes = math.prod(filter(None, self._shape)) * self._dtype.itemsize
        self._max_examples = min(MAX_DIM, sys.maxsize // example_nbytes)
        self._level = level
        self._file: io.FileIO | None = None
        self._stack: ExitStack | None = None

    def append(self, example: ArrayLike) -> None:
        """Add one example: an array of the writer's dtype, any byte order, and shape.

        Numbers and lists of them, which have no dtype, are converted if each fits
        exactly. Raises what `extend` does.
        """
        plain = self._checked(example)
        if plain.shape != self._shape:
            raise self._mismatch("shape", self._shape, plain.shape)
        self._add(plain[np.newaxis])

    def extend(self, examples: ArrayLike) -> None:
        """Add a batch of examples, of shape `(n, ...)`; n may be 0, as in `[]`.

        All of them or, after an error, none. Raises `HeaderError` for another dtype
        or shape, for values that would change, masked elements, or more examples
        than a file holds that can be read (2^32 - 1 at most); `ValueError` outside
        the block; `OSError` as `write` does.
        """
        batch = self._checked(examples)
        if batch.shape == (0,) and not hasattr(examples, "dtype"):
            # An empty list cannot tell the shape of what it does not hold.
            batch = batch.reshape(0, *self._shape)
        if not batch.ndim or batch.shape[1:] != self._shape:
            raise self._mismatch("shape", ("n", *self._shape), batch.shape)
        self._add(batch)

    def _add(self, batch: NDArray[Any]) -> None:
        if self._file is None:
            raise ValueError("examples can be added only inside the with block")
        count = self.num_examples + len(batch)
        if count > self._max_examples:
            raise self._mismatch("number", f"at most {self._max_examples}", count)
        before = self._file.tell()
        try:
            if batch.size:
                for piece in payload_pieces(batch, self._dtype.newbyteorder(">")):
                    _write_all(self._file, piece)
        except BaseException:
            # Half a batch must not stay, in case the caller carries on.
            self._file.seek(before)
            self._file.truncate()
            raise
        self.num_examples = count

    def _checked(self, values: ArrayLike) -> NDArray[Any]:
        """`values` as an array of the writer's dtype, in any byte order."""
        plain = as_array(values, path=self._path)
        if plain.dtype.newbyteorder("=") == self._dtype.newbyteorder("="):
            return plain
        if hasattr(values, "dtype") or nearest_dtype(plain.dtype) is None:
            raise self._mismatch("dtype", self._dtype.name, plain.dtype)
        check_exact(plain, self._dtype, path=self._path)
        return plain.astype(self._dtype)

    def _mismatch(self, what: str, expected: object, found: object) -> HeaderError:
        return HeaderError(
            f"examples of another {what}",
            path=self._path,
            expected=expected,
            found=found,
        )

    def _head(self) -> bytes:
        return build_header(self._dtype, (self.num_examples, *self._shape))

    def __enter__(self) -> Self:
        if self._stack is not None:
            raise ValueError("a writer writes one file; make another one")
        with ExitStack() as stack:
            self._file = stack.enter_context(self._open())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file = None
        if self._stack is not None:
            self._stack.__exit__(kind, error, trace)

    @contextmanager
    def _open(self) -> Iterator[io.FileIO]:
        """The file for the payload; becomes the IDX file if the block ends well."""
        with atomic_write(self._path) as file:
            if self._is_gzip:
                # Without a name, so that it is gone even if this process is killed.
                folder = os.path.dirname(file.name)
                with tempfile.TemporaryFile(dir=folder, buffering=0) as spool:
                    yield spool
                    spool.seek(0)
                    pieces = iter(lambda: memoryview(spool.read(CHUNK_NBYTES)), b"")
                    deflate(file, memoryview(self._head()), pieces, self._level)
                return
            # Unbuffered: a failed write must not come again when the file closes.
            raw = cast(io.FileIO, cast(io.BufferedWriter, file).raw)
            _write_all(raw, memoryview(self._head()))
            yield raw
            raw.seek(0)
            _write_all(raw, memoryview(self._head()))


def _checked_dtype(dtype: DTypeLike) -> DType:
    """`dtype` as NumPy's, if IDX has it."""
    if dtype is None:
        # To NumPy this is float64.
        raise TypeError("dtype is None; name one that IDX has, such as 'uint8'")
    checked = np.dtype(dtype)
    dtype_code(checked, hint="make it {}, and convert the examples")
    return checked


def _checked_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """`shape` as a tuple of ints, which may be too large or negative."""
    try:
        if not isinstance(shape, str | bytes):
            return tuple(map(operator.index, shape))
    except TypeError:
        pass
    raise TypeError(f"shape is a sequence of integers, not {shape!r}")


def _write_all(file: io.FileIO, data: memoryview) -> None:
    while data:
        data = data[file.write(data) :]
