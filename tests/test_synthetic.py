"""The embedded digits: the same bits everywhere, each example on its own."""

import hashlib
import os
import struct
import subprocess
import sys
import threading
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from idxdata import skeletons, synthetic
from idxdata.synthetic import draw

Array = NDArray[np.uint8]

# SHA-256 of the raw IDX files. These are the dataset: a change is a new dataset.
PINNED = {
    (
        "train",
        "images",
    ): "e3da058ce3bc28399c6bedb4c4500e7c79ac7d95012373e4009e2c39389914d4",
    (
        "train",
        "labels",
    ): "967f883b901975f180829ccf54b966efcc52cf3d1afac6fd3514f306f34d2d48",
    (
        "test",
        "images",
    ): "5e22f6345a606f9227dc6b6094f8e04e81d256794431c6dcb833ff5ae5acc2b6",
    (
        "test",
        "labels",
    ): "d5391deed990eceb6ff86198ba8281cf6a3f3d1669d2d7522b39124946a685be",
}
PINNED_FIRST_16 = "5c483317adaac9452ae33cbea3cd97f903ab69c082e55543f3b8d2debae049a1"

# Prints the digest of a few examples, in a process with other settings of numba.
DIGEST_PROGRAM = """
import hashlib
from idxdata.synthetic import draw
digest = hashlib.sha256()
for split, start in (("train", 0), ("train", 59_992), ("test", 0)):
    for array in draw(split, start=start, stop=start + 8):
        digest.update(array.tobytes())
print(digest.hexdigest())
"""


def idx_digest(array: Array) -> str:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return hashlib.sha256(header + array.tobytes()).hexdigest()


