"""Columns of many files: images, and labels that go with them."""

from collections.abc import Iterable, Sequence

from idxdata.adapters._patterns import Paths, expand, expand_pairs
from idxdata.adapters._row_files import RowFile, look_at
from idxdata.errors import DatasetError


def look_at_columns(
    images: Paths,
    labels: Paths | None,
    names: tuple[str, str],
    *,
    stream: bool = False,
) -> dict[str, list[RowFile]]:
    """The files of each column, by the columns' names; equally many rows in pairs.

    Raises what `expand_pairs` and `look_at` do, `DatasetError` if rows of a column
    differ in dtype or shape, if labels are no lists of integers or not as many as
    images, `ValueError` if both columns have one name.
    """
    image_name, label_name = names
    if labels is None:
        files = look_at(expand(images), stream=stream)
        _check_alike(files)
        return {image_name: files}
    if image_name == label_name:
        raise ValueError(f"two columns are named {image_name!r}")
    image_paths, label_paths = expand_pairs(images, labels)
    found = look_at([*image_paths, *label_paths], stream=stream)
    files, label_files = found[: len(image_paths)], found[len(image_paths) :]
    _check_alike(files)
    _check_alike(label_files)
    _check_paired(files, label_files)
    return {image_name: files, label_name: label_files}


def _check_alike(files: Sequence[RowFile]) -> None:
    """Raises `DatasetError` if rows of two files differ in dtype or shape."""
    first = files[0]
    for file in files[1:]:
        if (file.header.dtype, file.row_shape) != (first.header.dtype, first.row_shape):
            raise DatasetError(
                f"rows are not like those of {first.path}",
                path=file.path,
                expected=f"{first.header.dtype.name} of shape {first.row_shape}",
                found=f"{file.header.dtype.name} of shape {file.row_shape}",
            )


def _check_paired(images: Iterable[RowFile], labels: Iterable[RowFile]) -> None:
    """Raises `DatasetError` if labels are no lists of integers, or not as many."""
    for image, label in zip(images, labels, strict=True):
        if label.row_shape or label.header.dtype.kind not in "iu":
            raise DatasetError(
                "labels are not a list of integers",
                path=label.path,
                expected="integers of shape (n,)",
                found=f"{label.header.dtype.name} of shape {label.header.shape}",
            )
        if image.num_rows != label.num_rows:
            raise DatasetError(
                f"images and labels differ in number: {image.path}",
                path=label.path,
                expected=f"{image.num_rows} labels, one for each image",
                found=label.num_rows,
            )
