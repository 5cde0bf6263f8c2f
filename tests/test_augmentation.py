"""Augmentation: its values, and laws that need no oracle."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from idxdata.augmentation import Augmentation, gaussian_weights
from idxdata.formats import BatchFormat
from idxdata.gathering import Gatherer
from idxdata.split import Split

EVERYTHING = Augmentation(
    shift=1.5, rotate=15, scale=0.1, shear=0.1, elastic=(8, 2), erase=(0.5, 0.4)
)
IMAGES = np.random.default_rng(7).integers(0, 256, (30, 8, 10), dtype=np.uint8)


def examples(
    rows: list[int],
    augmentation: Augmentation,
    *,
    seed: int = 3,
    epoch: int = 0,
    images: NDArray[np.uint8] = IMAGES,
) -> NDArray[np.uint8]:
    split = Split(images, np.zeros(len(images), np.uint8))
    gatherer = Gatherer(split, BatchFormat(pixels="uint8"), augmentation)
    out = np.empty((len(rows), *gatherer.image_shape), np.uint8)
    labels = np.empty(len(rows), np.int64)
    gatherer.fill(np.array(rows, np.int64), out, labels, seed=seed, epoch=epoch)
    return out


@settings(max_examples=30)
@given(rows=st.lists(st.integers(0, 29), max_size=6))
def test_an_example_knows_nothing_of_its_batch(rows: list[int]) -> None:
    # Whatever else the batch holds, in whatever order, on whatever rank.
    together = examples(rows, EVERYTHING)
    for row, example in zip(rows, together, strict=True):
        assert np.array_equal(examples([row], EVERYTHING)[0], example)


def test_seeds_epochs_and_rows_all_matter() -> None:
    same = np.repeat(IMAGES[:1], 30, axis=0)
    shift = Augmentation(shift=3)
    seen = {
        examples([row], shift, seed=seed, epoch=epoch, images=same).tobytes()
        for row in range(3)
        for seed in range(3)
        for epoch in range(3)
    }
    assert len(seen) == 27


@pytest.mark.parametrize("share", [0.05, 0.3, 1.0])
def test_what_is_erased_is_one_rectangle_within_bounds(share: float) -> None:
    white = np.full((1, 8, 10), 255, np.uint8)
    most = (max(1, int(share * 8)), max(1, int(share * 10)))
    seen = set()
    for epoch in range(60):
        image = examples([0], Augmentation(erase=(1, share)), epoch=epoch, images=white)
        at = np.argwhere(image[0] == 0)
        (top, left), (bottom, right) = at.min(axis=0), at.max(axis=0)
        tall, broad = bottom - top + 1, right - left + 1
        assert len(at) == tall * broad
        assert tall <= most[0]
        assert broad <= most[1]
        seen.add((tall, broad, top, left))
    assert max(tall for tall, *_ in seen) == most[0]
    assert len(seen) > 20


def test_erasing_happens_as_often_as_said() -> None:
    white = np.full((1, 4, 4), 255, np.uint8)
    erased = sum(
        examples([0], Augmentation(erase=(0.3, 0.5)), epoch=e, images=white).min() == 0
        for e in range(400)
    )
    assert abs(erased - 120) < 5 * math.sqrt(400 * 0.3 * 0.7)


def test_shifts_have_the_range_and_mean_they_should() -> None:
    # The centre of a white square moves with the image.
    image = np.zeros((1, 15, 15), np.uint8)
    image[0, 6:9, 6:9] = 255
    centres = []
    for epoch in range(300):
        out = examples([0], Augmentation(shift=3), epoch=epoch, images=image)[0]
        weight = out / out.sum()
        centres.append([(weight.sum(axis=1) * np.arange(15)).sum() - 7,
                        (weight.sum(axis=0) * np.arange(15)).sum() - 7])  # fmt: skip
    moves = np.array(centres)
    assert abs(moves).max() < 3.01
    assert abs(moves).max(axis=0).min() > 2.9
    assert abs(moves.mean(axis=0)).max() < 5 * math.sqrt(3 / 300)
    assert abs((moves**2).mean(axis=0) - 3).max() < 0.9
    assert abs((moves[:, 0] * moves[:, 1]).mean() / 3) < 5 / math.sqrt(300)


def test_nothing_is_made_brighter_than_it_was() -> None:
    dim = (IMAGES // 2 + 20).astype(np.uint8)
    for epoch in range(5):
        out = examples(list(range(30)), EVERYTHING, epoch=epoch, images=dim)
        assert out.max() <= dim.max()


def test_an_elastic_field_is_smooth_and_as_strong_as_alpha() -> None:
    # A slope of 4 grey levels a pixel: differences tell displacements.
    ramp = np.tile(np.arange(60, dtype=np.uint8) * 4, (60, 1))[None]
    inner = (slice(15, -15), slice(15, -15))
    moves = []
    for epoch in range(3):
        out = examples([0], Augmentation(elastic=(60, 4)), epoch=epoch, images=ramp)
        moves.append((out[0].astype(int) - ramp[0])[inner] / 4)
    field = np.array(moves)
    # Noise of variance 1/3 under a Gaussian has 1 / (2 sigma sqrt(pi)) of its spread.
    spread = 60 * math.sqrt(1 / 3) / (2 * 4 * math.sqrt(math.pi))
    assert 0.6 * spread < field.std() < 1.5 * spread
    assert abs(np.diff(field, axis=1)).max() < spread


@given(sigma=st.floats(0.05, 30))
def test_weights_are_a_gaussian(sigma: float) -> None:
    weights = gaussian_weights(sigma)
    radius = math.ceil(3 * sigma)
    at = np.arange(-radius, radius + 1)
    plain = np.exp(-(at**2) / (2 * sigma**2))
    plain /= plain.sum()
    assert weights.dtype == np.float32
    assert np.array_equal(weights, weights[::-1])
    assert np.allclose(weights, plain, rtol=1e-7, atol=1e-40)


def test_weights_of_simards_sigma_are_these_bits() -> None:
    # From the middle outwards.
    words = gaussian_weights(4.0)[12:].view(np.uint32)
    assert " ".join(f"{word:08x}" for word in words) == (
        "3dcc9cc1 3dc6512b 3db491da 3d9a7311 3d783511 3d3b5b50 3d04db15 "
        "3cb10088 3c5d87b6 3c023b19 3b8fd732 3b153f3e 3a917972"
    )


def test_describes_itself_as_json() -> None:
    described = json.loads(json.dumps(EVERYTHING.describe()))
    assert Augmentation(**described) == EVERYTHING
    assert hash(Augmentation(**described)) == hash(EVERYTHING)
    assert Augmentation() == Augmentation(**Augmentation().describe())
    assert Augmentation().is_identity
    assert not EVERYTHING.is_identity


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"shift": -1}, "shift is 0 to"),
        ({"shift": math.inf}, "shift"),
        ({"shift": math.nan}, "shift"),
        ({"shift": None}, "shift"),
        ({"rotate": 181}, "rotate"),
        ({"scale": 0.95}, "scale"),
        ({"shear": 5}, "shear"),
        ({"elastic": 34}, "elastic is \\(alpha, sigma\\)"),
        ({"elastic": (34, 4, 1)}, "elastic"),
        ({"elastic": (1e5, 4)}, "alpha"),
        ({"elastic": (34, 0)}, "sigma is above 0"),
        ({"elastic": (34, 101)}, "sigma"),
        ({"erase": (1.1, 0.5)}, "probability"),
        ({"erase": (0.5, 0)}, "share"),
        ({"erase": "ab"}, "probability"),
    ],
)
def test_what_it_refuses(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Augmentation(**options)
