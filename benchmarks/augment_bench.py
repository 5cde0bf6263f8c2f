"""What augmentation costs a batch of 128 MNIST images, against gathering alone.

`python -m benchmarks.augment_bench`. `Gatherer.fill` into one ready buffer, in a ready
random order; all in this process, one thread, code warm, interleaved.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.child import Row
from benchmarks.data_results import Key, Results, make_row, parse_row
from benchmarks.feed_data import open_data
from benchmarks.report.cells import ratio_text, span
from benchmarks.report.console import print_table
from benchmarks.run_loop import Run, environment, new_console, new_rows_path, run_all
from benchmarks.turns import in_turn
from idxdata import Split
from idxdata.augmentation import Augmentation
from idxdata.formats import BatchFormat
from idxdata.gathering import Gatherer
from trainers.arguments import positive

BATCH_SIZE = 128
NUM_BATCHES = 100
"""Of one measurement: 12,800 examples, more than a core's cache holds."""

COPY, PLAIN = "memcpy of the float32 batch", "gather"

UNIT = BatchFormat()
STANDARD = BatchFormat(pixels="standard", mean=0.1307, std=0.3081)
BYTES = BatchFormat(pixels="uint8")
AFFINE = Augmentation(shift=2, rotate=15, scale=0.1, shear=0.1)
ALL = Augmentation(
    shift=2, rotate=15, scale=0.1, shear=0.1, elastic=(34, 4), erase=(0.5, 0.4)
)
CASES: dict[str, tuple[BatchFormat, Augmentation | None]] = {
    PLAIN: (UNIT, None),
    "gather, uint8": (BYTES, None),
    "gather, standard": (STANDARD, None),
    "shift": (UNIT, Augmentation(shift=2)),
    "affine": (UNIT, AFFINE),
    "elastic": (UNIT, Augmentation(elastic=(34, 4))),
    "erase": (UNIT, Augmentation(erase=(0.5, 0.4))),
    "all of them": (UNIT, ALL),
    "all of them, uint8": (BYTES, ALL),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that makes a batch; each call with the number of another one."""

    key: Key
    call: Callable[[int], object]


def subjects(split: Split, name: str) -> list[Subject]:
    """The copy first, then the cases in their order."""
    order = np.random.default_rng(0).permutation(len(split))
    parts = [
        np.resize(order, (number + 1) * BATCH_SIZE)[-BATCH_SIZE:]
        for number in range(NUM_BATCHES)
    ]
    made = [Subject(_key(COPY, name), _copy(split, parts))]
    for case, (batch_format, augmentation) in CASES.items():
        gatherer = Gatherer(split, batch_format, augmentation)
        made.append(Subject(_key(case, name), _fill(gatherer, parts)))
    return made


def _key(case: str, name: str) -> Key:
    return Key("augment", case, name, "warm")


def _copy(split: Split, parts: list[Any]) -> Callable[[int], object]:
    rows = split.images[np.concatenate(parts)] / np.float32(255)
    batches = rows.reshape(len(parts), BATCH_SIZE, *split.images.shape[1:])
    buffer = np.empty(batches.shape[1:], np.float32)
    return lambda number: np.copyto(buffer, batches[number])


def _fill(gatherer: Gatherer, parts: list[Any]) -> Callable[[int], object]:
    images = np.empty((BATCH_SIZE, *gatherer.image_shape), gatherer.image_dtype)
    labels = np.empty((BATCH_SIZE, *gatherer.label_shape), gatherer.label_dtype)
    return lambda number: gatherer.fill(parts[number], images, labels, seed=0, epoch=0)


def measure(subject: Subject, round_number: int, facts: dict[str, Any]) -> Row:
    """One row: seconds a batch."""
    subject.call(0)
    begin = time.perf_counter()
    for number in range(NUM_BATCHES):
        subject.call(number)
    taken = time.perf_counter() - begin
    return make_row(subject.key, round_number, {"call_s": taken / NUM_BATCHES}, facts)


def print_costs(results: Results, name: str, console: Console) -> None:
    """Microseconds a batch, and how many times gathering alone."""
    plain = _key(PLAIN, name)
    rows = [
        (
            case,
            span(results, _key(case, name), "call_s", 1e6),
            span(results, _key(case, name), "call_s", 1e6 / BATCH_SIZE),
            ""
            if case == PLAIN
            else ratio_text(results.ratio(plain, _key(case, name), "call_s")),
        )
        for case in (COPY, *CASES)
    ]
    columns = ("", "us a batch (least-most)", "us an image", "times gather (95 %)")
    print_table(console, f"{name}, batches of {BATCH_SIZE}", columns, rows)


def main() -> int:
    """Returns the exit status: 0, or 1 if nothing was measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.augment_bench", description=__doc__
    )
    parser.add_argument("--rounds", type=positive, default=9)
    parser.add_argument(
        "--data", default="glyphs", help="a folder of MNIST's files, or glyphs"
    )
    parser.add_argument("--results", type=Path, default=Path("results/augment_bench"))
    args = parser.parse_args()
    console, path = new_console(), new_rows_path(args.results)
    name = Path(args.data).name
    tried = subjects(open_data(args.data, args.results).split, name)
    facts = environment(())
    for subject in tried:
        subject.call(0)
    runs = [
        Run(subject.key.contender, partial(measure, subject, number, facts))
        for number in range(args.rounds)
        for subject in in_turn(tried, number)
    ]
    rows = run_all(runs, path, console)
    if not rows:
        return 1
    print_costs(Results(parse_row(row) for row in rows), name, console)
    console.print(f"Rows: {path}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
