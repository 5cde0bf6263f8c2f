"""Kill processes that use a cache, at random moments, and look at what is left.

    python -m tests.cache_faults.kill --count 200

Each round kills (SIGKILL) one process that makes entries of two sources, prunes and
makes them again, then asks the same cache for both arrays. They
must be right, nothing unfinished may be left under an entry's name, and in the end a
call of `prune` must leave no leftovers.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from idxdata import Cache, IdxDataError, read_idx, write_idx
from idxdata.caching.layout import is_entry_name

NUM_SOURCES = 2

_VICTIM = """
import sys
from idxdata import Cache
cache, paths = Cache(sys.argv[1]), sys.argv[2:]
print("ready", flush=True)
while True:
    for path in paths:
        cache.open(path)
    cache.prune(max_bytes=0)
"""


@dataclass(frozen=True)
class Round:
    """What lay in the cache right after the kill, and what was wrong afterwards."""

    found: tuple[str, ...]
    fault: str | None


def make_sources(folder: Path, *, nbytes: int) -> list[Path]:
    """Compressed files of that payload, one of them multi-byte."""
    random_bits = np.random.default_rng(0)
    bytes_ = random_bits.integers(0, 16, nbytes, np.uint8).reshape(-1, 64)
    paths = [folder / "bytes.gz", folder / "words.gz"]
    write_idx(paths[0], bytes_, level=1)
    write_idx(paths[1], bytes_.view("i4").reshape(-1), level=1)
    return paths


def kill_once(cache: Path, paths: list[Path], delay_s: float) -> Round:
    """Kill a process `delay_s` after it began, then ask for the arrays."""
    names = [str(path) for path in paths]
    victim = subprocess.Popen(
        [sys.executable, "-c", _VICTIM, str(cache), *names],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert victim.stdout is not None
    victim.stdout.readline()
    time.sleep(delay_s)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    found = tuple(_kinds(cache))
    half = _half_entries(cache)
    try:
        for path in paths:
            if not np.array_equal(Cache(cache).open(path), read_idx(path)):
                return Round(found, f"a wrong array of {path.name}")
    except (OSError, IdxDataError) as error:
        return Round(found, repr(error))
    return Round(found, f"half an entry: {half}" if half else None)


def _half_entries(cache: Path) -> list[str]:
    """Entries under their final names that NumPy alone finds incomplete."""
    half = []
    for folder in (cache / "entries").glob("[0-9a-f]*"):
        try:
            np.load(folder / "data.npy", mmap_mode="r")
            (folder / "meta.json").read_text().index("facts_sha256")
        except (OSError, ValueError) as error:
            half.append(f"{folder.name}: {error}")
    return half


def _kinds(cache: Path) -> list[str]:
    """What sorts of things a killed process left."""
    kinds = []
    if any((cache / "locks").glob("*.lock")):
        kinds.append("lock file")
    for path in (cache / "entries").glob("*"):
        kinds.append("entry" if is_entry_name(path.name) else path.suffix)
    if any((cache / "sources").glob("*.part")):
        kinds.append("index .part")
    return sorted(set(kinds))


def leftovers(cache: Path) -> list[str]:
    """What is left, besides entries and what tells of them, after a sweep."""
    Cache(cache).prune()
    return sorted(
        path.name
        for path in cache.glob("*/*")
        if not is_entry_name(path.name)
        and path.suffix != ".json"
        # Those are swept when they are a minute old.
        and path.parent.name != "sources"
    )


def kill_often(folder: Path, *, count: int, seed: int, nbytes: int) -> list[Round]:
    """`count` rounds on one cache; the moments are drawn from `seed`."""
    moments = random.Random(seed)
    paths = make_sources(folder, nbytes=nbytes)
    return [
        kill_once(folder / "cache", paths, moments.uniform(0, 0.25))
        for _ in range(count)
    ]


def main() -> int:
    """Returns 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.cache_faults.kill")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--nbytes", type=int, default=24 << 20)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        rounds = kill_often(
            Path(place), count=args.count, seed=args.seed, nbytes=args.nbytes
        )
        left = leftovers(Path(place) / "cache")
    print(f"{len(rounds)} kills; what lay there right afterwards:")
    for found, times in Counter(r.found for r in rounds).most_common():
        print(f"  {times:4d}  {', '.join(found) or 'nothing'}")
    faults = [r.fault for r in rounds if r.fault]
    print(f"{len(faults)} faults{': ' if faults else ''}{faults}")
    print(f"left after a sweep: {left}")
    return 1 if faults or left else 0


if __name__ == "__main__":
    sys.exit(main())