def run_python(program: str, **environment: str) -> str:
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(
        command,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def sample() -> tuple[Array, Array]:
    return draw("train", stop=5000)


@pytest.mark.parametrize("split", ["train", "test"])
def test_whole_split_has_the_pinned_bits(split: str) -> None:
    images, labels = draw(split)
    count = {"train": synthetic.NUM_TRAIN, "test": synthetic.NUM_TEST}[split]
    assert images.shape == (count, *synthetic.IMAGE_SHAPE)
    assert labels.shape == (count,)
    assert idx_digest(images) == PINNED[split, "images"]
    assert idx_digest(labels) == PINNED[split, "labels"]


def test_first_images_have_the_pinned_bits() -> None:
    images, _ = draw("train", stop=16)
    assert idx_digest(images) == PINNED_FIRST_16


@pytest.mark.parametrize(
    "environment",
    [{"NUMBA_DISABLE_JIT": "1"}, {"NUMBA_BOUNDSCHECK": "1"}],
    ids=["without the JIT", "bounds-checked"],
)
def test_other_ways_to_run_give_the_same_bits(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    # A warm cache would make numba ignore the flags.
    cache = str(tmp_path_factory.mktemp("numba"))
    other = run_python(DIGEST_PROGRAM, NUMBA_CACHE_DIR=cache, **environment)
    assert other == run_python(DIGEST_PROGRAM)


@settings(max_examples=25, deadline=None)
@given(
    split=st.sampled_from(["train", "test"]),
    start=st.integers(0, 5000),
    length=st.integers(0, 2500),
    num_threads=st.integers(1, 5),
)
def test_range_and_threads_do_not_matter(
    split: str, start: int, length: int, num_threads: int
) -> None:
    images, labels = draw(
        split, start=start, stop=start + length, num_threads=num_threads
    )
    assert images.shape == (length, 28, 28)
    assert labels.shape == (length,)
    for i in {0, length // 2, length - 1} if length else set[int]():
        image, label = draw(split, start=start + i, stop=start + i + 1)
        np.testing.assert_array_equal(images[i : i + 1], image)
        np.testing.assert_array_equal(labels[i : i + 1], label)


def test_outputs_are_new_contiguous_bytes(sample: tuple[Array, Array]) -> None:
    for array in sample:
        assert array.dtype == np.uint8
        assert array.flags.c_contiguous
        assert array.flags.owndata


def test_classes_are_balanced(sample: tuple[Array, Array]) -> None:
    # 500 expected of each, with a standard deviation of 21
    counts = np.bincount(sample[1], minlength=10)
    assert len(counts) == len(synthetic.CLASSES)
    assert abs(counts - 500).max() < 5 * 21


def test_background_is_empty_and_ink_is_not(sample: tuple[Array, Array]) -> None:
    images, _ = sample
    assert (images == 0).mean() > 0.75
    ink = images.astype(np.int64).sum(axis=(1, 2))
    assert ink.min() > 10 * 255  # the thinnest, smallest 1 has 11 full pixels
    assert images.max(axis=(1, 2)).min() > 150
    ring = np.ones((28, 28), dtype=bool)
    ring[1:-1, 1:-1] = False
    assert not images[:, ring].any()
    assert images[:, 1:-1, 1:-1].any(axis=0).mean() > 0.99  # yet all else is used


def test_no_example_occurs_twice(sample: tuple[Array, Array]) -> None:
    test_images, _ = draw("test", stop=5000)
    both = np.concatenate([sample[0], test_images]).reshape(10_000, -1)
    assert len({row.tobytes() for row in both}) == 10_000


def test_classes_look_alike_within_and_differ_between(
    sample: tuple[Array, Array],
) -> None:
    """Most of 1,000 examples have the label of the nearest of 4,000 others.

    Not nearly all: with so few known, shifted digits must not be easy.
    """
    images, labels = sample
    rows = images.reshape(5000, -1) / np.float32(255)
    known, asked = rows[:4000], rows[4000:]
    squares = (known * known).sum(axis=1) - 2 * (asked @ known.T)
    hits = labels[:4000][squares.argmin(axis=1)] == labels[4000:]
    assert 0.65 < hits.mean() < 0.9


def test_advance_counts_every_example_in_the_calling_thread() -> None:
    calls: list[tuple[int, int]] = []
    draw(
        "test",
        stop=2500,
        num_threads=2,
        advance=lambda done: calls.append((done, threading.get_ident())),
    )
    assert sorted(done for done, _ in calls) == [500, 1000, 1000]
    assert {thread for _, thread in calls} == {threading.get_ident()}


@pytest.mark.parametrize(
    ("split", "keywords", "message"),
    [
        ("validation", {}, "'validation'"),
        ("train", {"start": -1}, "start=-1"),
        ("train", {"stop": 60_001}, "stop=60001"),
        ("test", {"stop": 10_001}, "0..10000"),
        ("train", {"start": 9, "stop": 8}, "start=9, stop=8"),
        ("train", {"num_threads": 0, "stop": 1}, "num_threads"),
    ],
)
def test_bad_arguments(split: str, keywords: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw(split, **keywords)  # type: ignore[arg-type]


def test_import_does_not_load_numba() -> None:
    program = "import sys, idxdata.synthetic; print('numba' in sys.modules)"
    assert run_python(program) == "False"


def test_skeletons_fit_the_kernel() -> None:
    from idxdata._kernels import glyphs

    assert tuple(skeletons.SKELETONS) == synthetic.CLASSES
    assert (skeletons.START, skeletons.SMOOTH) == (glyphs.START, glyphs.SMOOTH)
    assert (glyphs.SIDE, glyphs.SIDE) == synthetic.IMAGE_SHAPE
    points, variants, classes = skeletons.pack()
    assert points[:, :2].min() >= 0
    assert points[:, :2].max() <= 100
    assert (variants[:, 1] - variants[:, 0]).max() <= glyphs.MAX_POINTS
    # Spans lie end to end: none is empty, none is left out.
    for spans, end in ((variants, len(points)), (classes, len(variants))):
        assert spans[0, 0] == 0
        assert spans[-1, 1] == end
        assert (spans[1:, 0] == spans[:-1, 1]).all()
        assert (spans[:, 0] < spans[:, 1]).all()


def test_strokes_have_a_course() -> None:
    for variant in (v for forms in skeletons.SKELETONS.values() for v in forms):
        for stroke in variant:
            assert len(stroke) >= 2
            places = [point[:2] for point in stroke]
            assert all(a != b for a, b in pairwise(places))


def test_draw_numbers_do_not_overlap() -> None:
    """Two uses of one random number would tie two variations together."""
    from idxdata._kernels import glyphs as g

    single = [v.draw for v in vars(g).values() if isinstance(v, g.Vary)]
    single += [g.LABEL, g.VARIANT, g.SHIFT.draw + 1]
    assert len(set(single)) == len(single)
    few = [d for d in single if d not in (g.STROKE.draw, g.POINT.draw)]
    strokes = max(len(v) for forms in skeletons.SKELETONS.values() for v in forms)
    assert max(few) < g.STROKE.draw
    assert g.STROKE.draw + 2 * strokes + 1 < g.POINT.draw
    assert g.POINT.draw + 2 * g.MAX_POINTS + 1 < g.PIXEL
