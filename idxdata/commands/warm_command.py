"""`warm`: the kernels compiled before somebody waits for them."""

import argparse
import os
import time
import zlib
from itertools import product
from tempfile import TemporaryDirectory

from idxdata.commands.printing import print_json
from idxdata.errors import IdxDataError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `main`."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON list, of what took how long"
    )


def main(args: argparse.Namespace) -> int:
    """Compile all kernels, or load them, and say how long each took.

    Afterwards they are in numba's disk cache (`NUMBA_CACHE_DIR`, else beside the
    package if it can be written, else the user's cache folder), and no later
    process compiles them again.
    """
    facts = []
    for name, run in (
        ("inflate", run_inflate),
        ("batches", run_batches),
        ("glyphs", run_glyphs),
    ):
        start = time.perf_counter()
        run()
        seconds = time.perf_counter() - start
        facts.append({"kernels": name, "seconds": seconds})
        if not args.json:
            print(f"{name}: ready after {seconds:.2f} s", flush=True)
    if args.json:
        print_json(facts)
    return 0


def run_inflate() -> None:
    """Compile or load what inflates. Raises `IdxDataError` if it does so wrongly."""
    from idxdata.inflate import new_inflater

    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = deflater.compress(bytes(100)) + deflater.flush()
    out = memoryview(bytearray(b"\xff" * 100))
    new_inflater("numba").inflate(memoryview(data), out, True)
    if bytes(out) != bytes(100):
        raise IdxDataError("the inflate kernel gives wrong bytes on this machine")


def run_batches() -> None:
    """Compile or load what makes batches, of all formats and orders."""
    import numpy as np

    from idxdata.augmentation import Augmentation
    from idxdata.batches import Batches
    from idxdata.formats import BatchFormat
    from idxdata.order.strata import Stratified
    from idxdata.plan import Plan
    from idxdata.sharding import ShardedArray
    from idxdata.split import Split
    from idxdata.writer import write_idx

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
    with TemporaryDirectory() as folder:
        path = os.path.join(folder, "images")
        write_idx(path, split.to_numpy()[0])
        sharded = Split(ShardedArray.open([path]), split.labels)
        for augmentation in (None, Augmentation(shift=1.0)):
            for form, plan, one in product(formats, plans, (split, sharded)):
                batches = Batches(one, plan, format=form, augmentation=augmentation)
                batches.batch(0, 0)


def run_glyphs() -> None:
    """Compile or load what draws glyphs."""
    from idxdata.synthetic import draw

    draw("test", stop=1)
