"""Columns of Parquet files: which are images and labels, and what their rows are."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import DatasetError, FormatError
from idxdata.exchange.pixels import PictureOptions, altered, decoded

OURS = "idxdata"
LABEL_DTYPE = "label_dtype"
CLASSES = "classes"
"""Our own metadata: what Hugging Face's has no place for."""


_IMAGES = ("image", "img", "images", "pixels", "picture", "pixel_values")
_LABELS = ("label", "labels", "fine_label", "class", "target", "digit", "character")
_LABEL_DTYPES = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns to read. `classes`, `label_dtype`: as the metadata tells, or None.

    `has_names`: labels are texts. `kind`: the image column's type in words.
    """

    image: str
    label: str | None
    kind: str
    classes: tuple[str, ...] | None
    has_names: bool
    label_dtype: str | None = field(compare=False)

    @property
    def used(self) -> tuple[str | None, ...]:
        """Names of the columns that are read."""
        return self.image, self.label

    @property
    def described(self) -> str:
        """In words, for error texts."""
        classes = "" if self.classes is None else f" of {len(self.classes)} classes"
        label = f", {self.label}{classes}" if self.label else ""
        return f"{self.image} ({self.kind}){label}"


def find_columns(schema: Any, path: Path) -> Columns:
    """The columns of images and labels. Raises `FormatError` if there are none."""
    import pyarrow.types as kinds

    features = _json(schema, b"huggingface")
    features = _get(_get(features, "info"), "features")
    names = list(dict.fromkeys(schema.names))
    told = [name for name in names if _get(features.get(name), "_type") == "Image"]
    image = _choose(told, names, _IMAGES, path, "images")
    if image is None:
        raise FormatError(
            "no column of images",
            path=path,
            expected=" or ".join(_IMAGES),
            found=", ".join(names[:12]) or "no columns",
        )
    named = [
        name for name in names if _get(features.get(name), "_type") == "ClassLabel"
    ]
    label = _choose(named, names, _LABELS, path, "labels")
    classes, has_names = None, False
    if label is not None:
        kind = schema.field(label).type
        if kinds.is_dictionary(kind):
            kind = kind.value_type
        has_names = kinds.is_string(kind) or kinds.is_large_string(kind)
        if not has_names and not kinds.is_integer(kind):
            raise FormatError(
                f"labels in {label} are neither integers nor names",
                path=path,
                found=kind,
            )
        classes = _names(_get(features.get(label), "names"))
    ours = _json(schema, OURS.encode())
    dtype = ours.get(LABEL_DTYPE)
    return Columns(
        image,
        label,
        str(schema.field(image).type),
        classes or _names(ours.get(CLASSES)),
        has_names,
        dtype if dtype in _LABEL_DTYPES else None,
    )


def _names(value: Any) -> tuple[str, ...] | None:
    return tuple(map(str, value)) if isinstance(value, list) and value else None


def _choose(
    told: list[str], names: list[str], usual: tuple[str, ...], path: Path, what: str
) -> str | None:
    """The column that metadata tells, of several or of all one with a usual name."""
    if len(told) == 1:
        return told[0]
    found = [name for name in usual if name in (told or names)]
    if told and not found:
        raise FormatError(
            f"several columns of {what}", path=path, found=", ".join(told[:8])
        )
    return found[0] if found else None


def _json(schema: Any, key: bytes) -> dict[str, Any]:
    """An object in the schema's metadata; an empty one for anything else."""
    try:
        value = json.loads((schema.metadata or {})[key])
    except (KeyError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _get(value: Any, key: str) -> Any:
    found = value.get(key) if isinstance(value, dict) else None
    return {} if found is None else found


def to_images(
    column: Any, options: PictureOptions, path: Path, start: int
) -> NDArray[Any]:
    """The rows of a column of images as an array (n, ...); `start`: the first's number.

    Raises `FormatError` for a row that is no image, or has another shape than the first.
    """
    import pyarrow.types as kinds

    _check_whole(column, "a row without an image", path, start)
    kind = column.type
    if kinds.is_struct(kind) and (place := kind.get_field_index("bytes")) >= 0:
        column = column.flatten()[place]
        kind = column.type
        what = "a picture that is not in the file, only its path"
        _check_whole(column, what, path, start)
    if kinds.is_fixed_size_binary(kind):
        rows = b"".join(column.to_pylist())
        flat = np.frombuffer(rows, np.uint8).reshape(len(column), kind.byte_width)
        return flat if options.is_plain else altered(flat, options, path)
    if kinds.is_binary(kind) or kinds.is_large_binary(kind):
        return _decoded(column, options, path, start)
    return _nested(column, options, path, start)


def _check_whole(column: Any, what: str, path: Path, start: int) -> None:
    if column.null_count:
        first = column.is_null().to_numpy(zero_copy_only=False).argmax()
        raise FormatError(what, path=path, found=f"row {start + int(first)}")


def _decoded(
    column: Any, options: PictureOptions, path: Path, start: int
) -> NDArray[np.uint8]:
    images: NDArray[np.uint8] | None = None
    for number, data in enumerate(column):
        try:
            image = decoded(data.as_py(), path, options)
        except FormatError as error:
            error.what = f"row {start + number}: {error.what}"
            raise
        if images is None:
            images = np.empty((len(column), *image.shape), np.uint8)
        if image.shape != images.shape[1:]:
            raise DatasetError(
                f"row {start + number}: images differ in size",
                path=path,
                expected=f"shape {images.shape[1:]}, as those before",
                found=f"shape {image.shape}",
                hint="--size 28x28 makes them one size, --grey one channel",
            )
        images[number] = image
    return np.empty((0,), np.uint8) if images is None else images


def _nested(
    column: Any, options: PictureOptions, path: Path, start: int
) -> NDArray[Any]:
    """Lists in lists of numbers: each level is a dim, and must not be ragged."""
    import pyarrow.types as kinds

    if hasattr(column, "storage"):  # an extension type: a tensor of fixed shape
        tensor_shape = getattr(column.type, "shape", None)
        column = column.storage
    else:
        tensor_shape = None
    shape = [len(column)]
    while hasattr(column, "value_lengths"):
        lengths = np.unique(column.value_lengths().to_numpy(zero_copy_only=False))
        if column.null_count or len(lengths) != 1:
            raise DatasetError(
                "images of numbers differ in size",
                path=path,
                found=f"lists of {', '.join(map(str, lengths[:4]))} "
                f"in rows {start} to {start + shape[0] - 1}",
            )
        shape.append(int(lengths[0]))
        column = column.flatten()
    is_number = kinds.is_integer(column.type) or kinds.is_floating(column.type)
    if len(shape) < 2 or not is_number or column.null_count:
        raise FormatError(
            "an image that is neither a picture nor numbers",
            path=path,
            found=f"{column.type}, {column.null_count} of them missing",
        )
    numbers: NDArray[Any] = column.to_numpy(zero_copy_only=False).reshape(shape)
    if tensor_shape is not None:
        numbers = numbers.reshape(len(numbers), *tensor_shape)
    return numbers if options.is_plain else altered(as_pixels(numbers), options, path)


def as_pixels(numbers: NDArray[Any]) -> NDArray[Any]:
    """Integers as uint8 if all fit: lists made by Python have int64 for pixels."""
    if numbers.dtype.kind not in "iu" or not numbers.size:
        return numbers
    if numbers.min() < 0 or numbers.max() > 255:
        return numbers
    return numbers.astype(np.uint8, copy=False)


def to_labels(column: Any, path: Path, start: int) -> list[Any]:
    """The rows of a column of labels, as int or str. `FormatError` for a missing one."""
    _check_whole(column, "a row without a label", path, start)
    listed: list[Any] = column.to_pylist()
    return listed
