"""Rows of a benchmark that nobody ran."""

import copy
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Values = dict[str, Any]
Change = Callable[[Values], None]


def row(round_: int, epoch_s: float, *, contender: str = "torch") -> Values:
    """All fields of docs/rows.md, as JSON has them."""
    epoch = {
        "total_s": epoch_s,
        "data_s": epoch_s / 10,
        "compute_s": epoch_s / 2,
        "loop_s": epoch_s * 0.4,
        "timed_steps": 30,
        "mean_loss": 1.0,
        "test_accuracy": 0.9,
    }
    random = np.random.default_rng(round_)
    return {
        "schema": 1,
        "session": "20261128T201500Z",
        "round": round_,
        "group": "mlp",
        "contender": contender,
        "case": _case(round_),
        "environment": _environment(),
        "conditions": {
            "affinity": [0, 1],
            "variables": {"OMP_NUM_THREADS": "2"},
            "malloc": "glibc",
            "gc_enabled": True,
            "gc_collections": 3,
            "mhz_before": 3000.0,
            "mhz_after": 3000.0,
        },
        "turns": [_turn("start"), _turn("epoch"), _turn("finish")],
        "record": {
            "loop": "torch",
            "framework": "PyTorch",
            "dataset": "toy",
            "seed": round_,
            "batch_size": 64,
            "num_parameters": 1234,
            "is_bit_comparable": True,
            "precision": "float32",
            "device": "cpu",
            "flags": {"version": "2.6.0", "threads": 2, "memory_format": "NHWC"},
            "digests": {
                "data": "d" * 64,
                "order": f"{round_:064x}",
                "weights": f"{round_ + 1000:064x}",
                "batches": f"{round_ + 2000:064x}",
            },
            "import_s": 1.0 + epoch_s / 100,
            "build_s": 0.1,
            "first_step_s": epoch_s / 3,
            "warmup_s": epoch_s,
            "peak_rss_bytes": 300_000_000 + round_,
            "epochs": [epoch, epoch | {"total_s": 9 * epoch_s}, epoch],
            "losses": random.uniform(1, 2, 90).tolist(),
            "metrics": _metrics(0.9 + random.uniform(0, 0.01)),
        },
        "cuts": None,
        "energy_j": None,
        "error": None,
    }


def rows(scale: float = 1.0, *, count: int = 8, seed: int = 0) -> list[Values]:
    """Rounds of one contender whose epochs take about `scale` seconds."""
    random = np.random.default_rng(seed)
    return [row(i, scale * float(random.uniform(0.97, 1.03))) for i in range(count)]


def altered(given: Sequence[Values], change: Change) -> list[Values]:
    """Copies of rows, each of them changed."""
    copies = copy.deepcopy(list(given))
    for values in copies:
        change(values)
    return copies


def setting(path: str, value: object) -> Change:
    """A change of one field, named like "record/batch_size"."""
    *parents, name = path.split("/")

    def change(values: Values) -> None:
        for parent in parents:
            values = values[parent]
        values[name] = value

    return change


def failing(values: Values) -> None:
    """The change that makes a row one without a result."""
    values |= {"record": None, "error": "out of luck"}


def write(folder: Path, given: Sequence[Values]) -> Path:
    """A folder of results with these rows; returns it."""
    folder.mkdir(exist_ok=True)
    text = "".join(json.dumps(values) + "\n" for values in given)
    (folder / "rows.jsonl").write_text(text)
    return folder


def _case(seed: int) -> Values:
    return {
        "recipe": "mlp",
        "loop": "torch",
        "data": "toy",
        "seed": seed,
        "epochs": None,
        "batch_size": None,
        "num_threads": 2,
        "precision": "float32",
        "device": "cpu",
        "loader": "service",
        "width": 1,
        "axis": None,
        "planted": None,
    }


def _environment() -> Values:
    return {
        "cpu": "Abacus 3000",
        "usable_cpus": 4,
        "system": "Linux-6",
        "python": "3.13.1",
        "packages": {"numpy": "2.0", "torch": "2.6.0"},
        "commit": "abc123",
        "memory_bytes": 2**34,
        "governor": "performance",
        "turbo": False,
        "gpu": None,
    }


def _turn(what: str) -> Values:
    return {
        "what": what,
        "position": 0,
        "wall_s": 1.0,
        "foreign_load": 0.01,
        "idle_load": 0.0,
        "is_noisy": False,
    }


def _metrics(accuracy: float) -> Values:
    return {
        "accuracy": accuracy,
        "precision": [0.9, 0.9],
        "recall": [0.9, 0.9],
        "f1": [0.9, 0.9],
        "macro_precision": 0.9,
        "macro_recall": 0.9,
        "macro_f1": 0.9,
        "confusion": [[45, 5], [5, 45]],
        "log_loss": 0.3,
        "brier": 0.1,
        "calibration_error": 0.01,
        "calibration_bins": [],
        "mistakes": [],
        "wrong": [],
    }
