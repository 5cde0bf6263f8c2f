"""Small files to train on."""

from pathlib import Path

import numpy as np
import pytest

from idxdata import write_idx


@pytest.fixture(scope="session")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small files: three classes of stripes that are easy to tell apart."""
    folder = tmp_path_factory.mktemp("data") / "stripes"
    folder.mkdir()
    random = np.random.default_rng(0)
    for stem, count in (("train", 600), ("t10k", 150)):
        labels = random.integers(0, 3, count, dtype=np.uint8)
        images = random.integers(0, 60, (count, 20, 18), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[:: label + 2] += 150
        write_idx(folder / f"{stem}-images-idx3-ubyte.gz", images)
        write_idx(folder / f"{stem}-labels.idx1-ubyte", labels)
    return folder
