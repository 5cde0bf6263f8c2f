"""The order of an epoch: `Plan` against NumPy's `Generator.permutation`, interleaved.

`python -m benchmarks.order_bench`. Whole orders as one fresh int64 array each, and one
batch of 128 out of the middle. All in this process, one thread, code warm.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.child import Row
from benchmarks.data_results import Key, Results, make_row, parse_row
from benchmarks.report.cells import ratio_text, span
from benchmarks.report.console import print_table
from benchmarks.run_loop import Run, environment, new_console, new_rows_path, run_all
from idxdata import Plan
from idxdata.order.permutation import round_constants
from idxdata.order.strata import Stratified
from trainers.arguments import positive

SIZES = (60_000, 8_100_000, 2**23 + 1)
"""The last is the worst case: nearly half of all values go round again."""

BATCH_SIZE = 128

LEAST_S = 0.05
"""Calls are repeated until a measurement takes this long."""

ORDER, BATCH = "whole order", f"batch of {BATCH_SIZE}"
OURS, NUMPY = "idxdata", "numpy permutation"


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to call again and again; each call with another number."""

    key: Key
    call: Callable[[int], object]


def subjects(sizes: Sequence[int]) -> list[Subject]:
    """NumPy right after ours, for each size."""
    made: list[Subject] = []

    def add(group: str, name: str, n: int, call: Callable[[int], object]) -> None:
        made.append(Subject(Key(group, name, f"{n:,}", "warm"), call))

    for n in sizes:
        whole, small = Plan(n, n, seed=0), Plan(n, BATCH_SIZE, seed=0)
        generator = np.random.default_rng(0)
        middle = small.num_steps // 2
        add(ORDER, OURS, n, partial(whole.indices, step=0))
        add(ORDER, NUMPY, n, partial(_numpy, generator, n))
        add(BATCH, OURS, n, partial(_same_batch, small, middle))
        add(BATCH, "its kernel", n, kernel_call(n, middle * BATCH_SIZE))
    n = sizes[0]
    order = Stratified.by(np.arange(n) % 10)
    stratified = Plan(n, BATCH_SIZE, seed=0, order=order)
    add(
        BATCH,
        "stratified",
        n,
        lambda i: stratified.indices(0, i % stratified.num_steps),
    )
    return made


def _numpy(generator: np.random.Generator, n: int, _: int) -> object:
    return generator.permutation(n)


def _same_batch(plan: Plan, step: int, _: int) -> object:
    return plan.indices(0, step)


def kernel_call(n: int, start: int) -> Callable[[int], object]:
    """The compiled part of `Plan.indices` alone, with all its arguments made."""
    from idxdata._kernels.permute import permute_range

    out = np.empty(BATCH_SIZE, np.int64)
    scratch = np.empty((2, BATCH_SIZE), np.uint32)
    first, last, words = np.uint64(start), np.uint64(n - 1), round_constants(0, 0)
    return lambda _: permute_range(first, last, words, scratch, out)


def measure(subject: Subject, round_number: int, facts: dict[str, Any]) -> Row:
    """One row: seconds a call."""
    subject.call(0)
    calls, begin = 0, time.perf_counter()
    while (taken := time.perf_counter() - begin) < LEAST_S or calls < 2:
        for _ in range(1 if calls < 10 else calls):
            calls += 1
            subject.call(calls)
    return make_row(subject.key, round_number, {"call_s": taken / calls}, facts)


def print_orders(results: Results, console: Console) -> None:
    """One table for whole orders, one for batches."""
    for group, unit, scale in ((ORDER, "ms", 1e3), (BATCH, "us", 1e6)):
        rows = []
        for key in results.keys:
            if key.group != group:
                continue
            numpy = Key(group, NUMPY, key.input, key.state)
            ratio = results.ratio(key, numpy, "call_s")
            rows.append(
                (
                    key.input,
                    key.contender,
                    span(results, key, "call_s", scale),
                    "" if key == numpy else ratio_text(ratio),
                )
            )
        columns = ("examples", "by", f"{unit} (least-most)", "faster (95 %)")
        print_table(console, group, columns, rows)


def main() -> int:
    """Returns the exit status: 0, or 1 if nothing was measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.order_bench", description=__doc__
    )
    parser.add_argument("--rounds", type=positive, default=9)
    parser.add_argument("--sizes", type=positive, nargs="+", default=SIZES)
    parser.add_argument("--results", type=Path, default=Path("results/order_bench"))
    args = parser.parse_args()
    console, path = new_console(), new_rows_path(args.results)
    facts = environment(())
    tried = subjects(args.sizes)
    runs = [
        Run(
            f"{subject.key.group} {subject.key.contender} {subject.key.input}",
            partial(measure, subject, number, facts),
        )
        for number in range(args.rounds)
        for subject in tried
    ]
    rows = run_all(runs, path, console)
    if not rows:
        return 1
    print_orders(Results(parse_row(row) for row in rows), console)
    console.print(f"Rows: {path}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
