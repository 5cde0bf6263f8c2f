"""What tests of adapters share: the four of them, formats, and batches as NumPy."""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from idxdata import Batches, BatchFormat, Plan, Split, batch_digest

ROOT = Path(__file__).parents[1]

FRAMEWORKS = ("numpy", "torch", "tensorflow", "jax")

MEANS, STDS = (0.1307, 0.5, 0.25), (0.3081, 0.2, 0.7)

# Labels are int32 where any do, since JAX as it comes has no int64.
FORMATS = {
    "unit": BatchFormat(labels="int32"),
    "bytes": BatchFormat(pixels="uint8", layout="nchw", labels="int32"),
    "one mean": BatchFormat(
        pixels="standard",
        mean=MEANS[0],
        std=STDS[0],
        layout="nhwc",
        labels="one_hot",
        num_classes=10,
    ),
    "flat": BatchFormat(layout="flat", labels="one_hot", num_classes=10),
    "a mean a channel": BatchFormat(
        pixels="standard", mean=MEANS, std=STDS, layout="nchw", labels="int32"
    ),
    "a mean a channel, flat": BatchFormat(
        pixels="standard", mean=MEANS, std=STDS, layout="flat", labels="int32"
    ),
}

Pairs = list[tuple[np.ndarray, ...]]


def adapter(framework: str) -> Any:
    return importlib.import_module(f"idxdata.adapters.{framework}")


def as_numpy(batches: Iterable[tuple[Any, ...]]) -> Pairs:
    """Kept all at once, so that memory used too early would be seen."""
    kept = [tuple(batch) for batch in batches]
    return [tuple(np.asarray(part) for part in batch) for batch in kept]


def digest(batches: Pairs) -> str:
    return batch_digest(batch[:2] for batch in batches)


def digest_from(batches: Batches, epoch: int, start_step: int = 0) -> str:
    """The reference: of that epoch's batches from a step on, asked for one by one."""
    steps = range(start_step, batches.num_steps)
    made = (batches.batch(epoch, step) for step in steps)
    return batch_digest((batch.images, batch.labels) for batch in made)


def run_child(*arguments: str) -> str:
    """Python in a process of its own; what it printed. It has to end well."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def random_split(*shape: int, seed: int = 0) -> Split:
    """Random bytes, of which every value occurs in every channel; ten classes."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, shape, dtype=np.uint8)
    channels = shape[-1] if len(shape) == 4 else 1
    flat = images.reshape(-1, channels)
    flat[:256] = np.arange(256)[: len(flat), None]
    return Split(images, random.integers(0, 10, shape[0], dtype=np.uint8))


@dataclass(frozen=True)
class Case:
    """Batches by one of the names of FORMATS, of one rank."""

    format: str
    rank: int = 0
    num_ranks: int = 1
    last_batch: Any = "keep"

    def batches(self, **options: Any) -> Batches:
        coloured = "channel" in self.format
        split = random_split(100, 5, 6, 3) if coloured else random_split(100, 9, 8)
        plan = Plan(
            100,
            24,
            seed=5,
            rank=self.rank,
            num_ranks=self.num_ranks,
            last_batch=self.last_batch,
        )
        return Batches(split, plan, format=FORMATS[self.format], **options)
