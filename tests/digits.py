"""Four small files that fit together, for the tests of datasets."""

from pathlib import Path

import numpy as np
import pytest

from idxdata import Dataset, DatasetError, load, write_idx

TRAIN_IMAGES = np.arange(6 * 4 * 3, dtype="u1").reshape(6, 4, 3)
TRAIN_LABELS = np.array([2, 0, 1, 3, 1, 0], "u1")
TEST_IMAGES = TRAIN_IMAGES[:2, ::-1]
TEST_LABELS = np.array([3, 1], "u1")
ARRAYS = {
    "train-images-idx3-ubyte": TRAIN_IMAGES,
    "train-labels-idx1-ubyte": TRAIN_LABELS,
    "t10k-images-idx3-ubyte": TEST_IMAGES,
    "t10k-labels-idx1-ubyte": TEST_LABELS,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with four small files that fit together."""
    place = tmp_path / "digits"
    place.mkdir()
    for name, array in ARRAYS.items():
        write_idx(place / name, array)
    return place


def check(data: Dataset) -> None:
    assert np.array_equal(data.train.images, TRAIN_IMAGES)
    assert np.array_equal(data.train.labels, TRAIN_LABELS)
    assert np.array_equal(data.test.images, TEST_IMAGES)
    assert np.array_equal(data.test.labels, TEST_LABELS)
    assert data.classes == ("0", "1", "2", "3")


def refused(place: Path) -> DatasetError:
    with pytest.raises(DatasetError) as caught:
        load(place)
    return caught.value
