"""Processes that open, prune, verify and replace sources, all at once on one cache.

    python -m tests.cache_faults.stress --seconds 60

Each array that anyone gets must be one that its source held at some time, whole: the
elements of a source are all the same number, and it only ever grows.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from idxdata import Cache, CacheError, write_idx

NUM_SOURCES = 3
ALLOWED = ("source changed while it was read",)
_SHAPES = ((200_000,), (999, 100), (64, 64, 30))


def replace_source(folder: Path, number: int) -> None:
    """Give a source the next content, at random compressed or not."""
    path = folder / f"source{number}"
    mark = folder / f"count{number}"
    count = int(mark.read_text()) + 1 if mark.exists() else 1
    array = np.full(_SHAPES[number], count, "i4")
    write_idx(path, array)
    mark.write_text(str(count))


def work(folder: Path, seconds: float, seed: int) -> Counter[str]:
    """What was done how often; raises what is no allowed outcome."""
    moves = random.Random(seed)
    cache = Cache(folder / "cache")
    done: Counter[str] = Counter()
    latest = [0] * NUM_SOURCES
    kept = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        action = moves.choices(["open", "prune", "verify", "drop"], [20, 3, 1, 4])[0]
        try:
            if action == "open":
                number = moves.randrange(NUM_SOURCES)
                array = cache.open(folder / f"source{number}")
                check(array, number, latest)
                kept.append((array, int(array.flat[0])))
            elif action == "prune":
                cache.prune(max_bytes=moves.choice([0, 10**6]))
            elif action == "verify":
                states = {check.state for check in cache.verify()}
                assert states <= {"sound"}, states
            elif kept:
                array, value = kept.pop(moves.randrange(len(kept)))
                assert (array == value).all(), "an array changed under its reader"
            done[action] += 1
        except CacheError as error:
            if error.what not in ALLOWED:
                raise
            done[error.what] += 1
    return done


def check(
    array: "np.ndarray[tuple[int, ...], np.dtype[np.int32]]",
    number: int,
    latest: list[int],
) -> None:
    assert array.shape == _SHAPES[number]
    low, high = int(array.min()), int(array.max())
    assert low == high, f"a mixture of {low} and {high}"
    assert low >= latest[number], f"{low} after {latest[number]}"
    latest[number] = low


def run(folder: Path, *, seconds: float, num_workers: int) -> list[str]:
    """What each worker printed; the sources are replaced meanwhile."""
    for number in range(NUM_SOURCES):
        replace_source(folder, number)
    command = [
        sys.executable,
        "-m",
        "tests.cache_faults.stress",
        "--worker",
        str(folder),
    ]
    workers = [
        subprocess.Popen(
            [*command, "--seconds", str(seconds), "--seed", str(seed)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for seed in range(num_workers)
    ]
    moves = random.Random(0)
    while any(worker.poll() is None for worker in workers):
        replace_source(folder, moves.randrange(NUM_SOURCES))
        time.sleep(0.05)
    outputs = [worker.communicate()[0].strip() for worker in workers]
    failed = [o for o, w in zip(outputs, workers, strict=True) if w.returncode]
    assert not failed, failed
    return outputs


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cache_faults.stress")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--workers", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker is not None:
        print(dict(work(args.worker, args.seconds, args.seed)))
        return 0
    with tempfile.TemporaryDirectory() as place:
        outputs = run(Path(place), seconds=args.seconds, num_workers=args.workers)
        print("\n".join(outputs))
        cache = Cache(Path(place) / "cache")
        removed = cache.prune(max_bytes=0)
        # Temporary index files are swept when they are a minute old.
        left = [p.name for p in (Path(place) / "cache").glob("[el]*/*")]
        print(f"{len(removed)} entries pruned in the end; left: {left}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
