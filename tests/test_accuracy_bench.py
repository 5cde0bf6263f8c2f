"""Accuracy over seeds: what is made of rows."""

import math

import pytest

from benchmarks.accuracy_bench import accuracies
from benchmarks.child import Row


def row(recipe: str, loop: str, accuracy: float, dataset: str = "mnist") -> Row:
    record = {"dataset": dataset, "metrics": {"accuracy": accuracy}}
    return {"case": {"recipe": recipe, "loop": loop}, "record": record}


def test_means_over_seeds() -> None:
    rows = [
        row("mlp-128x2", "jax-jit", 0.980),
        row("mlp-128x2", "torch-eager", 0.975),
        {"case": {"recipe": "mlp-128x2", "loop": "jax-jit"}, "error": "killed"},
        row("mlp-128x2", "jax-jit", 0.976),
        row("mlp-128x2", "torch-eager", 0.978),
        row("cnn-5x5", "jax-jit", 0.99),
    ]
    cnn, jax, torch = accuracies(rows)
    assert cnn.verdict == ""
    assert math.isnan(cnn.deviation)
    assert jax.values == (0.980, 0.976)
    assert (jax.mean, jax.verdict) == (pytest.approx(0.978), "reached")
    assert jax.deviation == pytest.approx(math.sqrt(2) * 0.002)
    assert torch.verdict == "not reached"
    assert torch.cells()[3] == "97.65"


def test_only_the_quoted_dataset_is_judged() -> None:
    (found,) = accuracies([row("mlp-128x2", "jax-jit", 0.9, dataset="glyphs")])
    assert found.verdict == ""
