"""Read IDX data (the MNIST family's format) and feed it, the same bits everywhere.

Importing this imports NumPy and nothing else: no numba, no framework, no threads.
"""

from idxdata.batches import Batch, Batches, batch_digest
from idxdata.cache import Cache, open_idx
from idxdata.dataset import Dataset, Split, idx_digest
from idxdata.errors import (
    CacheError,
    CatalogueError,
    ChecksumError,
    DatasetError,
    FormatError,
    GzipError,
    HeaderError,
    IdxDataError,
    InflateError,
    LimitError,
    MissingFrameworkError,
    PayloadSizeError,
    PlanError,
)
from idxdata.header import Header
from idxdata.idx import read_header, read_idx, write_idx
from idxdata.loading import load
from idxdata.plan import Plan

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "Batches",
    "Cache",
    "CacheError",
    "CatalogueError",
    "ChecksumError",
    "Dataset",
    "DatasetError",
    "FormatError",
    "GzipError",
    "Header",
    "HeaderError",
    "IdxDataError",
    "InflateError",
    "LimitError",
    "MissingFrameworkError",
    "PayloadSizeError",
    "Plan",
    "PlanError",
    "Split",
    "batch_digest",
    "idx_digest",
    "load",
    "open_idx",
    "read_header",
    "read_idx",
    "write_idx",
]
