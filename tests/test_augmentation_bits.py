"""Every bit of an augmented example is plain Python's, and of known cases NumPy's."""

from collections.abc import Iterator
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
from tests import augment_oracle as oracle

WORDS = st.integers(0, 2**64 - 1)
GREY = np.random.default_rng(5).integers(0, 256, (6, 9, 7), dtype=np.uint8)
COLOUR = np.random.default_rng(6).integers(0, 256, (6, 5, 8, 3), dtype=np.uint8)


@pytest.fixture(autouse=True, scope="module")
def _modulo() -> Iterator[None]:
    # Interpreted uint64 scalars warn where they wrap.
    with np.errstate(over="ignore"):
        yield


def delivered(
    images: NDArray[np.uint8],
    augmentation: Augmentation | None,
    seed: int = 1,
    epoch: int = 0,
    **options: Any,
) -> NDArray[Any]:
    """All examples in order."""
    count = len(images)
    split = Split(images, np.zeros(count, np.uint8))
    gatherer = Gatherer(split, BatchFormat(**options), augmentation)
    out = np.empty((count, *gatherer.image_shape), gatherer.image_dtype)
    labels = np.empty(count, np.int64)
    gatherer.fill(np.arange(count), out, labels, seed=seed, epoch=epoch)
    return out


def expected(
    image: NDArray[np.uint8], key: int, augmentation: Augmentation
) -> oracle.Image:
    """One example by the oracle, in 1/65536 of a grey level."""
    height, width = image.shape[:2]
    pixels = image.reshape(height, width, -1).tolist()
    a = augmentation
    numbers = oracle.drawn_numbers(key, a.shift, a.rotate, a.scale, a.shear)
    alpha, sigma = a.elastic or (0.0, 1.0)
    weights = [float(weight) for weight in gaussian_weights(sigma)]
    fields = oracle.fields(key, height, width, weights) if alpha else None
    terms = oracle.source_map(numbers, height, width)
    warped = oracle.warp(pixels, terms, fields, alpha)
    probability, share = a.erase or (0.0, 1.0)
    return oracle.erase(
        warped, oracle.rectangle(key, height, width, probability, share)
    )


amounts = st.floats(0, 1, width=32)
augmentations = st.builds(
    Augmentation,
    shift=st.one_of(st.just(0.0), amounts.map(lambda u: 12 * u)),
    rotate=st.one_of(st.just(0.0), amounts.map(lambda u: 180 * u)),
    scale=st.one_of(st.just(0.0), amounts.map(lambda u: 0.9 * u)),
    shear=st.one_of(st.just(0.0), amounts.map(lambda u: 4 * u)),
    elastic=st.one_of(
        st.none(),
        st.tuples(st.floats(0, 50), st.floats(0.3, 6)),
    ),
    erase=st.one_of(st.none(), st.tuples(amounts, st.floats(0.01, 1))),
)


@settings(max_examples=60)
@given(augmentation=augmentations, seed=WORDS, epoch=WORDS, colour=st.booleans())
def test_bits_are_the_oracles(
    augmentation: Augmentation, seed: int, epoch: int, colour: bool
) -> None:
    images = (COLOUR if colour else GREY)[:2]
    floats = delivered(images, augmentation, seed, epoch)
    whole = delivered(images, augmentation, seed, epoch, pixels="uint8")
    for row, image in enumerate(images):
        key = oracle.fold(seed, epoch, oracle.AUGMENTATION, row)
        exact = expected(image, key, augmentation)
        grey = np.array(exact, np.float32).reshape(image.shape) / np.float32(65536)
        assert np.array_equal(floats[row], grey / np.float32(255))
        rounded = np.array(oracle.to_bytes(exact)).reshape(image.shape)
        assert np.array_equal(whole[row], rounded)


@given(shift=st.floats(0.01, 30), seed=WORDS)
def test_shifts_alone_have_the_same_bits(shift: float, seed: int) -> None:
    # They take a way of their own through the kernel.
    augmentation = Augmentation(shift=shift)
    found = delivered(GREY[:1], augmentation, seed, pixels="uint8")
    exact = expected(
        GREY[0], oracle.fold(seed, 0, oracle.AUGMENTATION, 0), augmentation
    )
    assert np.array_equal(found[0], np.array(oracle.to_bytes(exact))[..., 0])


@pytest.mark.parametrize("layout", ["flat", "nhwc", "nchw"])
@pytest.mark.parametrize("images", [GREY, COLOUR], ids=["grey", "colour"])
def test_every_layout_has_the_same_pixels(
    images: NDArray[np.uint8], layout: str
) -> None:
    augmentation = Augmentation(
        shift=2, rotate=20, scale=0.2, shear=0.1, elastic=(9, 2), erase=(0.9, 0.6)
    )
    stored = delivered(images, augmentation)
    channels_last = stored.reshape(*images.shape[:3], -1)
    wanted = {
        "flat": stored.reshape(len(images), -1),
        "nhwc": channels_last,
        "nchw": channels_last.transpose(0, 3, 1, 2),
    }[layout]
    found = delivered(images, augmentation, layout=layout)
    assert np.array_equal(found, wanted)
    shifted = delivered(images, Augmentation(shift=2), layout=layout)
    same = delivered(images, Augmentation(shift=2)).reshape(channels_last.shape)
    if layout == "nchw":
        same = same.transpose(0, 3, 1, 2)
    assert np.array_equal(shifted, same.reshape(shifted.shape))


