"""The command line: `python -m idxdata warm`."""

import argparse
import time
import zlib

import numpy as np


def warm() -> None:
    """Compile all kernels, or load them, and say how long each took.

    Afterwards they are in numba's disk cache (`NUMBA_CACHE_DIR`, else beside the
    package if it can be written, else the user's cache folder), and no later
    process compiles them again.
    """
    for name, run in (
        ("inflate", _run_inflate),
        ("batches", _run_batches),
        ("glyphs", _run_glyphs),
    ):
        start = time.perf_counter()
        run()
        print(f"{name}: ready after {time.perf_counter() - start:.2f} s", flush=True)


def _run_inflate() -> None:
    from idxdata.inflate import new_inflater

    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = deflater.compress(bytes(100)) + deflater.flush()
    out = memoryview(bytearray(b"\xff" * 100))
    new_inflater("numba").inflate(memoryview(data), out, True)
    if bytes(out) != bytes(100):
        raise SystemExit("the inflate kernel gives wrong bytes on this machine")


def _run_batches() -> None:
    from idxdata.augmentation import Augmentation
    from idxdata.batches import Batches
    from idxdata.formats import BatchFormat
    from idxdata.order.strata import Stratified
    from idxdata.plan import Plan
    from idxdata.split import Split

    split = Split(np.zeros((2, 2, 2), np.uint8), np.zeros(2, np.uint8))
    plans = [
        Plan(2, batch_size=2, seed=0, order=order)
        for order in ("shuffled", Stratified.by(split.labels))
    ]
    formats = (
        BatchFormat(),
        BatchFormat(labels="int32"),
        BatchFormat(pixels="uint8"),
        BatchFormat(pixels="standard", mean=0, std=1, labels="one_hot", num_classes=1),
    )
    for augmentation in (None, Augmentation(shift=1.0)):
        for form in formats:
            for plan in plans:
                batches = Batches(split, plan, format=form, augmentation=augmentation)
                batches.batch(0, 0)


def _run_glyphs() -> None:
    from idxdata.synthetic import draw

    draw("test", stop=1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m idxdata")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("warm", help="compile the kernels ahead of their first use")
    parser.parse_args()
    warm()


if __name__ == "__main__":
    main()
