"""IDX files as a dataset of Ray Data, read in parallel by a cluster's workers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.adapters._columns import look_at_columns
from idxdata.adapters._converting import converted_batch
from idxdata.adapters._patterns import Paths
from idxdata.adapters._row_files import RowFile, read_ranges
from idxdata.adapters._spans import Rows, Span, blocks_of, cut, spans_of
from idxdata.cache import Cache
from idxdata.errors import MissingFrameworkError
from idxdata.formats import BatchFormat

try:
    import pyarrow
    import ray.data
    from ray.data.block import BlockMetadata
    from ray.data.extensions import ArrowTensorArray
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("ray", "pyarrow"):
        raise
    raise MissingFrameworkError("ray", "ray") from error

_ROW_NBYTES = 8


def read_idx(
    images: Paths,
    labels: Paths | None = None,
    *,
    rows: Rows | None = None,
    columns: tuple[str, str] = ("image", "label"),
    row_column: str | None = None,
    cache: Cache | None = None,
    stream: bool = False,
    **options: Any,
) -> ray.data.Dataset:
    """A `ray.data.Dataset` of the examples in IDX files, a row an example.

    `images`: a path, a URL `scheme://...` (with fsspec), a pattern of either (`*`, `?`
    and `[...]` as in a shell, within one folder; in URLs "?" is none), or a list of
    these. One file follows the other, shard-2 before shard-10 of a pattern; how many
    rows each has may differ. `labels` likewise: the first path goes with the first of
    `images`, and files of two patterns go together if the wildcards matched the same.
    Paths are those of the hosts that read, and of this one, which reads the headers.

    Columns, by the names in `columns`: "image", the file's dtype in the shape of a row,
    as a tensor column, or a plain one if rows are single numbers; with `labels`
    "label", a plain column in its file's dtype. `row_column` names another, int64:
    which row of all files it is, from 0 on. Ray delivers blocks as they are done, unless
    `DataContext.execution_options.preserve_order` is set; by this column they can be
    put in order.

    `rows`: which, by that number: a slice or range of step 1, or pairs (start, stop) in
    the order wanted. Of raw files only their bytes are read, and nothing of files
    without any, but for headers.

    Compressed local files go through `cache` on the host that reads them (None: its
    `Cache()`): they are decoded once a host, and then mapped. With `stream` nothing is
    written: one task decodes a file up to the last row wanted, again in every epoch, so
    that no file is shared between tasks. Remote ones are always streamed.

    `options` are those of `ray.data.read_datasource`: `override_num_blocks`,
    `concurrency`, `num_cpus`, `ray_remote_args` and so on.

    Raises, before anything is read but headers: the errors of `idxdata.read_header`;
    `PayloadSizeError` if a raw file's size is not header plus payload; `DatasetError`
    if a pattern matches nothing, a file has no partner, rows differ in dtype or shape,
    labels are no lists of integers or not as many; `PlanError` for rows that are not
    there; `ValueError` for two columns of one name or a step that is not 1. What goes
    wrong in a worker, as `idxdata.read_idx` and `Cache.open` raise it, arrives as Ray's
    `RayTaskError`, which is of our error's class too and has its attributes.
    """
    source = IdxDatasource(
        images,
        labels,
        rows=rows,
        columns=columns,
        row_column=row_column,
        cache=cache,
        stream=stream,
    )
    dataset: ray.data.Dataset = ray.data.read_datasource(source, **options)
    return dataset


def convert(
    format: BatchFormat | None = None, *, columns: tuple[str, str] = ("image", "label")
) -> Callable[[Mapping[str, NDArray[Any]]], dict[str, NDArray[Any]]]:
    """A function for `Dataset.map_batches`: examples as `Batches` would deliver them.

    It takes and gives a dict of NumPy arrays, Ray's "numpy" format. The two columns
    named become fresh arrays of the format's shapes and dtypes, by the kernels that
    make batches; others are handed on. Labels may be missing. Raises what `Gatherer`
    does, in the worker: images must be uint8.
    """
    form = format or BatchFormat()
    image, label = columns

    def converted(batch: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return converted_batch(batch, form, image, label)

    return converted


class IdxDatasource(ray.data.Datasource):
    """What `read_idx` gives to `ray.data.read_datasource`; takes the same arguments.

    Numbers of rows and bytes, and the schema, are the headers', so they are exact and
    known without reading. Selected columns and limits are handed down to the reading:
    `select_columns(["label"])` reads no images.
    """

    def __init__(
        self,
        images: Paths,
        labels: Paths | None = None,
        *,
        rows: Rows | None = None,
        columns: tuple[str, str] = ("image", "label"),
        row_column: str | None = None,
        cache: Cache | None = None,
        stream: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._files = look_at_columns(images, labels, columns, stream=stream)
        self._row_column = row_column
        if row_column in self._files:
            raise ValueError(f"two columns are named {row_column!r}")
        self._cache = cache
        self._names = [*self._files, *((row_column,) if row_column is not None else ())]
        first = next(iter(self._files.values()))
        self._spans = spans_of(rows, [file.num_rows for file in first])

    def get_name(self) -> str:
        """The name that Ray shows: ReadIdx."""
        return "Idx"

    def estimate_inmemory_data_size(self) -> int:
        """Bytes of all rows asked for, in the columns asked for. Exact."""
        return sum(map(len, self._spans)) * self._row_nbytes()

    def supports_projection_pushdown(self) -> bool:
        """Columns that are not asked for are not read."""
        return True

    def get_projection_map(self) -> dict[str, str]:
        """The columns that are read, each under its own name."""
        return {name: name for name in self._names}

    def apply_projection(self, projection_map: Any) -> "IdxDatasource":
        """A datasource of some columns; of all for None or none.

        Raises `KeyError` for a column that is not there.
        """
        if not projection_map:
            return self
        missing = [name for name in projection_map if name not in self._names]
        if missing:
            raise KeyError(f"no column {missing[0]!r}, only {', '.join(self._names)}")
        made = IdxDatasource.__new__(IdxDatasource)
        made.__dict__.update(self.__dict__)
        made._names = list(projection_map)
        return made

    def get_read_tasks(
        self,
        parallelism: int,
        per_task_row_limit: int | None = None,
        data_context: Any = None,
    ) -> list[ray.data.ReadTask]:
        """Tasks of about equal numbers of rows, as many as asked for.

        A task has rows of two files only if one of these is smaller than a task's
        share. Fewer tasks where there are fewer rows, or streamed files to share.
        """
        context = data_context or ray.data.DataContext.get_current()
        target = context.target_max_block_size
        row_nbytes = max(1, self._row_nbytes())
        per_block = None if target is None else max(1, target // row_nbytes)
        columns = [self._files[name] for name in self._names if name in self._files]
        can_cut = [
            all(file.can_cut for file in files) for files in zip(*columns, strict=True)
        ]
        if not columns:  # of row numbers alone, no file is read
            can_cut = [True] * len(next(iter(self._files.values())))
        # Where there are no rows, one empty block tells the schema.
        parts = cut(self._spans, parallelism, can_cut) or [[]]
        return [
            self._task(part, blocks_of(part, per_block, per_task_row_limit))
            for part in parts
        ]

    def _row_nbytes(self) -> int:
        return sum(
            self._files[name][0].row_nbytes if name in self._files else _ROW_NBYTES
            for name in self._names
        )

    def _task(self, part: list[Span], blocks: list[list[Span]]) -> ray.data.ReadTask:
        numbers = sorted({span.file for span in part})
        # A task is sent to a worker: with its own files, not with thousands.
        columns = {
            name: {number: self._files[name][number] for number in numbers}
            if name in self._files
            else None
            for name in self._names
        }
        files = [
            file.path for some in columns.values() for file in (some or {}).values()
        ]
        count = sum(len(span) for block in blocks for span in block)
        metadata = BlockMetadata(
            num_rows=count,
            size_bytes=count * self._row_nbytes(),
            input_files=tuple(files),
            exec_stats=None,
        )
        schema = self._schema()
        reading = _Reading(columns, blocks, schema, self._cache)

        def read() -> Iterator[pyarrow.Table]:
            return reading.tables()

        return ray.data.ReadTask(read, metadata, schema=schema)

    def _schema(self) -> pyarrow.Schema:
        empty = {
            name: _column(np.empty((0, *file.row_shape), file.header.dtype))
            for name, (file, *_) in self._files.items()
        }
        empty[self._row_column or ""] = _column(np.empty(0, np.int64))
        return pyarrow.schema([(name, empty[name].type) for name in self._names])


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a worker needs for one task.

    `columns`: a name's files by number; None for the rows' global numbers.
    """

    columns: Mapping[str, Mapping[int, RowFile] | None]
    blocks: Sequence[Sequence[Span]]
    schema: pyarrow.Schema
    cache: Cache | None

    def tables(self) -> Iterator[pyarrow.Table]:
        """A table a block; an empty one if there are none."""
        if not self.blocks:
            yield self.schema.empty_table()
        pieces = [self._pieces(files) for files in self.columns.values()]
        for block in self.blocks:
            arrays = [_joined([next(column) for _ in block]) for column in pieces]
            yield pyarrow.table(list(map(_column, arrays)), schema=self.schema)

    def _pieces(self, files: Mapping[int, RowFile] | None) -> Iterator[NDArray[Any]]:
        """A column's rows of each span of each block."""
        spans = [span for block in self.blocks for span in block]
        if files is None:
            for span in spans:
                yield np.arange(span.first, span.first + len(span), dtype=np.int64)
            return
        for number, group in groupby(spans, key=lambda span: span.file):
            ranges = [(span.start, span.stop) for span in group]
            yield from read_ranges(files[number], ranges, self.cache)


def _joined(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _column(array: NDArray[Any]) -> pyarrow.Array:
    """Over the same memory."""
    if array.ndim == 1:
        return pyarrow.array(array)
    return ArrowTensorArray.from_numpy(array)