@pytest.mark.parametrize("layout", ["stored", "nchw"])
def test_standard_follows_the_rule(layout: str) -> None:
    options = {"mean": (0.1, 0.2, 0.3), "std": (0.5, 0.6, 0.7), "layout": layout}
    augmentation = Augmentation(rotate=20, shift=1)
    shape = (3, 1, 1) if layout == "nchw" else (3,)
    mean = np.array(options["mean"], np.float32).reshape(shape)
    std = np.array(options["std"], np.float32).reshape(shape)
    unit = delivered(COLOUR, augmentation, layout=layout)
    found = delivered(COLOUR, augmentation, pixels="standard", **options)
    assert np.array_equal(found, (unit - mean) / std)


@pytest.mark.parametrize("images", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("pixels", ["uint8", "unit"])
def test_no_amounts_change_nothing(images: NDArray[np.uint8], pixels: str) -> None:
    plain = delivered(images, None, pixels=pixels)
    nothing = Augmentation(elastic=(0, 4), erase=(0, 0.5))
    assert nothing.is_identity
    assert np.array_equal(delivered(images, nothing, pixels=pixels), plain)
    # Too small to matter, but enough to go through each of the kernels.
    for tiny in (
        Augmentation(shift=1e-12),
        Augmentation(rotate=1e-12),
        Augmentation(rotate=1e-4, elastic=(1e-12, 2)),
    ):
        assert not tiny.is_identity
        assert np.array_equal(delivered(images, tiny, pixels=pixels), plain)


def warped(image: NDArray[np.uint8], *numbers: float) -> NDArray[np.float32]:
    """By the map of those numbers (down, right, angle, factor, tangent).

    Where that is a shift, by both of the ways there are.
    """
    from idxdata._kernels import warp

    height, width = image.shape
    sizes = np.array(image.shape)
    terms = np.empty(warp.NUM_TERMS, np.int64)
    warp.inverse_map(np.array(numbers), height, width, terms)
    padded = np.empty((height + 4) * (width + 4), np.float32)
    warp.pad(np.ascontiguousarray(image).ravel(), 0, 1, width, padded)
    out = np.empty(image.size, np.float32)
    warp.warp(padded, sizes, terms, out, 1)
    if numbers[2:] == (0.0, 1.0, 0.0):
        again = np.empty_like(out)
        warp.shift(padded, sizes, terms, again, 1)
        assert np.array_equal(out, again)
    return out.reshape(image.shape)


@pytest.mark.parametrize("steps", [-3, -1, 1, 3, 255, 257])
def test_halves_of_a_sampling_step_are_rounded_up(steps: int) -> None:
    terms = oracle.source_map((steps / 512, -steps / 512, 0.0, 1.0, 0.0), 9, 7)
    exact = oracle.warp(GREY[0][..., None].tolist(), terms)
    found = warped(GREY[0], steps / 512, -steps / 512, 0.0, 1.0, 0.0)
    assert np.array_equal(found * 65536, np.array(exact)[..., 0])


@given(down=st.integers(-12, 12), right=st.integers(-12, 12))
def test_whole_pixel_shifts_are_rolls_with_fill(down: int, right: int) -> None:
    image = GREY[0]
    canvas = np.pad(image, 12)
    rolled = np.roll(canvas, (down, right), (0, 1))[12:-12, 12:-12]
    assert np.array_equal(warped(image, down, right, 0.0, 1.0, 0.0), rolled)


@pytest.mark.parametrize("turns", [-2, -1, 0, 1, 2, 3])
def test_quarter_turns_are_numpys(turns: int) -> None:
    for square in (GREY[1][:7], GREY[1][:6, :6]):
        turned = warped(square, 0.0, 0.0, 90.0 * turns, 1.0, 0.0)
        assert np.array_equal(turned, np.rot90(square, turns))


def test_factor_and_tangent_go_the_right_way() -> None:
    image = np.zeros((9, 9), np.uint8)
    image[2, 4] = image[6, 4] = 255
    sheared = warped(image, 0.0, 0.0, 0.0, 1.0, 0.5)
    assert np.argwhere(sheared).tolist() == [[2, 3], [6, 5]]  # x += 0.5 * y
    grown = warped(image, 0.0, 0.0, 0.0, 2.0, 0.0)
    assert grown[0, 4] == grown[8, 4] == 255


@given(degrees=st.floats(-360, 360))
def test_cosine_and_sine(degrees: float) -> None:
    from idxdata._kernels.warp import cosine_sine

    cosine, sine = cosine_sine(degrees)
    assert (cosine, sine) == oracle.cosine_sine(degrees)
    angle = np.longdouble(degrees) * np.pi / 180
    assert abs(cosine - np.cos(angle)) < 1e-15
    assert abs(sine - np.sin(angle)) < 1e-15


@settings(max_examples=20)
@given(key=WORDS, sigma=st.floats(0.2, 8), height=st.integers(1, 9))
def test_displacement_is_the_oracles(key: int, sigma: float, height: int) -> None:
    from idxdata._kernels.elastic import displace, displace_size, padded_weights

    weights = gaussian_weights(sigma)
    padded = padded_weights(weights)
    width = 6
    scratch = np.empty(displace_size(height, width, padded), np.float32)
    displace(np.uint64(key), height, width, padded, scratch)
    plain = oracle.fields(key, height, width, [float(weight) for weight in weights])
    fields = scratch[: 2 * height * width].reshape(2, width, height)
    assert np.array_equal(fields.transpose(0, 2, 1), np.array(plain, np.float32))


def test_probability_is_a_bound_that_is_not_reached() -> None:
    key = oracle.fold(1, 0, oracle.AUGMENTATION, 0)
    drawn = oracle.fraction(oracle.word(key, 5))
    white = np.full((1, 4, 4), 255, np.uint8)
    assert delivered(white, Augmentation(erase=(drawn, 1))).min() == 1
    assert delivered(white, Augmentation(erase=(drawn + 1e-9, 1))).min() == 0
