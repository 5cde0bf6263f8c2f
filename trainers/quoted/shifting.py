"""Images shifted by whole pixels, and lists of such shifts in recipes."""

import numpy as np
from numpy.typing import NDArray

from trainers.errors import QuotedError


def shifted(images: NDArray[np.uint8], down: int, right: int) -> NDArray[np.uint8]:
    """uint8 (n, height, width), by whole pixels; what comes in is 0. New memory.

    As `idxdata.Augmentation`'s shift has it, where that is of whole pixels.
    """
    height, width = images.shape[1:]
    result = np.zeros_like(images)
    if abs(down) >= height or abs(right) >= width:
        return result
    to_rows, of_rows = _overlap(down, height)
    to_columns, of_columns = _overlap(right, width)
    result[:, to_rows, to_columns] = images[:, of_rows, of_columns]
    return result


def checked_shifts(value: object) -> tuple[tuple[int, int], ...]:
    """(pixels down, pixels right) of each, of a list of pairs; else `QuotedError`."""
    is_list = isinstance(value, list) and all(
        isinstance(shift, list)
        and len(shift) == 2
        and all(type(part) is int for part in shift)
        for shift in value
    )
    if not isinstance(value, list) or not is_list:
        raise QuotedError("no shifts", expected="pairs of integers", found=repr(value))
    return tuple((down, right) for down, right in value)


def _overlap(by: int, size: int) -> tuple[slice, slice]:
    """Where a shifted axis has what was there, and where that was."""
    there = slice(max(by, 0), size + min(by, 0))
    return there, slice(max(-by, 0), size + min(-by, 0))
