"""Parquet files as Hugging Face keeps image datasets: encoded pictures and labels."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.atomic import atomic_write
from idxdata.errors import DatasetError, FormatError
from idxdata.exchange.content import Content, Part, in_order
from idxdata.exchange.labelling import number_names, small
from idxdata.exchange.parquet_columns import (
    CLASSES,
    LABEL_DTYPE,
    OURS,
    as_pixels,
)
from idxdata.exchange.parquet_files import group_files, parquet_files
from idxdata.exchange.parquet_tables import ROWS, Table, import_pyarrow
from idxdata.exchange.pixels import PictureOptions, checked_images, encoded
from idxdata.progress import progress_bar

MAGIC = b"PAR1"


def matches(path: Path) -> bool:
    """Whether it is a Parquet file, or a folder with some."""
    if path.is_dir():
        return any(matches(file) for file in parquet_files(path))
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read(path: Path, options: PictureOptions | None = None) -> Content:
    """Images and labels, in memory.

    A file is one unnamed part. In a folder, or in the only folder in that if it has none
    itself, "train-00000-of-00002.parquet" and its like are parts in the order of their
    numbers, as is "train.parquet"; files with other names are one unnamed part.

    Images are PNG or JPEG pictures, as bytes or in a struct with `bytes`, or numbers:
    nested lists, or binary of a fixed size, which is a row of pixels. Integers that
    uint8 holds, all of them, become uint8. Of several columns the one is taken that
    Hugging Face's metadata calls an image, else the one with a usual name. Labels are
    integers, or names; Hugging Face's metadata names classes. Labels that were written
    here have the dtype they had, others are uint8, else int32, else int64. Other
    columns are left out, which the notices say.

    Raises `FormatError` for other columns, a row without an image or a label, or a
    damaged file; `DatasetError` for images of two shapes, files that are missing from
    a split, or classes that differ from file to file; `MissingFrameworkError`.
    """
    options = options or PictureOptions()
    tables = {
        split: [Table(file) for file in files]
        for split, files in group_files(path).items()
    }
    for first, *others in tables.values():
        for table in others:
            table.check_same(first)
    images = _pixels({name: _images(split, options) for name, split in tables.items()})
    labels, classes = _labels(tables, path)
    parts = {name: Part(array, labels.get(name)) for name, array in images.items()}
    left = {
        name: None
        for split in tables.values()
        for name in split[0].names
        if name not in split[0].columns.used
    }
    notices = (f"other columns, left out: {', '.join(list(left)[:8])}",) if left else ()
    return Content(in_order(parts), classes, notices)


def _labels(
    tables: dict[str, list[Table]], path: Path
) -> tuple[dict[str, NDArray[Any]], tuple[str, ...] | None]:
    """Labels of the parts that have them, and the names of classes if there are any."""
    labelled = {name: split for name, split in tables.items() if split[0].columns.label}
    classes = None
    for split in tables.values():
        columns = split[0].columns
        if columns.classes is not None and classes not in (None, columns.classes):
            raise DatasetError(
                "classes differ from split to split",
                path=split[0].path,
                expected=f"{len(classes or ())} classes, as in another",
                found=f"{len(columns.classes)} classes or others",
            )
        classes = classes or columns.classes
    told = {
        name: [label for table in split for label in table.labels()]
        for name, split in labelled.items()
    }
    are_names = {split[0].columns.has_names for split in labelled.values()}
    if len(are_names) > 1:
        raise DatasetError(
            "labels are numbers in one split, names in another", path=path
        )
    if True in are_names:
        return number_names(told, classes, path=path)
    numbers = {name: _typed(listed, labelled[name][0]) for name, listed in told.items()}
    return numbers, classes


def _typed(listed: list[int], table: Table) -> NDArray[Any]:
    dtype = table.columns.label_dtype
    try:
        labels = np.array(listed, np.int64)
    except OverflowError:
        raise FormatError(
            "labels that int64 does not hold", path=table.path, found=max(listed)
        ) from None
    if dtype is not None and np.array_equal(labels.astype(dtype), labels):
        return labels.astype(dtype)
    return small(labels)


def _pixels(images: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """All parts as uint8, if that holds the integers of all."""
    pixels = {name: as_pixels(array) for name, array in images.items()}
    return pixels if all(a.dtype == np.uint8 for a in pixels.values()) else images


def _images(tables: list[Table], options: PictureOptions) -> NDArray[Any]:
    """All rows of a part in one array."""
    pieces: list[NDArray[Any]] = []
    total = sum(table.num_rows for table in tables)
    with progress_bar(f"reading {tables[0].path.name}", total) as advance:
        for table in tables:
            for piece in table.images(options):
                if pieces and piece.shape[1:] != pieces[0].shape[1:]:
                    raise DatasetError(
                        "images differ in size",
                        path=table.path,
                        expected=f"shape {pieces[0].shape[1:]}, as the first has",
                        found=f"shape {piece.shape[1:]}",
                        hint="--size 28x28 makes them one size, --grey one channel",
                    )
                pieces.append(piece)
                advance(len(piece))
    if not pieces:
        raise FormatError("no rows", path=tables[0].path)
    return np.concatenate(pieces)


def write(content: Content, path: Path, *, as_folder: bool = False) -> None:
    """Write Hugging Face's layout: a file of one part, or a folder with one for each.

    Images as PNG, labels as int64 with the names of classes in the metadata; the dtype
    labels had is told by metadata of our own. Raises `FormatError` for images that PNG
    does not hold, or labels beyond int64; `MissingFrameworkError`.
    """
    for part in content.parts.values():
        checked_images(part.data, path)
        if part.labels is not None and part.labels.max(initial=0) >= 1 << 63:
            raise FormatError(
                "labels that int64 does not hold", path=path, found=part.labels.max()
            )
    if not as_folder:
        (split,) = content.parts
        _write_part(content, split, path)
        return
    path.mkdir(exist_ok=True)
    for split in content.parts:
        _write_part(content, split, path / f"{split}-00000-of-00001.parquet")


def _write_part(content: Content, split: str, path: Path) -> None:
    arrow = import_pyarrow()
    part = content.parts[split]
    picture = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    fields = [("image", picture)]
    if part.labels is not None:
        fields.append(("label", arrow.int64()))
    schema = arrow.schema(fields, metadata=_metadata(part, content.classes))
    with (
        atomic_write(path) as file,
        arrow.parquet.ParquetWriter(file, schema) as writer,
        progress_bar(f"writing {path.name}", len(part.data)) as advance,
    ):
        for start in range(0, len(part.data), ROWS):
            rows = slice(start, start + ROWS)
            images = [
                {"bytes": encoded(image), "path": None} for image in part.data[rows]
            ]
            columns = [arrow.array(images, picture)]
            if part.labels is not None:
                columns.append(arrow.array(part.labels[rows].astype(np.int64)))
            writer.write_batch(arrow.record_batch(columns, schema=schema))
            advance(len(images))


def _metadata(part: Part, classes: tuple[str, ...] | None) -> dict[str, str]:
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    ours: dict[str, Any] = {CLASSES: classes}
    if part.labels is not None:
        label = {"dtype": "int64", "_type": "Value"}
        if classes:
            label = {"names": list(classes), "_type": "ClassLabel"}  # type: ignore[dict-item]
        features["label"] = label
        ours[LABEL_DTYPE] = part.labels.dtype.name
    return {
        "huggingface": json.dumps({"info": {"features": features}}),
        OURS: json.dumps(ours),
    }
