"""Splits, or what a file of another format holds, to a Dataset."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from idxdata.dataset import Dataset, label_range
from idxdata.errors import DatasetError
from idxdata.loading.located import located
from idxdata.split import Split

MAX_CLASSES = 4096
"""Where no catalogue says what the classes are, larger labels are taken for damage."""


def assemble(
    place: Path,
    name: str,
    splits: dict[str, Split],
    classes: Sequence[str] | None,
) -> Dataset:
    """A dataset of `splits` by name; classes are numbers where none are given.

    Raises `DatasetError`, which names `place`, if there is no train split or they do
    not fit together.
    """
    if "train" not in splits:
        raise DatasetError(
            "no train split here", path=place, found=", ".join(splits) or "nothing"
        )
    train, test = splits.pop("train"), splits.pop("test", None)
    with located(place, name):
        names = tuple(classes) if classes else numbered_classes(train.labels)
        return Dataset(name, train, test, names, extra=splits)


def from_content(path: Path, classes: Sequence[str] | None) -> Dataset:
    """What the file or folder of another format at `path` holds.

    Raises `DatasetError` if images have no labels, and the errors of `read_content`.
    """
    # Most data is IDX, and need not wait for what reads other files.
    from idxdata.exchange.reading import read_content

    content = read_content(path)
    splits = {}
    for name, part in content.parts.items():
        split = name or "train"
        if part.labels is None:
            raise DatasetError(
                f"{split} images have no labels",
                path=path,
                expected="labels beside the images",
                hint="load(images=..., labels=...) takes them from two files",
            )
        with located(path, split):
            splits[split] = Split(part.data, part.labels)
    return assemble(path, path.resolve().stem, splits, classes or content.classes)


def numbered_classes(labels: NDArray[Any]) -> tuple[str, ...]:
    """ "0", "1", ... up to the largest label. `DatasetError` from `MAX_CLASSES` on."""
    _, largest = label_range(labels)
    if largest >= MAX_CLASSES:
        raise DatasetError(
            "train labels are too large to be classes",
            expected=f"0 to {MAX_CLASSES - 1}",
            found=largest,
            hint="were they written in little-endian order?",
        )
    return tuple(str(label) for label in range(largest + 1))
