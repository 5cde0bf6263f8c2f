"""Errors about a dataset that say where it lies, and what of it is meant."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from idxdata.errors import DatasetError, PathLike


@contextmanager
def located(place: PathLike, subject: str) -> Iterator[None]:
    """Say in a DatasetError which folder or file and which part of it is meant."""
    try:
        yield
    except DatasetError as error:
        is_named = os.path.basename(os.fspath(place)) == subject
        raise DatasetError(
            error.what if is_named else f"{subject}: {error.what}",
            path=place,
            expected=error.expected,
            found=error.found,
            hint=error.hint,
        ) from None
