"""Found files to arrays: mapped, upright, with labels apart from their table."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.cache import Cache, open_idx
from idxdata.catalogue import FileRecord, Record, Role, SplitName
from idxdata.errors import DatasetError
from idxdata.loading.finding import Found, Place
from idxdata.loading.located import located
from idxdata.loading.shards import open_shards, pair_shards
from idxdata.sharding import Images, ShardedArray
from idxdata.split import Split


def open_found(
    found: Found, record: Record | None, role: Role, cache: Cache, alignment: int
) -> NDArray[Any]:
    """The array of one file: images upright, labels as they are stored.

    Mapped; of an .npz in memory. Raises the errors of `open_idx`, and `DatasetError`
    if it has not the shape or dtype that the catalogue tells.
    """
    file = found.file
    array: NDArray[Any]
    is_transposed = bool(record and record.has_transposed_images and role == "images")
    if file is not None and file.array is not None:
        from idxdata.exchange.npz import read_array

        array = read_array(found.path, file.array)
    elif found.member is not None or is_transposed:
        array = cache.open(found.path, member=found.member, transposed=is_transposed)
    else:
        array = open_idx(found.path, cache=cache, alignment=alignment)
    if file is not None:
        check_array(array, file, found.path)
    return array


def check_array(array: NDArray[Any], file: FileRecord, path: Path) -> None:
    """Raises `DatasetError` if `array` has not the shape and dtype of `file`."""
    if file.fits(array.shape) and array.dtype == file.dtype:
        return
    has_shape = file.fits(array.shape)
    raise DatasetError(
        f"not the {'dtype' if has_shape else 'shape'} of this dataset",
        path=path,
        expected=file.dtype if has_shape else _shape(file),
        found=array.dtype.name if has_shape else array.shape,
    )


def _shape(file: FileRecord) -> object:
    """As the array's own would be shown; "n" where any number will do."""
    if None not in file.shape:
        return file.shape
    return f"({', '.join('n' if dim is None else str(dim) for dim in file.shape)})"


def open_split(
    place: Place,
    split: SplitName,
    record: Record | None,
    cache: Cache,
    alignment: int,
) -> Split:
    """The split of that name. Raises the errors of `open_found` and of `Split`."""
    own = place[split, "images"], place[split, "labels"]
    if own[0].shards or own[1].shards:
        return _open_sharded(own, split, cache, alignment)
    images = open_found(own[0], record, "images", cache, alignment)
    labels = open_found(own[1], record, "labels", cache, alignment)
    attributes = {}
    if record is not None and record.label_columns and labels.ndim == 2:
        # Copied: each column alone is small, and lies together in memory.
        columns = [np.ascontiguousarray(column) for column in labels.T]
        labels = columns[0]
        attributes = dict(zip(record.label_columns[1:], columns[1:], strict=True))
    with located(own[0].path.parent, split):
        return Split(images, labels, attributes)


def _open_sharded(
    own: tuple[Found, Found], split: SplitName, cache: Cache, alignment: int
) -> Split:
    """Of shards of images, and of labels in as many shards or in one file."""
    images, labels = own
    folder = images.path.parent
    opened: tuple[Images, NDArray[Any]]
    if not images.shards:
        raise DatasetError(
            f"{split} labels are in many files, images in one", path=folder
        )
    if labels.shards:
        files = pair_shards(images.shards, labels.shards)
        opened = open_shards(*files, cache, alignment)
    else:
        opened = (
            ShardedArray.open(images.shards, cache=cache, alignment=alignment),
            open_found(labels, None, "labels", cache, alignment),
        )
    with located(folder, split):
        return Split(*opened)
