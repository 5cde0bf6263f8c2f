"""Errors about a dataset that say where it lies, and what of it is meant."""

from collections.abc import Iterator
from contextlib import contextmanager

from idxdata.errors import DatasetError, PathLike


@contextmanager
def located(place: PathLike, subject: str) -> Iterator[None]:
    """Say in a DatasetError which folder or file and which part of it is meant."""
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
