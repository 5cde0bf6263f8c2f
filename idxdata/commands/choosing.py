"""Which examples are shown: by row, by class, those farthest from their class first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.commands.numbers import Rows
from idxdata.commands.opening import Opened, Part, counting
from idxdata.errors import DatasetError
from idxdata.measures import class_means, distances


@dataclass(frozen=True, slots=True)
class Example:
    """A row with what is known of it. `distance`: to its class's mean image."""

    index: int
    label: int | None = None
    distance: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is asked for; all of it must hold.

    `rows`: None for all. `classes`: names or labels; none for all. `is_misfits`: the
    farthest from their class's mean first, else in the rows' order. `per_class`: so
    many of each class, class by class. `count`: no more than so many in all.
    """

    rows: Rows | None = None
    classes: Sequence[str] = ()
    is_misfits: bool = False
    per_class: int | None = None
    count: int | None = None


def choose(opened: Opened, part: Part, choice: Choice) -> list[Example]:
    """The examples asked for, in the order to be shown.

    Raises `ValueError` for rows or classes that are not there, and for what needs
    labels where there are none; `DatasetError` if no example is left.
    """
    labels = part.labels
    needs_labels = choice.classes or choice.is_misfits or choice.per_class is not None
    if labels is None and needs_labels:
        raise ValueError(
            "--class, --misfits and --per-class need labels: add --labels FILE"
        )
    indices = _rows(choice.rows, len(part))
    if choice.classes and labels is not None:
        wanted = [class_label(text, opened.classes) for text in choice.classes]
        indices = indices[np.isin(labels[indices], wanted)]
    away = None
    if choice.is_misfits:
        away = _distances(part, len(opened.classes))
        indices = indices[np.argsort(-away[indices], kind="stable")]
    if choice.per_class is not None and labels is not None:
        indices = _by_class(indices, labels, choice.per_class)
    if not len(indices):
        raise DatasetError(f"no example of {opened.name} is as asked for")
    return [
        Example(
            int(index),
            None if labels is None else int(labels[index]),
            None if away is None else float(away[index]),
        )
        for index in indices[: choice.count]
    ]


def class_label(text: str, classes: Sequence[str]) -> int:
    """The label of the class called `text`, else the label that it is.

    Raises `ValueError` if there is none.
    """
    if text in classes:
        return classes.index(text)
    if text.isdecimal() and int(text) < len(classes):
        return int(text)
    named = ", ".join(classes[:30]) + (", ..." if len(classes) > 30 else "")
    raise ValueError(
        f"no class {text!r}: there are {named}; or give a label, 0 to {len(classes) - 1}"
    )


def _rows(rows: Rows | None, count: int) -> NDArray[np.int64]:
    if rows is None:
        return np.arange(count)
    found = []
    for row in rows:
        if isinstance(row, slice):
            found.append(np.arange(count)[row])
        elif not -count <= row < count:
            raise ValueError(f"no row {row}: there are {count:,}, 0 to {count - 1}")
        else:
            found.append(np.array([row % count]))
    # Asked for twice, it is shown once, where it was asked for first.
    joined = np.concatenate(found)
    _, firsts = np.unique(joined, return_index=True)
    return joined[np.sort(firsts)]


def _distances(part: Part, num_classes: int) -> NDArray[np.float64]:
    images, labels = part.images, part.labels
    if images is None or labels is None:
        raise ValueError("distances need images and labels")
    with counting("measuring", images, num_passes=2) as advance:
        means = class_means(images, labels, num_classes, advance=advance)
        return distances(images, labels, means, advance=advance)


def _by_class(
    indices: NDArray[np.int64], labels: NDArray[Any], count: int
) -> NDArray[np.int64]:
    """The first `count` of each class, class by class, in the order they have."""
    own = labels[indices]
    firsts = [indices[own == label][:count] for label in np.unique(own)]
    return np.concatenate([indices[:0], *firsts])
