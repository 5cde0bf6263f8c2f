"""Parquet files as Hugging Face keeps image datasets: encoded pictures and labels."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.atomic import atomic_write
from idxdata.errors import DatasetError, FormatError, MissingFrameworkError
from idxdata.exchange.content import Content, Part, numbered
from idxdata.exchange.pictures import SPLITS, PictureOptions, checked_images, decoded
from idxdata.progress import progress_bar

MAGIC = b"PAR1"
_IMAGES = ("image", "img", "images", "pixels")
_LABELS = ("label", "labels", "fine_label", "class")
_ROWS = 1000


def matches(path: Path) -> bool:
    """Whether it is a Parquet file, or a folder with some."""
    if path.is_dir():
        return any(matches(file) for file in path.glob("*.parquet"))
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def has_pictures(path: Path) -> bool:
    """Whether images are encoded pictures there, and not lists of numbers."""
    file = next(iter(sorted(path.glob("*.parquet")))) if path.is_dir() else path
    table = _opened(file)
    kind = table.schema_arrow.field(_image_column(table, file)).type
    pyarrow = _pyarrow()
    return bool(pyarrow.types.is_struct(kind) or pyarrow.types.is_binary(kind))


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise MissingFrameworkError("pyarrow", "parquet") from error
    return pyarrow


def read(path: Path, options: PictureOptions | None = None) -> Content:
    """Images and labels, in memory.

    A file is one unnamed part; in a folder files named "train-..." and "test-..." are
    parts, in the order of their names. Images are encoded pictures (bytes, or a struct
    with `bytes`), or lists of numbers. Labels are integers, or names; Hugging Face's
    metadata names classes. Raises `FormatError` for other columns or a damaged file.
    """
    options = options or PictureOptions()
    groups: dict[str, list[Path]] = {}
    if path.is_dir():
        for file in sorted(path.glob("*.parquet")):
            split = file.name.partition("-")[0].partition(".")[0]
            split = {"val": "validation"}.get(split, split)
            groups.setdefault(
                split if split in SPLITS + ("validation",) else "", []
            ).append(file)
    else:
        groups[""] = [path]
    parts: dict[str, Part] = {}
    classes: tuple[str, ...] | None = None
    for split in sorted(groups, key=lambda split: (split != "train", split != "test")):
        images, labels, classes = _read_part(groups[split], options, classes)
        parts[split] = Part(images, labels)
    return Content(parts, classes)


def _read_part(
    files: list[Path], options: PictureOptions, classes: tuple[str, ...] | None
) -> tuple[NDArray[Any], NDArray[Any] | None, tuple[str, ...] | None]:
    images: list[NDArray[Any]] = []
    labels: list[Any] = []
    for path in files:
        table = _opened(path)
        image_column = _image_column(table, path)
        label_column = _find(table, _LABELS)
        classes = classes or _class_names(table, label_column)
        with progress_bar(f"reading {path.name}", table.metadata.num_rows) as advance:
            for row_images, row_labels in _batches(
                table, image_column, label_column, path
            ):
                images += [_image(value, options, path) for value in row_images]
                labels += row_labels
                advance(len(row_images))
    shapes = {image.shape for image in images}
    if len(shapes) != 1:
        raise DatasetError(
            "images differ in size" if shapes else "no rows",
            path=files[0],
            found=", ".join(map(str, sorted(shapes)[:4])) or None,
            hint="--size 28x28 makes them one size" if shapes else None,
        )
    if not labels:
        return np.stack(images), None, classes
    if isinstance(labels[0], str):
        found, names = numbered(labels)
        return np.stack(images), found, names
    return np.stack(images), np.array(labels, np.int64), classes


def _opened(path: Path) -> Any:
    pyarrow = _pyarrow()
    try:
        return pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise FormatError(
            "not a sound Parquet file", path=path, found=_line(error)
        ) from None


def _batches(
    table: Any, image_column: str, label_column: str | None, path: Path
) -> Iterator[tuple[list[Any], list[Any]]]:
    pyarrow = _pyarrow()
    columns = [image_column] + ([label_column] if label_column else [])
    try:
        for batch in table.iter_batches(_ROWS, columns=columns):
            labels = batch.column(label_column).to_pylist() if label_column else []
            if None in labels:
                raise FormatError("a row without a label", path=path)
            yield batch.column(image_column).to_pylist(), labels
    except (pyarrow.ArrowException, OSError) as error:
        raise FormatError(
            "not a sound Parquet file", path=path, found=_line(error)
        ) from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _image_column(table: Any, path: Path) -> str:
    found = _find(table, _IMAGES)
    if found is None:
        raise FormatError(
            "no column of images",
            path=path,
            expected=" or ".join(_IMAGES),
            found=", ".join(table.schema_arrow.names[:12]) or "no columns",
        )
    return found


def _find(table: Any, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in table.schema_arrow.names), None)


def _class_names(table: Any, label_column: str | None) -> tuple[str, ...] | None:
    """What Hugging Face's datasets write beside the schema, if they did."""
    metadata = table.schema_arrow.metadata or {}
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return tuple(map(str, features[label_column]["names"]))
    except (KeyError, ValueError, TypeError):
        return None


def _image(value: Any, options: PictureOptions, path: Path) -> NDArray[Any]:
    if isinstance(value, dict):
        value = value.get("bytes")
    if isinstance(value, bytes):
        return decoded(io.BytesIO(value), path, options)
    try:
        array = np.array(value)
    except ValueError:
        array = np.array(None)
    if array.dtype.kind not in "iuf":
        raise FormatError(
            "an image that is neither a picture nor numbers",
            path=path,
            found=type(value).__name__,
        )
    if (
        array.dtype.kind != "f"
        and array.size
        and 0 <= array.min()
        and array.max() < 256
    ):
        return array.astype(np.uint8)
    return array


def write(content: Content, path: Path) -> None:
    """Write Hugging Face's layout: a file, or in a folder one for each named part.

    Raises `FormatError` for images that PNG does not hold.
    """
    if list(content.parts) == [""]:
        _write_part(content, "", path)
        return
    path.mkdir(parents=True, exist_ok=True)
    for split in content.parts:
        name = split or "train"
        _write_part(content, split, path / f"{name}-00000-of-00001.parquet")


def _write_part(content: Content, split: str, path: Path) -> None:
    pyarrow = _pyarrow()
    part = content.parts[split]
    images = checked_images(part.data, path)
    picture = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    fields = [("image", picture)] + [("label", pyarrow.int64())] * (
        part.labels is not None
    )
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    if content.classes is not None and part.labels is not None:
        features["label"] = {"names": list(content.classes), "_type": "ClassLabel"}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    schema = pyarrow.schema(fields, metadata=metadata)
    with (
        atomic_write(path) as file,
        pyarrow.parquet.ParquetWriter(file, schema) as writer,
        progress_bar(f"writing {path.name}", len(images)) as advance,
    ):
        for start in range(0, len(images), _ROWS):
            rows = slice(start, start + _ROWS)
            encoded = [{"bytes": _png(image), "path": None} for image in images[rows]]
            columns = [pyarrow.array(encoded, picture)]
            if part.labels is not None:
                columns.append(pyarrow.array(part.labels[rows].astype(np.int64)))
            writer.write_batch(pyarrow.record_batch(columns, schema=schema))
            advance(len(encoded))


def _png(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()
