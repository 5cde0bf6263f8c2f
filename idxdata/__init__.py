"""Read IDX data (the MNIST family's format) and feed it, the same bits everywhere.

Importing this imports nothing else: each name brings its module when it is first
used, so that reading a small file does not wait for what serves training.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idxdata.appending import IdxWriter
    from idxdata.augmentation import Augmentation
    from idxdata.batches import Batch, Batches
    from idxdata.cache import Cache, open_idx
    from idxdata.caching.sweeping import CacheEntry
    from idxdata.caching.verifying import CacheCheck
    from idxdata.dataset import Dataset
    from idxdata.digests import batch_digest
    from idxdata.errors import (
        CacheError,
        CatalogueError,
        ChecksumError,
        DatasetError,
        DigestError,
        FetchError,
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
    from idxdata.formats import BatchFormat
    from idxdata.header import Header
    from idxdata.idx import read_header, read_idx
    from idxdata.loading import fetch_dataset, load
    from idxdata.order.strata import Stratified
    from idxdata.order.subsets import First, Fold, OfClasses
    from idxdata.plan import Plan, indices_digest
    from idxdata.sharding import ShardedArray
    from idxdata.split import Split, idx_digest
    from idxdata.writer import write_idx

__version__ = "0.1.0"

__all__ = [
    "Augmentation",
    "Batch",
    "BatchFormat",
    "Batches",
    "Cache",
    "CacheCheck",
    "CacheEntry",
    "CacheError",
    "CatalogueError",
    "ChecksumError",
    "Dataset",
    "DatasetError",
    "DigestError",
    "FetchError",
    "First",
    "Fold",
    "FormatError",
    "GzipError",
    "Header",
    "HeaderError",
    "IdxDataError",
    "IdxWriter",
    "InflateError",
    "LimitError",
    "MissingFrameworkError",
    "OfClasses",
    "PayloadSizeError",
    "Plan",
    "PlanError",
    "ShardedArray",
    "Split",
    "Stratified",
    "batch_digest",
    "fetch_dataset",
    "idx_digest",
    "indices_digest",
    "load",
    "open_idx",
    "read_header",
    "read_idx",
    "write_idx",
]

_MODULES = {
    "appending": ("IdxWriter",),
    "augmentation": ("Augmentation",),
    "batches": ("Batch", "Batches"),
    "cache": ("Cache", "open_idx"),
    "caching.sweeping": ("CacheEntry",),
    "caching.verifying": ("CacheCheck",),
    "dataset": ("Dataset",),
    "digests": ("batch_digest",),
    "formats": ("BatchFormat",),
    "header": ("Header",),
    "idx": ("read_header", "read_idx"),
    "loading": ("fetch_dataset", "load"),
    "order.strata": ("Stratified",),
    "order.subsets": ("First", "Fold", "OfClasses"),
    "plan": ("Plan", "indices_digest"),
    "sharding": ("ShardedArray",),
    "split": ("Split", "idx_digest"),
    "writer": ("write_idx",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


if not TYPE_CHECKING:  # which would take any name for one that is there

    def __getattr__(name: str) -> object:
        """A public name at its first use (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(f"{__name__}.{_HOME.get(name, 'errors')}")
        value = globals()[name] = getattr(module, name)
        return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
