"""From a name of the catalogue, a folder or files to a Dataset."""

from idxdata.loading.door import load
from idxdata.loading.downloading import fetch_dataset

__all__ = ["fetch_dataset", "load"]
