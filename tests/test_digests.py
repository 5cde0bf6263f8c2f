"""batch_digest: the rule in the docstring, and that it tells differences apart."""

import hashlib

import numpy as np
import pytest

from idxdata import batch_digest

IMAGES = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
LABELS = np.array([3, 4])


def test_the_rule() -> None:
    digest = hashlib.sha256()
    for _ in range(2):
        digest.update(b"float32 2x2x3\n" + IMAGES.astype("<f4").tobytes())
        digest.update(b"int64 2\n" + LABELS.astype("<i8").tobytes())
    assert batch_digest([(IMAGES, LABELS)] * 2) == digest.hexdigest()


def test_memory_layout_does_not_count() -> None:
    turned = np.asfortranarray(IMAGES)
    assert batch_digest([(turned, LABELS)]) == batch_digest([(IMAGES, LABELS)])


@pytest.mark.parametrize(
    "pairs",
    [
        [(IMAGES, LABELS), (IMAGES, LABELS)],
        [(IMAGES.reshape(2, 6), LABELS)],
        [(IMAGES[:1], LABELS[:1]), (IMAGES[1:], LABELS[1:])],
        [(IMAGES[::-1], LABELS)],
        [(IMAGES, LABELS.astype(np.int32))],
        [(IMAGES.astype(np.uint8), LABELS)],
        [(-IMAGES * 0 + IMAGES - 0.0, -LABELS)],
    ],
)
def test_differences_show(pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    assert batch_digest(pairs) != batch_digest([(IMAGES, LABELS)])


def test_masks_are_left_out() -> None:
    mask = np.array([True, False])
    assert batch_digest([(IMAGES, LABELS, mask)]) == batch_digest([(IMAGES, LABELS)])


def test_what_is_no_array_is_refused() -> None:
    with pytest.raises(TypeError, match="found list"):
        batch_digest([(IMAGES, [3, 4])])  # type: ignore[list-item]


@pytest.mark.parametrize("dtype", ["f8", "f2", ">f4", "u4", "?", "c8"])
def test_dtypes_of_no_batch_are_refused(dtype: str) -> None:
    with pytest.raises(TypeError):
        batch_digest([(IMAGES.astype(dtype), LABELS)])
    with pytest.raises(TypeError):
        batch_digest([(IMAGES, LABELS.astype(dtype))])
