"""Figures and sentences of the report: they must not say more than the numbers."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.report.markdown import write_report
from benchmarks.stats import paired_ratio, spread
from benchmarks.summary import conclusion, format_factor, summarise

CLASSES = ("no", "yes")
DIGESTS = {"data": "d", "order": "o", "weights": "w", "batches": "b"}


def record(loop: str, seed: int, epoch_s: float, accuracy: float) -> dict[str, Any]:
    wrong = round(100 * (1 - accuracy))
    epoch = {
        "total_s": epoch_s,
        "data_s": epoch_s / 10,
        "compute_s": epoch_s / 2,
        "loop_s": epoch_s * 0.4,
        "mean_loss": 1.0,
        "test_accuracy": accuracy,
    }
    return {
        "recipe": "mlp",
        "loop": loop,
        "seed": seed,
        "batch_size": 10,
        "num_parameters": 1234,
        "flags": {"threads": 2},
        "digests": dict(DIGESTS),
        "import_s": 1.0,
        "first_step_s": 0.5,
        "warmup_s": 0.6,
        "epochs": [epoch, epoch | {"total_s": epoch_s * 1.5}, epoch],
        "losses": np.linspace(2, 1, 30).tolist(),
        "metrics": {
            "accuracy": accuracy,
            "precision": [accuracy, 0.5],
            "recall": [accuracy, 0.5],
            "f1": [accuracy, 0.5],
            "macro_precision": 0.7,
            "macro_recall": 0.7,
            "macro_f1": 0.7,
            "confusion": [[50, 0], [wrong, 50 - wrong]],
        },
    }


def row(loop: str, seed: int, epoch_s: float, accuracy: float = 0.9) -> Any:
    return {
        "case": {"recipe": "mlp", "loop": loop, "seed": seed, "data": "toy"},
        "environment": {"cpu": "abacus", "packages": {"numpy": "2"}},
        "foreign_load": 0.01,
        "record": record(loop, seed, epoch_s, accuracy),
    }


def rows(a: list[float], b: list[float]) -> list[Any]:
    return [
        entry
        for seed, (x, y) in enumerate(zip(a, b, strict=True))
        for entry in (row("A", seed, x), row("B", seed, y))
    ]


def test_interval_by_hand() -> None:
    ratio = paired_ratio([1, 1, 1], [2.0, 2.2, 1.8])
    logs = np.log([2.0, 2.2, 1.8])
    margin = 4.303 * logs.std(ddof=1) / math.sqrt(3)
    assert ratio.ratio == pytest.approx(math.exp(logs.mean()))
    assert ratio.low == pytest.approx(math.exp(logs.mean() - margin))
    assert ratio.high == pytest.approx(math.exp(logs.mean() + margin))
    assert ratio.is_decided
    assert ratio.inverse.low == pytest.approx(1 / ratio.high)


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    hits = 0
    for _ in range(2000):
        a, b = random.normal(0, 0.1, (2, 4))
        ratio = paired_ratio(np.exp(a).tolist(), np.exp(b).tolist())
        hits += ratio.low <= 1 <= ratio.high
    assert 0.935 < hits / 2000 < 0.965


def test_one_pair_decides_nothing() -> None:
    assert not paired_ratio([1.0], [100.0]).is_decided
    assert spread([3.0, 1.0, 2.0]).median == 2
    (speed, _) = conclusion(summarise(rows([1.0], [3.0])))
    assert "cannot tell" in speed


def test_epoch_time_is_the_median_of_medians() -> None:
    summary = summarise(rows([1.0, 3.0, 2.0], [4.0, 4.0, 4.0]))
    a, _ = summary.contenders
    assert (a.epoch_s.median, a.epoch_s.low, a.epoch_s.high) == (2, 1, 3)
    assert a.data_s.median == pytest.approx(0.2)


def test_waiting_for_data_may_not_be_known(tmp_path: Path) -> None:
    given_rows = rows([1.0, 1.1], [4.0, 4.1])
    for entry in given_rows[1::2]:
        for epoch in entry["record"]["epochs"]:
            epoch["data_s"] = None
    summary = summarise(given_rows)
    assert [c.data_s is None for c in summary.contenders] == [False, True]
    path = write_report(given_rows, summary, CLASSES, tmp_path / "rows.jsonl")
    assert "| B | 4.050 | 4.00-4.10 | - |" in path.read_text()


def test_nine_loops_fit_a_report(tmp_path: Path) -> None:
    given_rows = [row(f"loop-{number}", 0, 1.0 + number) for number in range(9)]
    summary = summarise(given_rows)
    assert len(summary.comparisons) == 36
    text = write_report(
        given_rows, summary, CLASSES, tmp_path / "rows.jsonl"
    ).read_text()
    assert "loop-8 / loop-0" in text


def test_a_clear_difference_names_the_faster() -> None:
    clear = [1.0, 1.01, 0.99], [2.0, 2.02, 1.99]
    for a, b in (clear, clear[::-1]):
        sentence = conclusion(summarise(rows(a, b)))[0]
        faster, slower = ("A", "B") if a[0] < b[0] else ("B", "A")
        assert f"{faster} was faster; {slower} took 2.00 times" in sentence
        assert "3 pairs" in sentence


def test_an_interval_over_one_names_nobody() -> None:
    sentence = conclusion(summarise(rows([1.0, 1.3, 0.9], [1.1, 1.0, 1.2])))[0]
    assert "no difference in speed established" in sentence
    assert "faster" not in sentence


def test_different_inputs_forbid_a_comparison() -> None:
    given_rows = rows([1.0, 1.0], [2.0, 2.0])
    given_rows[1]["record"]["digests"]["batches"] = "other"
    summary = summarise(given_rows)
    assert summary.comparisons[0].differing == ("batches",)
    sentences = conclusion(summary)
    assert "no comparison" in sentences[0]
    assert "same bytes" not in sentences[1]


def test_losses_are_compared_relatively() -> None:
    given_rows = rows([1.0], [1.0])
    given_rows[1]["record"]["losses"][0] *= 1 + 1e-6
    given_rows[1]["record"]["losses"][19] *= 1 + 1e-3
    given_rows[1]["record"]["losses"][20] *= 5
    (comparison,) = summarise(given_rows).comparisons
    assert comparison.first_loss_difference == pytest.approx(1e-6, rel=1e-3)
    assert comparison.loss_difference == pytest.approx(1e-3, rel=2e-3)


def test_failures_and_foreign_load_are_told(tmp_path: Path) -> None:
    given_rows = rows([1.0, 1.0], [2.0, 2.0])
    failed = row("B", 1, 2.0)
    del failed["record"]
    failed["error"] = "out of luck"
    given_rows[3] = failed
    given_rows[0]["foreign_load"] = 0.7
    given_rows[1]["foreign_load"] = None
    summary = summarise(given_rows)
    text = " ".join(conclusion(summary))
    assert "out of luck" in text
    assert "1 of 4 runs" in text
    assert len(summary.comparisons[0].time_ratio.ratios) == 1
    assert (
        "out of luck"
        in write_report(given_rows, summary, CLASSES, tmp_path).read_text()
    )


def test_report_shows_everything(tmp_path: Path) -> None:
    given_rows = rows([1.0, 1.01, 0.99], [2.0, 2.02, 1.99])
    path = write_report(
        given_rows, summarise(given_rows), CLASSES, tmp_path / "rows.jsonl"
    )
    text = path.read_text()
    for fact in (
        "rows.jsonl",
        "A was faster",
        "1,234",
        "abacus",
        "90.00",
        "`d`",
        "threads 2",
    ):
        assert fact in text
    for picture in ("losses-mlp.png", "confusion-mlp.png"):
        assert f"({picture})" in text
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


def test_many_classes_fit_a_page(tmp_path: Path) -> None:
    given_rows = rows([1.0], [2.0])
    for entry in given_rows:
        metrics = entry["record"]["metrics"]
        metrics["confusion"] = np.eye(600, dtype=int).tolist()
        for key in ("precision", "recall", "f1"):
            metrics[key] = [1.0] * 600
    classes = tuple(map(str, range(600)))
    write_report(given_rows, summarise(given_rows), classes, tmp_path / "rows.jsonl")
    assert (tmp_path / "confusion-mlp.png").stat().st_size < 2_000_000


def test_bounds_near_one_keep_their_side() -> None:
    assert format_factor(1.004) == "1.004"
    assert format_factor(0.996) == "0.996"
    assert format_factor(1.256) == "1.26"


def test_all_runs_failed() -> None:
    failed = row("A", 0, 1.0)
    del failed["record"]
    failed["error"] = "boom"
    summary = summarise([failed])
    assert not summary.contenders
    assert conclusion(summary) == ["Failed and left out: mlp, A, seed 0: boom."]
