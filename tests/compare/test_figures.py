"""Laws of ratios and differences of two sides."""

import pytest

from benchmarks.compare.figures import Figures, FolderComparison, compare_rows
from benchmarks.verdict.rows import parse_row
from tests.compare.making import Values, altered, row, rows, setting


def compared(a: list[Values], b: list[Values]) -> FolderComparison:
    return compare_rows(list(map(parse_row, a)), list(map(parse_row, b)))


def figures(a: list[Values], b: list[Values]) -> Figures:
    (comparison,) = compared(a, b).comparisons
    assert comparison.figures is not None
    return comparison.figures


def test_a_side_is_like_itself() -> None:
    same = figures(rows(), rows())
    for ratio in (same.epoch, same.import_, same.first_step, same.peak_memory):
        assert ratio is not None
        assert ratio.ratio == 1
        assert not ratio.is_decided
    assert same.accuracy.difference == 0
    assert same.loss_difference == 0


def test_exchanged_folders_give_inverses() -> None:
    a, b = rows(1.0), altered(rows(1.3, count=11, seed=1), setting("session", "later"))
    b[0]["record"]["losses"][5] *= 1.25
    there, back = figures(a, b), figures(b, a)
    for ratio, inverse in (
        (there.epoch, back.epoch),
        (there.import_, back.import_),
        (there.first_step, back.first_step),
        (there.peak_memory, back.peak_memory),
    ):
        assert ratio is not None
        assert inverse is not None
        assert ratio.ratio == pytest.approx(1 / inverse.ratio)
        assert ratio.low == pytest.approx(1 / inverse.high)
        assert ratio.high == pytest.approx(1 / inverse.low)
    assert there.accuracy.difference == pytest.approx(-back.accuracy.difference)
    assert there.accuracy.low == pytest.approx(-back.accuracy.high)
    assert there.loss_difference == back.loss_difference == pytest.approx(0.2)


def test_an_epoch_is_a_rounds_median() -> None:
    found = figures([row(0, 1.0)], [row(0, 2.0)])
    assert (found.epoch_s_a, found.epoch_s_b, found.epoch.ratio) == (1, 2, 2)


def test_losses_are_of_one_seed_and_the_first_steps() -> None:
    other = rows()
    other[3]["record"]["losses"][20] = 100.0
    assert figures(rows(), other).loss_difference == 0
    other[3]["record"]["losses"][19] *= 1 + 1e-6
    assert figures(rows(), other).loss_difference == pytest.approx(1e-6, rel=1e-3)
    other[3]["record"]["losses"][0] = float("nan")
    assert figures(rows(), other).loss_difference == float("inf")
    assert figures(other, other).loss_difference == 0

    def move(values: Values) -> None:
        values["case"]["seed"] += 100

    assert figures(rows(), altered(rows(), move)).loss_difference is None


def test_what_is_not_known_is_no_ratio() -> None:
    unknown = altered(rows(), setting("record/peak_rss_bytes", None))
    assert figures(rows(), unknown).peak_memory is None
    assert figures(unknown, rows()).peak_memory is None
