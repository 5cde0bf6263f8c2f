"""Machines: chunks against the whole, threads, shifts against the kernel's."""

import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from idxdata import Augmentation, Split, load
from idxdata.errors import MissingFrameworkError
from trainers.errors import QuotedError
from trainers.quoted.chunking import Machine, SvmNumbers, fit_in_chunks, kernel
from trainers.quoted.deskewing import deskew
from trainers.quoted.quoted_recipes import FOLDER, read_quoted
from trainers.quoted.shifting import shifted
from trainers.quoted.svm import classify, fit_machines

svm = pytest.importorskip("sklearn.svm")

NUMBERS = SvmNumbers.from_table(read_quoted(FOLDER / "svm-0.8.toml").numbers)
COUNT = 1200


def silent(*values: object) -> None:
    pass


def changed(**changes: Any) -> SvmNumbers:
    return SvmNumbers.from_table(read_quoted(FOLDER / "svm-0.8.toml").numbers | changes)


@pytest.fixture(scope="module")
def glyphs() -> Split:
    """Deskewed ones, few."""
    train = load("glyphs").train[:COUNT]
    return Split(deskew(train.images), train.labels)


def fit(split: Split, num_threads: int, on_event: Any = silent) -> list[Machine]:
    return fit_machines(
        split.images,
        split.labels,
        10,
        NUMBERS,
        num_threads=num_threads,
        on_event=on_event,
    )


def test_kernel_is_its_formula(glyphs: Split) -> None:
    pixels = glyphs.images[:60].reshape(60, -1).astype(np.float32)
    pixels[7] = 0
    a, b = pixels[:20], pixels[20:]
    exact_a, exact_b = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore"):
        cosine = exact_a @ exact_b.T / np.linalg.norm(exact_b, axis=1)
        cosine /= np.linalg.norm(exact_a, axis=1)[:, None]
    cosine[7] = 0
    found = kernel(a, b, NUMBERS)
    np.testing.assert_allclose(found, ((cosine + 1) / 2) ** 9, rtol=1e-13)
    one = changed(degree=6, constant=0.0)
    np.testing.assert_allclose(kernel(a, b, one), cosine**6, rtol=1e-13)


def test_kernel_has_the_same_bits_in_any_order(glyphs: Split) -> None:
    pixels = glyphs.images[:300].reshape(300, -1).astype(np.float32)
    whole = kernel(pixels, pixels, NUMBERS)
    np.testing.assert_allclose(whole, whole.T, rtol=1e-14)
    order = np.random.default_rng(0).permutation(pixels.shape[1])
    # The sums of products in another order.
    moved = np.ascontiguousarray(pixels[:, order])
    assert np.array_equal(kernel(moved, moved, NUMBERS), whole)
    assert np.array_equal(kernel(pixels[5:6], pixels, NUMBERS), whole[5:6])


@pytest.mark.parametrize("label", [1, 8])
def test_chunks_decide_as_the_whole(glyphs: Split, label: int) -> None:
    examples = glyphs.images.reshape(COUNT, -1)
    is_class = glyphs.labels == label
    numbers = changed(most_added=60, max_rounds=50)
    sizes = []
    kept, machine = fit_in_chunks(
        examples,
        is_class,
        np.arange(0, COUNT, 12),
        numbers,
        margin=0.999,
        on_round=lambda number, size: sizes.append((number, size)),
    )
    assert machine.is_settled
    assert [number for number, _ in sizes] == list(range(1, len(sizes) + 1))
    assert len(sizes) > 2 and max(size for _, size in sizes) < COUNT
    assert np.array_equal(machine.vectors, examples[kept])
    floats = examples.astype(np.float32)
    full = svm.SVC(kernel="precomputed", C=numbers.C)
    full.fit(kernel(floats, floats, numbers), is_class)
    wanted = full.decision_function(kernel(floats, floats, numbers))
    # Both solvers stop at 0.001 of violation.
    np.testing.assert_allclose(machine.decide(examples), wanted, atol=0.02)


def test_a_start_of_one_kind_gets_the_other(glyphs: Split) -> None:
    examples = glyphs.images.reshape(COUNT, -1)
    is_class = np.zeros(COUNT, bool)
    is_class[[700, 800]] = True
    _, machine = fit_in_chunks(
        examples,
        is_class,
        np.arange(5),
        changed(C=1000.0),
        margin=0.9,
        on_round=silent,
    )
    values = machine.decide(examples)
    assert values[is_class].min() > 0.9 and values[~is_class].max() < -0.8


