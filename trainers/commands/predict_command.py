"""`predict`: pictures with what a model takes them for."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from idxdata import catalogue
from idxdata.errors import CatalogueError, FormatError, IdxDataError
from idxdata.terminal import bar, percent, picture, top
from trainers.commands.opening import open_given
from trainers.errors import RecipeError
from trainers.image_files import Picture, count_rows, read_pictures
from trainers.inference import predict_probabilities
from trainers.model_files import Model

NUM_SHOWN = 10
"""Rows of an IDX file that are shown where none are asked for."""

_NUM_CLASSES = 5
_BAR = 24


def main(args: argparse.Namespace) -> int:
    """Show each picture with its classes, or print one JSON line for each."""
    _, model = open_given(args)
    names = _class_names(args.data, model.recipe.num_classes)
    rows = args.rows or slice(None if args.json else NUM_SHOWN)
    pictures, errors = _read(args, model.recipe.image_shape, rows)
    if pictures:
        _predict(args, model, pictures, names)
        sys.stdout.flush()
    if len(errors) > 1:
        raise ExceptionGroup("files that cannot be used", errors)
    if errors:
        raise errors[0]
    return 0


def _read(
    args: argparse.Namespace, shape: tuple[int, int], rows: slice
) -> tuple[list[Picture], list[Exception]]:
    """The pictures of all files that can be used, and an error for each of the others."""
    pictures: list[Picture] = []
    errors: list[Exception] = []
    for path in args.files:
        try:
            found = read_pictures(path, shape, rows=rows, invert=args.invert)
            if not found:
                raise _no_rows(path, rows)
        except (IdxDataError, OSError, ValueError) as error:
            errors.append(error)
        else:
            pictures += found
    return pictures, errors


def _no_rows(path: str, rows: slice) -> IdxDataError:
    count = count_rows(path)
    if not count:
        return FormatError("the file has no rows", path=path)
    first, last = ("" if end is None else str(end) for end in (rows.start, rows.stop))
    return RecipeError(
        "no such rows",
        path=path,
        expected=f"of 0 to {count - 1}",
        found=f"{first}:{last}",
    )


def _predict(
    args: argparse.Namespace,
    model: Model,
    pictures: Sequence[Picture],
    names: Sequence[str],
) -> None:
    probabilities = predict_probabilities(
        model.recipe,
        model.weights,
        model.loop,
        np.stack([item.image for item in pictures]),
        num_threads=args.threads,
        device=args.device,
    )
    if args.json:
        for item, row in zip(pictures, probabilities, strict=True):
            print(json.dumps(_described(item, row, names)))
        return
    _show(pictures, probabilities, names)


def _class_names(dataset: str | None, count: int) -> list[str]:
    """The catalogue's, or numbers. Raises `CatalogueError`."""
    if dataset is not None and (os.sep in dataset or Path(dataset).is_dir()):
        raise CatalogueError(
            "a folder does not name its classes",
            path=dataset,
            hint="leave out --data, or name a dataset of the catalogue",
        )
    names = () if dataset is None else catalogue.find(dataset).classes
    return [*names[:count], *map(str, range(len(names), count))]


def _described(
    item: Picture, row: NDArray[np.float32], names: Sequence[str]
) -> dict[str, object]:
    first = int(row.argmax())
    return {
        "path": item.path,
        "row": item.row,
        "class": first,
        "name": names[first],
        "probability": float(row[first]),
        "probabilities": row.tolist(),
        "notices": list(item.notices),
    }


def _show(
    pictures: Sequence[Picture],
    probabilities: NDArray[np.float32],
    names: Sequence[str],
) -> None:
    console = Console(highlight=False)
    has_colour = console.color_system is not None
    for item, row in zip(pictures, probabilities, strict=True):
        grid = Table.grid(padding=(0, 3, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(vertical="middle")
        grid.add_row(
            picture(item.image, has_colour=has_colour), _verdict(item, row, names)
        )
        console.print(grid)
        console.print()


def _verdict(item: Picture, row: NDArray[np.float32], names: Sequence[str]) -> Group:
    """The name of what it is of, the likeliest classes, and what was done to it."""
    name = item.path.replace("\\", "/").rpartition("/")[2]
    where = name if item.row is None else f"{name}, row {item.row}"
    places = top(row.tolist(), _NUM_CLASSES)
    width = max(len(names[place]) for place in places)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, min_width=width)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    for place in places:
        style = "bold green" if place == places[0] else "dim"
        share = float(row[place])
        grid.add_row(names[place], bar(share, _BAR), percent(share), style=style)
    parts: list[Text | Table] = [Text(where, style="dim"), Text(), grid]
    if item.notices:
        parts += [Text(), Text("; ".join(item.notices), style="yellow")]
    return Group(*parts)
