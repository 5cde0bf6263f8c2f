"""A source and a cache for each test."""

from pathlib import Path

import pytest

from idxdata import Cache, write_idx
from tests.cache_faults.folder import VALUES


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file that has to be decoded, of `VALUES`."""
    path = tmp_path / "digits-idx3-float.gz"
    write_idx(path, VALUES)
    return path


@pytest.fixture
def here(tmp_path: Path) -> Cache:
    """Empty."""
    return Cache(tmp_path / "cache")
