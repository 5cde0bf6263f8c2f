"""load(): a folder of MNIST-style files, or a name of the catalogue, to a Dataset."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from idxdata import catalogue, synthetic
from idxdata.atomic import temporary_sibling
from idxdata.cache import Cache, open_idx
from idxdata.catalogue import ROLES, SPLITS, Role, SplitName
from idxdata.dataset import Dataset, Split, label_range
from idxdata.errors import CacheError, DatasetError, PathLike
from idxdata.locks import named_lock
from idxdata.progress import progress_bar
from idxdata.writer import write_idx

MAX_CLASSES = 4096
"""Where no catalogue says what the classes are, larger labels are taken for damage."""

_STALE_PART_S = 86_400
"""Drawing glyphs takes some seconds; what is as old as this, nobody draws any more."""

_STEMS: dict[SplitName, tuple[str, ...]] = {
    "train": ("train",),
    "test": ("t10k", "test"),
}

_FILE_NAME = re.compile(
    r"(?P<stem>train|t10k|test)-(?P<role>images|labels)[-.]idx\d+-\w+(\.gz)?"
)


def load(
    name_or_folder: PathLike,
    *,
    folder: PathLike | None = None,
    cache: Cache | None = None,
    alignment: int = 1,
) -> Dataset:
    """The dataset of that name or in that folder, memory-mapped.

    A name of the catalogue ("glyphs", "mnist", "fashion_mnist") is looked for in
    `folder`, by default `<cache folder>/datasets/<name>`. "glyphs" needs no files:
    it is drawn there at the first use, in some seconds. Anything with a path
    separator, any existing folder and any `PathLike` is a folder.

    A folder holds four files, MNIST's in any of their spellings:
    `train-images-idx3-ubyte`, `train-images.idx3-ubyte`, each with or without
    `.gz`, `t10k` or `test` for the test split, and `labels` with `idx1`. Where
    there are several, raw goes before gzip. Without a name, the classes are the
    labels' numbers "0", "1", ... up to the largest train label.

    All four are as `open_idx` maps them with that `alignment` (bytes; 64 suits every
    framework); `cache` serves it (default: `Cache()`).

    Raises `CatalogueError` for an unknown name, `DatasetError` if a file is
    missing, counts or shapes do not fit, or a label is out of range, and the
    errors of `open_idx`; `FileNotFoundError` if there is no such folder.
    """
    cache = cache or Cache()
    record = None
    if not _is_folder(name_or_folder):
        record = catalogue.find(str(name_or_folder))
        place = _default_place(record.name, cache) if folder is None else Path(folder)
        if record.name == "glyphs" and folder is None and not place.exists():
            _make_glyphs(place)
    elif folder is not None:
        raise ValueError("folder= goes with a name of the catalogue")
    else:
        place = Path(name_or_folder)
    arrays = _open_folder(place, record, cache, alignment)
    with _located(place, "train"):
        train = Split(arrays["train", "images"], arrays["train", "labels"])
    with _located(place, "test"):
        test = Split(arrays["test", "images"], arrays["test", "labels"])
    name = record.name if record else place.resolve().name
    with _located(place, name):
        classes = record.classes if record else _numbered_classes(train.labels)
        return Dataset(name, train, test, classes)


def _default_place(name: str, cache: Cache) -> Path:
    versioned = f"glyphs-{synthetic.VERSION}" if name == "glyphs" else name
    return cache.folder / "datasets" / versioned


@contextmanager
def _located(place: Path, subject: str) -> Iterator[None]:
    """Say in a DatasetError which folder and which part of it is meant."""
    try:
        yield
    except DatasetError as error:
        raise DatasetError(
            f"{subject}: {error.what}",
            path=place,
            expected=error.expected,
            found=error.found,
            hint=error.hint,
        ) from None


def _numbered_classes(labels: NDArray[Any]) -> tuple[str, ...]:
    _, largest = label_range(labels)
    if largest >= MAX_CLASSES:
        raise DatasetError(
            "train labels are too large to be classes",
            expected=f"0 to {MAX_CLASSES - 1}",
            found=largest,
            hint="were they written in little-endian order?",
        )
    return tuple(str(label) for label in range(largest + 1))


def _is_folder(name_or_folder: PathLike) -> bool:
    if not isinstance(name_or_folder, str):
        return True
    if name_or_folder in catalogue.RECORDS:
        return False
    separators = {os.sep, os.altsep or os.sep}
    return bool(separators & set(name_or_folder)) or os.path.isdir(name_or_folder)


def _open_folder(
    place: Path, record: catalogue.Record | None, cache: Cache, alignment: int
) -> dict[tuple[SplitName, Role], NDArray[Any]]:
    try:
        names = sorted(entry.name for entry in os.scandir(place) if entry.is_file())
    except FileNotFoundError:
        if record is None:
            raise
        raise DatasetError(
            f"the files of {record.name} are not there",
            path=place,
            expected=", ".join(file.name for file in record.files) or "four files",
            hint="put them there, or name their folder with folder=",
        ) from None
    is_drawn = record is not None and place == _default_place("glyphs", cache)
    hint = "delete the folder, and it is drawn again" if is_drawn else None
    arrays = {}
    for split in SPLITS:
        for role in ROLES:
            path = place / _find_file(place, names, split, role, hint=hint)
            array = open_idx(path, cache=cache, alignment=alignment)
            shape = record.shape(split, role) if record else None
            if shape is not None and array.shape != shape:
                raise DatasetError(
                    "not the shape of this dataset",
                    path=path,
                    expected=shape,
                    found=array.shape,
                )
            arrays[split, role] = array
    return arrays


def _find_file(
    place: Path, names: list[str], split: SplitName, role: Role, *, hint: str | None
) -> str:
    fitting = [
        name
        for name in names
        if (match := _FILE_NAME.fullmatch(name))
        and match["stem"] in _STEMS[split]
        and match["role"] == role
    ]
    if not fitting:
        ndim = 3 if role == "images" else 1
        raise DatasetError(
            f"no {split} {role} here",
            path=place,
            expected=f"{_STEMS[split][0]}-{role}-idx{ndim}-ubyte or a spelling of it",
            found=", ".join(names[:8]) or "an empty folder",
            hint=hint,
        )
    return min(fitting, key=lambda name: (name.endswith(".gz"), name))


def _make_glyphs(place: Path) -> None:
    """Have glyphs in the folder `place`: one process draws, the others wait for it."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with named_lock(place.with_name(f"{place.name}.lock"), note="draws glyphs"):
            if not place.exists():
                _sweep(place.parent)
                _draw_glyphs(place)
    except OSError as error:
        raise CacheError(
            "cannot write the glyphs dataset",
            path=place,
            found=error.strerror or str(error),
            hint="set IDXDATA_CACHE to a folder with room that can be written",
        ) from error


def _draw_glyphs(place: Path) -> None:
    """Draw glyphs and publish them as four .gz files in the folder `place`."""
    total = synthetic.NUM_TRAIN + synthetic.NUM_TEST
    part = temporary_sibling(place)
    try:
        part.mkdir()
        with progress_bar("drawing glyphs", total) as advance:
            for split in SPLITS:
                images, labels = synthetic.draw(split, advance=advance)
                stem = _STEMS[split][0]
                write_idx(part / f"{stem}-images-idx3-ubyte.gz", images)
                write_idx(part / f"{stem}-labels-idx1-ubyte.gz", labels)
        try:
            part.rename(place)
        except OSError:
            # Without locks another process may have drawn the same bits first.
            if not place.exists():
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Delete what processes left that were killed while they drew."""
    for part in folder.glob(".idxdata-*.part"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > _STALE_PART_S:
                shutil.rmtree(part, ignore_errors=True)
