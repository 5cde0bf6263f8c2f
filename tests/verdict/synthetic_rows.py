"""Rows as a benchmark leaves them, made by arithmetic: no framework, no clock.

`Contest` makes a whole run; tests change what they need in the dicts it returns.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.verdict import Row
from benchmarks.verdict.rows import parse_row
from idxdata import Dataset, Split

Values = dict[str, Any]

FRAMEWORKS = {"torch": "PyTorch", "tf": "TensorFlow", "jax": "JAX", "keras": "Keras"}
MHZ = 2800.0


@dataclass(frozen=True)
class Made:
    """A contender's figures; times of its epochs scatter by `noise`, a share."""

    epoch_s: float = 1.0
    data: float = 0.08
    compute: float = 0.8
    loop: str = "torch-eager"
    name: str | None = None
    noise: float = 0.01
    start_s: float = 1.2
    first_step_s: float = 0.02
    accuracy: float = 0.978
    memory: int = 500_000_000
    knows_data: bool = True
    luck: int = 0
    """Contenders of the same luck get the same examples wrong, by and large."""


@dataclass(frozen=True)
class Contest:
    """A group: `made` take turns for `rounds` rounds."""

    made: Sequence[Made]
    rounds: int = 8
    recipe: str = "mlp-3x100"
    epochs: int = 4
    steps: int = 469
    batch_size: int = 128
    labels: NDArray[np.integer[Any]] = field(
        default_factory=lambda: np.arange(1000) % 10
    )
    session: str = "20261128T201500Z"
    first_round: int = 0
    has_cuts: bool = True
    case: Values = field(default_factory=dict)
    group: str | None = None

    def rows(self) -> list[Values]:
        """Round by round, as they are written."""
        return [
            self.row(one, number, position)
            for number in range(self.first_round, self.first_round + self.rounds)
            for position, one in enumerate(self.made)
        ]

    def row(self, one: Made, number: int, position: int = 0) -> Values:
        """One process."""
        random = np.random.default_rng([number, int(1000 * one.epoch_s), position])
        name = one.name or one.loop
        return {
            "schema": 1,
            "session": self.session,
            "round": number,
            "group": self.group or self.recipe,
            "contender": name,
            "case": self._case(one, number),
            "environment": environment(),
            "conditions": conditions(),
            "turns": _turns(self.epochs, position),
            "record": self._record(one, number, random),
            "cuts": self._cuts(one, number, random) if self.has_cuts else None,
            "energy_j": None,
        }

    def _case(self, one: Made, number: int) -> Values:
        return {
            "recipe": self.recipe,
            "loop": one.loop,
            "data": "glyphs",
            "seed": number,
            "epochs": None,
            "batch_size": None,
            "num_threads": 2,
            "precision": "float32",
            "device": "cpu",
            "loader": "service",
            "width": 1.0,
            "axis": None,
            "planted": None,
        } | self.case

    def _record(self, one: Made, number: int, random: np.random.Generator) -> Values:
        seed_luck = np.random.default_rng(number).normal(0, 0.0006)
        final = one.accuracy + seed_luck + random.normal(0, 0.0003)
        losses = self._losses(number, random)
        return {
            "schema_version": 3,
            "recipe": self.recipe,
            "loop": one.loop,
            "framework": FRAMEWORKS[one.loop.partition("-")[0]],
            "dataset": "glyphs",
            "seed": number,
            "batch_size": self.batch_size,
            "num_parameters": 99_710,
            "is_bit_comparable": True,
            "precision": "float32",
            "device": "cpu",
            "flags": {"version": "2.1", "threads": 2, "layout": "NHWC"},
            "digests": {
                "data": f"{1:064x}",
                "order": f"{number + 2:064x}",
                "weights": f"{number + 3:064x}",
                "batches": f"{number + 4:064x}",
            },
            "import_s": one.start_s * random.normal(1, 0.05),
            "build_s": 0.05 * random.normal(1, 0.05),
            "first_step_s": one.first_step_s,
            "warmup_s": one.first_step_s + 0.3,
            "peak_rss_bytes": int(one.memory * random.normal(1, 0.01)),
            "epochs": self._epochs(one, final, losses, random),
            "losses": losses.tolist(),
            "final_weights": "",
            "resumed_at": [],
            "validation": None,
            "metrics": metrics(self.labels, final, [number, one.luck]),
            "last_metrics": None,
        }

    def _losses(self, number: int, random: np.random.Generator) -> NDArray[Any]:
        """The same for all of a round, but for rounding that grows."""
        count = self.epochs * self.steps
        steps = np.arange(count)
        same = np.random.default_rng([number, 7])
        losses = 2.2 * np.exp(-steps / 60) + 0.3 * np.exp(-steps / 700) + 0.03
        losses *= np.exp(same.normal(0, 0.25, count))
        rounding = np.minimum(3e-8 * np.exp(steps / 30), 0.03)
        return losses * (1 + rounding * random.normal(0, 1, count))

    def _epochs(
        self,
        one: Made,
        final: float,
        losses: NDArray[Any],
        random: np.random.Generator,
    ) -> list[Values]:
        epochs = []
        for number in range(self.epochs):
            total = one.epoch_s * float(np.exp(random.normal(0, one.noise)))
            reached = final - 0.04 * 0.3**number + 0.04 * 0.3 ** (self.epochs - 1)
            parts = losses[number * self.steps : (number + 1) * self.steps]
            epochs.append(
                {
                    "total_s": total,
                    "data_s": one.data * total if one.knows_data else None,
                    "compute_s": one.compute * total,
                    "loop_s": (1 - one.compute - (one.data if one.knows_data else 0))
                    * total,
                    "timed_steps": self.steps,
                    "mean_loss": float(parts.mean()),
                    "test_accuracy": float(reached),
                    "validation_loss": None,
                    "validation_accuracy": None,
                }
            )
        return epochs

    def _cuts(self, one: Made, number: int, random: np.random.Generator) -> Values:
        step = one.epoch_s / self.steps
        compute = 0.93 * one.compute * step
        fixed = 0.3 * compute
        size = self.batch_size
        long = number == self.first_round
        return {
            "data_step_s": [
                0.9 * one.data * step * x for x in random.normal(1, 0.02, 3)
            ],
            "compute_step_s": [compute * x for x in random.normal(1, 0.02, 3)],
            "compute_loss": [0.5, 0.5],
            "batch_sizes": [
                [count, fixed + (compute - fixed) * count / size]
                for count in (size // 4, size // 2, size)
            ]
            if long
            else None,
            "matmul_step_s": 0.4 * 0.8 / self.steps if long else None,
        }


def metrics(
    labels: NDArray[np.integer[Any]], accuracy: float, seed: Sequence[int]
) -> Values:
    """Hard examples are the low indices; more of them are wrong by chance of `seed`."""
    random = np.random.default_rng(seed)
    num_classes = int(labels.max()) + 1
    wanted = max(0, round(len(labels) * (1 - accuracy)))
    # Indices at which it is hard to be right; each seed misses most of them.
    hard = random.permutation(min(len(labels), 2 * wanted))[: wanted * 3 // 4]
    others = np.setdiff1d(np.arange(len(labels)), hard)
    rest = random.permutation(others)[: wanted - len(hard)]
    wrong = {}
    for index in sorted({*hard.tolist(), *rest.tolist()}):
        wrong[index] = (int(labels[index]) + 1 + index % 3) % num_classes
    confusion = np.zeros((num_classes, num_classes), int)
    said = labels.astype(int).copy()
    for index, answer in wrong.items():
        said[index] = answer
    np.add.at(confusion, (labels, said), 1)
    hits = confusion.diagonal()
    recall = hits / np.maximum(1, confusion.sum(1))
    precision = hits / np.maximum(1, confusion.sum(0))
    f1 = 2 * precision * recall / np.maximum(1e-9, precision + recall)
    share = float(hits.sum() / len(labels))
    return {
        "accuracy": share,
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "macro_precision": float(precision.mean()),
        "macro_recall": float(recall.mean()),
        "macro_f1": float(f1.mean()),
        "confusion": confusion.tolist(),
        "log_loss": 0.07,
        "brier": 0.03,
        "calibration_error": 0.005,
        "calibration_bins": [
            {"low": 0.9, "high": 1.0, "count": 10, "confidence": 0.99, "accuracy": 0.98}
        ],
        "mistakes": [
            {
                "index": index,
                "true": int(labels[index]),
                "predicted": answer,
                "probability": 0.99,
            }
            for index, answer in list(wrong.items())[:20]
        ],
        "wrong": [[index, answer] for index, answer in wrong.items()],
    }


def environment() -> Values:
    """Of a machine that is not there."""
    return {
        "cpu": "Abacus 9000",
        "usable_cpus": 2,
        "system": "Linux",
        "python": "3.12.1",
        "packages": {"numpy": "2.1", "torch": "2.9"},
        "commit": "0123456789ab",
        "memory_bytes": 24_000_000_000,
        "governor": None,
        "turbo": None,
        "gpu": None,
    }


def conditions() -> Values:
    """What held in a process."""
    return {
        "affinity": [0, 1],
        "variables": {"OMP_NUM_THREADS": "2"},
        "malloc": "glibc",
        "gc_enabled": True,
        "gc_collections": 3,
        "mhz_before": MHZ,
        "mhz_after": MHZ,
    }


def _turns(epochs: int, position: int) -> list[Values]:
    return [
        {
            "what": what,
            "position": position,
            "wall_s": 1.0,
            "foreign_load": 0.02,
            "idle_load": 0.0,
            "is_noisy": False,
        }
        for what in ("start", *("epoch",) * epochs, "finish", "cuts")
    ]


def disturb(row: Values) -> None:
    """Another program was busy during an epoch."""
    row["turns"][1] |= {"foreign_load": 0.7, "is_noisy": True}


def fail(row: Values, reason: str) -> None:
    """No result, but a reason."""
    row |= {"record": None, "cuts": None, "error": reason}


def parsed(rows: Iterable[Values]) -> list[Row]:
    """As `read_rows` would give them."""
    return [parse_row(json.loads(json.dumps(row))) for row in rows]


def write(path: Path, rows: Iterable[Values]) -> Path:
    """As JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def dataset(labels: NDArray[np.integer[Any]]) -> Dataset:
    """Images of noise for the test split's labels."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (len(labels), 28, 28), np.uint8)
    split = Split(images, labels.astype(np.uint8))
    return Dataset("noise", split, split, tuple(map(str, range(int(labels.max()) + 1))))
