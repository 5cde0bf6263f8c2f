"""glyphs: drawn into the cache's folder of datasets at the first use."""

import shutil
import time
from contextlib import suppress
from pathlib import Path

from idxdata import synthetic
from idxdata.atomic import temporary_sibling
from idxdata.errors import CacheError
from idxdata.locks import named_lock
from idxdata.progress import progress_bar
from idxdata.writer import write_idx

FOLDER = f"glyphs-{synthetic.VERSION}"

_STALE_PART_S = 86_400
"""Drawing takes some seconds; what is as old as this, nobody draws any more."""


def make_glyphs(place: Path) -> None:
    """Have glyphs in the folder `place`: one process draws, the others wait for it.

    Raises `CacheError` if they cannot be written.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with named_lock(place.with_name(f"{place.name}.lock"), note="draws glyphs"):
            if not place.exists():
                _sweep(place.parent)
                _draw(place)
    except OSError as error:
        raise CacheError(
            "cannot write the glyphs dataset",
            path=place,
            found=error.strerror or str(error),
            hint="set IDXDATA_CACHE to a folder with room that can be written",
        ) from error


def _draw(place: Path) -> None:
    """Draw glyphs and publish them as four .gz files in the folder `place`."""
    total = synthetic.NUM_TRAIN + synthetic.NUM_TEST
    part = temporary_sibling(place)
    try:
        part.mkdir()
        with progress_bar("drawing glyphs", total) as advance:
            for split, stem in (("train", "train"), ("test", "t10k")):
                images, labels = synthetic.draw(split, advance=advance)
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
