"""Parquet files, one by one, and their rows batch by batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from idxdata.errors import FormatError, IdxDataError, MissingFrameworkError
from idxdata.exchange.parquet_columns import (
    Columns,
    find_columns,
    to_images,
    to_labels,
)
from idxdata.exchange.pixels import PictureOptions

ROWS = 1000
"""Rows at a time: of encoded pictures never more are in memory."""


def import_pyarrow() -> Any:
    """Raises `MissingFrameworkError`."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise MissingFrameworkError("pyarrow", "parquet") from error
    return pyarrow


class Table:
    """A Parquet file whose schema is read; its columns, batch by batch."""

    def __init__(self, path: Path) -> None:
        self.path = path
        arrow = import_pyarrow()
        with _defects_named(path), arrow.parquet.ParquetFile(path) as table:
            schema = table.schema_arrow
            self.num_rows = table.metadata.num_rows
            self.names: list[str] = list(schema.names)
        self.columns: Columns = find_columns(schema, path)

    def check_same(self, other: "Table") -> None:
        """Raises `FormatError` if the columns are others than those of `other`."""
        if self.columns != other.columns:
            raise FormatError(
                "columns or classes differ from file to file",
                path=self.path,
                expected=other.columns.described,
                found=self.columns.described,
            )

    def images(self, options: PictureOptions) -> Iterator[NDArray[Any]]:
        """Arrays (n, ...) of up to 1000 rows each."""
        start = 0
        for column in self._batches(self.columns.image):
            yield to_images(column, options, self.path, start)
            start += len(column)

    def labels(self) -> Iterator[Any]:
        """An int or a str for each row."""
        assert self.columns.label is not None
        start = 0
        for column in self._batches(self.columns.label):
            yield from to_labels(column, self.path, start)
            start += len(column)

    def _batches(self, column: str) -> Iterator[Any]:
        arrow = import_pyarrow()
        with (
            _defects_named(self.path),
            arrow.parquet.ParquetFile(self.path) as table,
        ):
            for batch in table.iter_batches(ROWS, columns=[column], use_threads=False):
                yield batch.column(0)


@contextmanager
def _defects_named(path: Path) -> Iterator[None]:
    """Turn what pyarrow raises for damaged files into `FormatError`."""
    try:
        yield
    except (IdxDataError, FileNotFoundError, PermissionError):
        raise
    # Of a damaged file's bytes pyarrow makes nearly any error there is.
    except Exception as error:  # noqa: BLE001
        raise FormatError(
            "not a sound Parquet file",
            path=path,
            found=" ".join(str(error).split()) or type(error).__name__,
        ) from None