def test_too_few_rounds_are_told(glyphs: Split) -> None:
    _, machine = fit_in_chunks(
        glyphs.images.reshape(COUNT, -1),
        glyphs.labels == 8,
        np.arange(0, COUNT, 12),
        changed(most_added=1, max_rounds=2),
        margin=0.99,
        on_round=silent,
    )
    assert not machine.is_settled


def test_any_number_of_threads_has_the_same_bits(glyphs: Split) -> None:
    events: list[dict[str, Any]] = []
    one, three = fit(glyphs, 1, events.append), fit(glyphs, 3)
    for a, b in zip(one, three, strict=True):
        assert np.array_equal(a.vectors, b.vectors)
        assert np.array_equal(a.weights, b.weights)
        assert a.bias == b.bias
        assert a.is_settled
    assert events[-1]["done"] == events[-1]["total"] == 20
    assert [event["done"] for event in events] == sorted(e["done"] for e in events)
    test = deskew(load("glyphs").test.images[:500])
    answers = [
        classify(machines, test, num_threads=count, on_event=silent)
        for machines, count in ((one, 1), (three, 2))
    ]
    assert np.array_equal(*answers)
    assert (answers[0] == load("glyphs").test.labels[:500]).mean() > 0.85


def augmented(images: NDArray[np.uint8], down: int, right: int) -> NDArray[np.uint8]:
    """By the kernel of `idxdata.Augmentation`, told what to draw."""
    from idxdata._kernels import warp

    height, width = images.shape[1:]
    result = np.empty(images.shape, np.float32)
    terms = np.empty(warp.NUM_TERMS, np.int64)
    numbers = np.zeros(warp.NUM_NUMBERS)
    numbers[warp.DOWN], numbers[warp.RIGHT], numbers[warp.FACTOR] = down, right, 1.0
    warp.inverse_map(numbers, height, width, terms)
    padded = np.empty((height + 4) * (width + 4), np.float32)
    shape = np.array([height, width], np.int64)
    for image, out in zip(images, result, strict=True):
        warp.pad(image.reshape(-1), 0, 1, width, padded)
        warp.shift(padded, shape, terms, out.reshape(-1), 1)
    return result.astype(np.uint8)


@pytest.mark.parametrize("shift", [(0, 0), *NUMBERS.shifts, (2, -1), (-3, 2)])
def test_shifts_are_the_augmentation_s(glyphs: Split, shift: tuple[int, int]) -> None:
    Augmentation(shift=max(1, *map(abs, shift)))  # such shifts are among its own
    images = glyphs.images[:50]
    assert np.array_equal(shifted(images, *shift), augmented(images, *shift))


def test_shifts_out_of_sight(glyphs: Split) -> None:
    assert not shifted(glyphs.images[:3], 28, 0).any()
    assert not shifted(glyphs.images[:3], 0, -40).any()


def test_an_interrupt_ends_the_fit(glyphs: Split) -> None:
    count = 0

    def interrupt(event: dict[str, Any]) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(glyphs, 2, interrupt)
    assert count == 3


def test_a_class_without_examples(glyphs: Split) -> None:
    with pytest.raises(QuotedError, match="0 of class 10"):
        fit_machines(
            glyphs.images, glyphs.labels, 11, NUMBERS, num_threads=1, on_event=silent
        )
    with pytest.raises(QuotedError, match="each class"):
        fit_machines(
            glyphs.images[:5],
            np.zeros(5, np.uint8),
            1,
            NUMBERS,
            num_threads=1,
            on_event=silent,
        )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"degree": 0}, "degree"),
        ({"degree": True}, "degree"),
        ({"C": float("nan")}, "C is out of range"),
        ({"first_margin": 1.5}, "first_margin"),
        ({"shifts": [[1]]}, "pairs of integers"),
        ({"shifts": "left"}, "pairs of integers"),
        ({"gamma": 1}, "keys are unknown: found gamma"),
    ],
)
def test_numbers_are_checked(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(QuotedError) as caught:
        changed(**changes)
    assert words in str(caught.value)


def test_scikit_learn_is_missing(
    glyphs: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    with pytest.raises(MissingFrameworkError) as caught:
        fit(glyphs, 1)
    assert caught.value.package == "scikit-learn"
