"""Many files as one: opening thousands of shards, and batches from them, interleaved.

`python -m benchmarks.shards_bench`. Random 28x28 images are written into a folder of
their own, which is deleted in the end: in one file, in 100 shards and in 10,000, with
their labels. Measured are opening all of them beside opening each by itself (one after
the other, each let go: else a process would need 20,000 descriptors), and shuffled
epochs of batches of 128 beside those of the one file. All in this process, one thread.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.child import Row
from benchmarks.data_results import Key, Results, make_row, parse_row
from benchmarks.report.cells import ratio_text, span
from benchmarks.report.console import print_table
from benchmarks.run_loop import Run, environment, new_console, new_rows_path, run_all
from idxdata import Batches, Cache, Plan, Split, load, open_idx, write_idx
from idxdata.shard_names import numbered_name
from trainers.arguments import positive

SHAPE, BATCH_SIZE = (28, 28), 128
OPEN, FIRST, LATER = "open all", "first epoch", "later epochs"
PATTERN, ONE_BY_ONE = "load, two patterns", "open_idx of each"
ONE_FILE = "one file"


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to measure once a round; returns seconds a unit of its group."""

    key: Key
    measure: Callable[[], float]


def write_set(
    folder: Path, images: NDArray[Any], labels: NDArray[Any], num: int
) -> None:
    """The examples in `num` shards of the names that `load` of a folder knows."""
    folder.mkdir()
    for number in range(num):
        start, stop = (len(images) * n // num for n in (number, number + 1))
        name = numbered_name(number, num)
        for role, array in (("images-{}-idx3", images), ("labels-{}-idx1", labels)):
            path = folder / f"train-{role.format(name)}-ubyte"
            write_idx(path, array[start:stop])


def patterns(folder: Path) -> dict[str, Any]:
    return {
        "images": folder / "train-images-*-idx3-ubyte",
        "labels": folder / "train-labels-*-idx1-ubyte",
    }


def paths(folder: Path, role: str) -> list[Path]:
    return sorted(folder.glob(f"train-{role}-*"))


def open_subjects(folder: Path, num: int, cache: Cache) -> list[Subject]:
    """Everything that opens `num` pairs of files; seconds a pair."""
    images, labels = paths(folder, "images"), paths(folder, "labels")
    files = [*images, *labels]

    def each(open_one: Callable[[Path], object]) -> None:
        for path in files:
            open_one(path)

    ways: dict[str, Callable[[], object]] = {
        PATTERN: lambda: load(**patterns(folder), cache=cache),
        "load, a folder": lambda: load(folder, cache=cache),
        "load, two lists": lambda: load(images=images, labels=labels, cache=cache),
        "np.memmap of each": partial(each, _memmap),
        ONE_BY_ONE: partial(each, partial(open_idx, cache=cache)),
    }
    return [
        Subject(Key(OPEN, name, f"{num:,} pairs", "warm"), partial(_timed, way, num))
        for name, way in ways.items()
    ]


def _memmap(path: Path) -> object:
    """Without any check, from where MNIST's headers end."""
    return np.memmap(path, np.uint8, "r", offset=16 if "images" in path.name else 8)


def _timed(call: Callable[[], object], units: int) -> float:
    begin = time.perf_counter()
    kept = call()
    taken = time.perf_counter() - begin
    del kept
    return taken / units


def epoch_subjects(folder: Path, numbers: Sequence[int], cache: Cache) -> list[Subject]:
    """Seconds an example, from nothing mapped and after that."""
    subjects = []
    for number in numbers:
        name = f"{number:,} shard{'s' * (number > 1)}" if number else ONE_FILE
        place = folder / str(number)
        split = _opened(place, number, cache)
        count = f"{len(split):,} examples"
        first = partial(_first_epoch, place, number, cache)
        later = partial(_epoch, _batches(split))
        later()
        subjects.append(Subject(Key(FIRST, name, count, "warm"), first))
        subjects.append(Subject(Key(LATER, name, count, "warm"), later))
    return subjects


def _opened(place: Path, number: int, cache: Cache) -> Split:
    if number:
        return load(place, cache=cache).train
    return Split(open_idx(place / "images"), open_idx(place / "labels"))


def _first_epoch(place: Path, number: int, cache: Cache) -> float:
    return _epoch(_batches(_opened(place, number, cache)))


def _batches(split: Split) -> Batches:
    return Batches(split, Plan(len(split), BATCH_SIZE, seed=1))


def _epoch(batches: Batches) -> float:
    begin = time.perf_counter()
    for _ in batches.epoch(batches.position[0]):
        pass
    return (time.perf_counter() - begin) / len(batches.split)


def measure(subject: Subject, round_number: int, facts: dict[str, Any]) -> Row:
    return make_row(subject.key, round_number, {"unit_s": subject.measure()}, facts)


def print_shards(results: Results, console: Console, num_pairs: int) -> None:
    """Opening in seconds for all pairs; epochs in ns an example."""
    for group, base, unit, scale in (
        (OPEN, ONE_BY_ONE, "s", float(num_pairs)),
        (FIRST, ONE_FILE, "ns an example", 1e9),
        (LATER, ONE_FILE, "ns an example", 1e9),
    ):
        rows = []
        for key in results.keys:
            if key.group != group:
                continue
            other = Key(group, base, key.input, key.state)
            # Opening: how many times as fast; epochs: how many times as long.
            pair = (key, other) if group == OPEN else (other, key)
            ratio = "" if key == other else ratio_text(results.ratio(*pair, "unit_s"))
            rows.append((key.contender, span(results, key, "unit_s", scale), ratio))
        word = "times as fast" if group == OPEN else "times as long"
        columns = ("what", f"{unit} (least-most)", f"{word} (95 %)")
        print_table(console, f"{group}, beside {base}", columns, rows)


def main() -> int:
    """Returns the exit status: 0, or 1 if nothing was measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.shards_bench", description=__doc__
    )
    parser.add_argument("--rounds", type=positive, default=7)
    parser.add_argument("--examples", type=positive, default=600_000)
    parser.add_argument("--shards", type=positive, default=10_000)
    parser.add_argument("--folder", type=Path, help="where to write; default: /tmp")
    parser.add_argument("--results", type=Path, default=Path("results/shards_bench"))
    args = parser.parse_args()
    console, path = new_console(), new_rows_path(args.results)
    facts = environment(())
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        cache = Cache(folder / "cache")
        random = np.random.default_rng(0)
        images = random.integers(0, 256, (args.examples, *SHAPE), dtype=np.uint8)
        labels = random.integers(0, 10, args.examples, dtype=np.uint8)
        (folder / "0").mkdir()
        write_idx(folder / "0" / "images", images)
        write_idx(folder / "0" / "labels", labels)
        numbers = tuple(dict.fromkeys((0, 1, min(100, args.shards), args.shards)))
        for number in numbers[1:]:
            write_set(folder / str(number), images, labels, number)
        del images
        tried = open_subjects(folder / str(args.shards), args.shards, cache)
        tried += epoch_subjects(folder, numbers, cache)
        runs = [
            Run(
                f"{subject.key.group} {subject.key.contender}",
                partial(measure, subject, number, facts),
                is_kept=number >= 0,
            )
            for number in range(-1, args.rounds)
            for subject in tried
        ]
        rows = run_all(runs, path, console)
    if not rows:
        return 1
    print_shards(Results(parse_row(row) for row in rows), console, args.shards)
    console.print(f"Rows: {path}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
