"""The embedded dataset "glyphs": handwritten-looking digits, drawn by code.

60,000 training and 10,000 test examples in the shape of MNIST, which need no
download. Every example is a pure function of its split and index, and its bits
are the same on every machine (see idxdata._kernels.glyphs for why).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

import numpy as np
from numpy.typing import NDArray

from idxdata.cpus import usable_cpus
from idxdata.skeletons import pack

CLASSES = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
VERSION = 1  # of the drawing: goes up whenever its bits change
NUM_TRAIN = 60_000
NUM_TEST = 10_000
IMAGE_SHAPE = (28, 28)

_CHUNK = 1000
_SPLITS = {"train": (0, NUM_TRAIN), "test": (1, NUM_TEST)}  # stream, examples


def draw(
    split: str,
    *,
    start: int = 0,
    stop: int | None = None,
    num_threads: int | None = None,
    advance: Callable[[int], None] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw examples start..stop - 1 of a split: digits, white ink on black.

    split: "train" or "test": one distribution, two streams of random numbers
    start, stop: 0 <= start <= stop <= examples of the split; default all of it
    num_threads: threads that draw; default one for each CPU this process may use
    advance: called in the calling thread with the number of examples done since
        its last call, about every thousand examples

    Returns new C-contiguous uint8 arrays, images (stop - start, 28, 28) and labels
    (stop - start,) with values 0..9. Background is exactly 0, and so is the outer
    ring of pixels of every image. The result depends on nothing but split, start
    and stop: draw("train", start=5, stop=9) is examples 5..8 of draw("train").

    Raises ValueError for an unknown split, a range outside it, or num_threads < 1.
    Thread-safe. The first call compiles the kernel, some seconds, and leaves it in
    numba's disk cache.
    """
    if split not in _SPLITS:
        raise ValueError(f'split must be "train" or "test", not {split!r}')
    stream, count = _SPLITS[split]
    if stop is None:
        stop = count
    if not 0 <= start <= stop <= count:
        raise ValueError(
            f"{split} has examples 0..{count}: cannot draw start={start}, stop={stop}"
        )
    if num_threads is None:
        num_threads = usable_cpus()
    if num_threads < 1:
        raise ValueError(f"num_threads must be at least 1, not {num_threads}")

    images = np.empty((stop - start, *IMAGE_SHAPE), dtype=np.uint8)
    labels = np.empty(stop - start, dtype=np.uint8)
    fill = _filler(stream)
    with ThreadPoolExecutor(num_threads) as pool:
        chunks = [
            pool.submit(fill, start + i, images[i : i + _CHUNK], labels[i : i + _CHUNK])
            for i in range(0, len(labels), _CHUNK)
        ]
        for chunk in as_completed(chunks):
            done = chunk.result()
            if advance is not None:
                advance(done)
    return images, labels


def _filler(
    stream: int,
) -> Callable[[int, NDArray[np.uint8], NDArray[np.uint8]], int]:
    """Return a function that draws one chunk in place and returns its length."""
    from idxdata._kernels.glyphs import Skeletons, draw_glyphs, new_scratch

    skeletons = Skeletons(*pack())

    def fill(start: int, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> int:
        # The hash multiplies modulo 2**64. Compiled code does so silently; without
        # the JIT NumPy would warn of an overflow.
        with np.errstate(over="ignore"):
            draw_glyphs(stream, start, skeletons, new_scratch(), images, labels)
        return len(labels)

    return fill
