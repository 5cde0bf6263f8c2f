"""BatchFormat: what it takes, what it refuses, how it describes itself."""

import json
from typing import Any

import numpy as np
import pytest

from idxdata.formats import BatchFormat


def test_the_default_is_what_batches_always_were() -> None:
    assert BatchFormat() == BatchFormat(
        pixels="unit", layout="stored", labels="int64", mean=None, std=None
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pixels": "uint8", "layout": "flat", "labels": "int32"},
        {"pixels": "standard", "mean": 0.13, "std": 0.31, "layout": "nhwc"},
        {"pixels": "standard", "mean": (0.1, 0.2), "std": 1, "layout": "nchw"},
        {"labels": "one_hot", "num_classes": 10},
    ],
)
def test_describes_itself_as_json(options: dict[str, Any]) -> None:
    batch_format = BatchFormat(**options)
    described = json.loads(json.dumps(batch_format.describe()))
    assert BatchFormat(**described) == batch_format
    hash(batch_format)


def test_numbers_become_pythons() -> None:
    made = BatchFormat(
        pixels="standard",
        mean=np.array([0.5, 0.25]),  # type: ignore[arg-type]
        std=np.float32(2),  # type: ignore[arg-type]
        labels="one_hot",
        num_classes=np.int8(3),  # type: ignore[arg-type]
    )
    assert (made.mean, made.std, made.num_classes) == ((0.5, 0.25), 2.0, 3)
    assert type(made.std) is float
    assert type(made.num_classes) is int


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"pixels": "float"}, "pixels"),
        ({"layout": "hwc"}, "layout"),
        ({"labels": "one-hot"}, "labels"),
        ({"pixels": []}, "pixels"),
        ({"mean": 0.1}, "mean and std"),
        ({"pixels": "uint8", "std": 0.1}, "mean and std"),
        ({"pixels": "standard", "std": 0.1}, "mean"),
        ({"pixels": "standard", "mean": 0.1}, "std"),
        ({"pixels": "standard", "mean": float("nan"), "std": 1}, "mean"),
        ({"pixels": "standard", "mean": 1e39, "std": 1}, "mean"),
        ({"pixels": "standard", "mean": "0.1", "std": [None]}, "std"),
        ({"pixels": "standard", "mean": (), "std": 1}, "mean"),
        ({"pixels": "standard", "mean": 0, "std": 0}, "std"),
        ({"pixels": "standard", "mean": 0, "std": 1e-60}, "std"),
        ({"pixels": "standard", "mean": 0, "std": (1, -1)}, "std"),
        ({"pixels": "standard", "mean": (0, 0), "std": (1, 1, 1)}, "2 means"),
        ({"num_classes": 10}, "num_classes"),
        ({"labels": "one_hot"}, "num_classes"),
        ({"labels": "one_hot", "num_classes": 0}, "num_classes"),
        ({"labels": "one_hot", "num_classes": 2.0}, "num_classes"),
    ],
)
def test_what_it_refuses(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        BatchFormat(**options)
