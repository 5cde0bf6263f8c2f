"""Medians, cuts and ratios by hand; who is named, and when nobody is."""

import itertools
import math

import numpy as np
import pytest

from benchmarks.verdict import judge
from benchmarks.verdict.group import Group, make_group
from benchmarks.verdict.speed import epoch_s, fixed_step_s
from tests.verdict.synthetic_rows import Contest, Made, Values, disturb, fail, parsed

A, B = Made(1.0), Made(2.0, loop="tf-function")


def _rows(*made: Made, rounds: int = 8, **more: object) -> list[Values]:
    return Contest(made, rounds=rounds, steps=50, epochs=3, **more).rows()  # type: ignore[arg-type]


def _group(rows: list[Values]) -> Group:
    return make_group(parsed(rows))


def _set_times(row: Values, *times: float) -> None:
    for epoch, time in zip(row["record"]["epochs"], times, strict=True):
        epoch |= {
            "total_s": time, "data_s": time / 10, "compute_s": time / 2,
            "loop_s": 0.4 * time,
        }  # fmt: skip


def test_epoch_time_is_the_median_of_medians() -> None:
    rows = _rows(A, rounds=3)
    for row, times in zip(rows, ([1, 9, 1], [3, 3, 0], [2, 1, 5]), strict=True):
        _set_times(row, *times)
    (one,) = _group(rows).contenders
    assert (one.speed.epoch_s.median, one.speed.epoch_s.low) == (2, 1)
    assert one.speed.epoch_s.high == 3
    assert one.speed.data_s is not None
    assert one.speed.data_s.median == pytest.approx(0.2)
    assert one.speed.compute_s.median == pytest.approx(1.0)
    assert one.speed.step_s.median == pytest.approx(2 / 50)


def test_ratios_are_of_medians_of_one_round() -> None:
    rows = _rows(A, B, rounds=2)
    for row, times in zip(
        rows, ([1, 1, 9], [3, 3, 1], [2, 2, 2], [4, 4, 9]), strict=True
    ):
        _set_times(row, *times)
    (comparison,) = _group(rows).comparisons
    assert comparison.ratio.ratios == pytest.approx((3, 2))
    assert comparison.ratio.ratio == pytest.approx(math.sqrt(6))
    assert not comparison.ratio.is_decided


def test_only_what_ran_side_by_side_is_paired() -> None:
    first = _rows(A, B, rounds=3)
    later = _rows(A, B, rounds=3)
    for row in later:
        row["session"] = "20261129T000000Z"
    fail(later[1], "gone")  # B of round 0: A's there has a partner in no session
    rows = first[:1] + first[2:] + later
    (comparison,) = _group(rows).comparisons
    assert comparison.rounds == (1, 2, 1, 2)
    for row in later:
        row["round"] += 10
    assert _group([*first[::2], *later[1::2]]).comparisons == ()


@pytest.mark.parametrize("rounds", [1, 5])
def test_few_pairs_decide_nothing(rounds: int) -> None:
    speed, _ = judge(parsed(_rows(A, B, rounds=rounds))).sentences
    assert "cannot tell a difference from chance" in speed
    assert "times as fast" not in speed


def test_a_clear_difference_names_the_faster() -> None:
    for made in ((A, B), (B, A)):
        speed, _ = judge(parsed(_rows(*made))).sentences
        assert "torch-eager was 2." in speed or "torch-eager was 1.9" in speed
        assert "times as fast per epoch as tf-function (95 % interval" in speed
        assert "8 rounds" in speed


def test_an_interval_over_one_names_nobody() -> None:
    close = Made(1.001, loop="tf-function", noise=0.1)
    verdict = judge(parsed(_rows(Made(1.0, noise=0.1), close)))
    (comparison,) = verdict.groups[0].comparisons
    assert comparison.ratio.low < 1 < comparison.ratio.high
    assert "no difference in speed is established" in verdict.sentences[0]
    assert "times as fast" not in verdict.sentences[0]
    assert len(verdict.groups[0].leaders) == 2


def test_the_law_no_winner_when_one_is_in_the_interval() -> None:
    random = np.random.default_rng(0)
    for _ in range(30):
        other = Made(
            float(np.exp(random.normal(0, 0.03))), loop="tf-function", noise=0.05
        )
        verdict = judge(parsed(_rows(Made(noise=0.05), other, rounds=7)))
        ratio = verdict.groups[0].comparisons[0].ratio
        names_one = "times as fast" in verdict.sentences[0]
        assert names_one == (ratio.low > 1 or ratio.high < 1)


def test_nine_loops() -> None:
    made = [Made(1 + number / 5, loop=f"torch-{number}") for number in range(9)]
    verdict = judge(parsed(_rows(*made)))
    (group,) = verdict.groups
    assert len(group.comparisons) == 36
    assert [one.name for one in group.by_speed] == [one.loop for one in made]
    assert "torch-0 was the fastest of 9, 1.2" in verdict.sentences[0]
    assert "as torch-1, the next" in verdict.sentences[0]
    for a, b in itertools.combinations(made, 2):
        ratio, inverse = group.ratio(b.loop, a.loop), group.ratio(a.loop, b.loop)
        assert ratio is not None and inverse is not None
        assert ratio.ratio * inverse.ratio == pytest.approx(1)
        assert ratio.ratio > 1


def test_two_fastest_that_cannot_be_told_apart() -> None:
    made = [Made(noise=0.1), Made(1.001, loop="tf-xla", noise=0.1), B]
    verdict = judge(parsed(_rows(*made)))
    assert "no single fastest of 3" in verdict.sentences[0]
    assert len(verdict.groups[0].leaders) == 2


def test_one_contender_alone() -> None:
    speed, accuracy = judge(parsed(_rows(A))).sentences
    assert "torch-eager ran alone" in speed
    assert "nothing to compare accuracy with" in accuracy


def test_a_failed_contender_is_told_and_the_rest_goes_on() -> None:
    rows = _rows(A, B, Made(3.0, loop="jax-jit"))
    for row in rows[2::3]:
        fail(row, "exit status 1: no such device")
    verdict = judge(parsed(rows))
    assert "torch-eager was" in verdict.sentences[0]
    assert len(verdict.failures) == 8
    assert verdict.groups[0].entered[-1] == "jax-jit"
    assert any("no such device" in finding for finding in verdict.findings)


def test_all_failed() -> None:
    rows = _rows(A, B, rounds=1)
    for row in rows:
        fail(row, "boom")
    verdict = judge(parsed(rows))
    assert "No contender gave a result" in verdict.sentences[0]
    assert len(verdict.sentences) == 2
    assert [failure.reason for failure in verdict.failures] == ["boom", "boom"]


def test_the_other_failed_always() -> None:
    rows = _rows(A, B)
    for row in rows[1::2]:
        fail(row, "boom")
    speed, _ = judge(parsed(rows)).sentences
    assert "only torch-eager can be told of" in speed
    assert "tf-function failed" in speed


def test_noisy_rounds_are_marked_and_looked_at_without() -> None:
    rows = _rows(A, B)
    disturb(rows[2])
    _set_times(rows[2], 50, 50, 50)
    verdict = judge(parsed(rows))
    (comparison,) = verdict.groups[0].comparisons
    assert comparison.noisy == (1,)
    assert comparison.quiet is not None
    assert comparison.quiet.ratio == pytest.approx(2, rel=0.03)
    assert comparison.ratio.ratio < 1.6
    text = " ".join(verdict.findings)
    assert "disturbed round 2 of 8" in text
    assert "undisturbed rounds alone: tf-function took" in text


def test_mostly_noisy_rounds_are_a_caution() -> None:
    rows = _rows(A, B)
    for row in rows[:10]:
        disturb(row)
    first = judge(parsed(rows)).findings[0]
    assert "other programs disturbed 5 of 8 rounds: contenders took turns" in first


def test_a_setting_is_in_brackets() -> None:
    speed, accuracy = judge(parsed(_rows(A, B, group="mlp-3x100, 3 epochs"))).sentences
    assert "in mlp-3x100 (3 epochs) torch-eager was" in speed
    assert "in mlp-3x100 (3 epochs) test accuracy is" in accuracy


def test_waiting_for_data_may_not_be_known() -> None:
    rows = _rows(A, Made(2.0, loop="keras-tf", knows_data=False))
    a, b = _group(rows).contenders
    assert a.speed.data_share == pytest.approx(0.08)
    assert b.speed.data_s is None and b.speed.data_share is None


@pytest.mark.parametrize(("loop", "expected"), [("jax-jit", True), ("tf-xla", False)])
def test_who_is_asynchronous(loop: str, expected: bool) -> None:
    rows = _rows(Made(loop=loop), rounds=1)
    assert _group(rows).contenders[0].speed.is_asynchronous == expected
    rows[0]["record"]["device"] = "cuda"
    assert _group(rows).contenders[0].speed.is_asynchronous


def test_cuts_by_hand() -> None:
    (row,) = _rows(A, rounds=1)
    _set_times(row, 1.0, 1.0, 1.0)
    row["cuts"] = {
        "data_step_s": [0.001, 0.002, 0.009],
        "compute_step_s": [0.012, 0.012, 0.013],
        "compute_loss": [0.5, 0.5],
        "batch_sizes": [[32, 0.006], [64, 0.008], [128, 0.012]],
        "matmul_step_s": 0.004,
    }
    cuts = _group([row]).contenders[0].speed.cuts
    assert cuts is not None
    assert cuts.whole_s.median == pytest.approx(0.02)
    assert cuts.data_share == pytest.approx(0.1)
    assert cuts.unexplained_s == pytest.approx(0.006)
    assert cuts.floor_factor == pytest.approx(3)
    assert cuts.fixed_share == pytest.approx(0.004 / 0.012)


def test_cuts_of_one_round_and_of_none() -> None:
    rows = _rows(A, rounds=3)
    assert [row["cuts"]["matmul_step_s"] is None for row in rows] == [False, True, True]
    cuts = _group(rows).contenders[0].speed.cuts
    assert cuts is not None and cuts.matmul_s is not None and cuts.fixed_s is not None
    for row in rows:
        row["cuts"] |= {"batch_sizes": None, "matmul_step_s": None}
    cuts = _group(rows).contenders[0].speed.cuts
    assert cuts is not None and cuts.floor_factor is None and cuts.fixed_share is None
    for row in rows:
        row["cuts"] = None
    assert _group(rows).contenders[0].speed.cuts is None


def test_the_floor_is_the_least_of_the_group() -> None:
    rows = _rows(A, B, rounds=1)
    for row, seconds in zip(rows, (0.004, 0.003), strict=True):
        row["cuts"] |= {"compute_step_s": [0.012], "matmul_step_s": seconds}
    factors = [one.speed.cuts.floor_factor for one in _group(rows).contenders]  # type: ignore[union-attr]
    assert factors == pytest.approx([4, 4])


def test_a_line_through_batch_sizes() -> None:
    assert fixed_step_s([(32, 3.2), (64, 5.4)]) == pytest.approx(1.0)
    assert fixed_step_s([(32, 1.0), (64, 3.0)]) == 0
    assert fixed_step_s([(32, 1.0)]) is None


def test_energy_of_the_rounds_that_tell_it() -> None:
    rows = _rows(A, rounds=3)
    assert _group(rows).contenders[0].speed.energy_j is None
    rows[1]["energy_j"] = 40.0
    energy = _group(rows).contenders[0].speed.energy_j
    assert energy is not None and energy.median == 40


def test_a_slow_start_is_weighed_against_epochs() -> None:
    slow_start = Made(1.0, start_s=10.0, noise=0.001)
    quick_start = Made(2.0, loop="tf-function", start_s=1.0, noise=0.001)
    text = " ".join(judge(parsed(_rows(slow_start, quick_start))).findings)
    assert "torch-eager starts" in text and "later than tf-function" in text
    assert "made up for after" in text


def test_epoch_of_a_parsed_row() -> None:
    (row,) = parsed(_rows(A, rounds=1))
    assert row.record is not None
    assert epoch_s(row.record) == pytest.approx(1.0, rel=0.1)


def test_what_failed_after_training_is_told() -> None:
    rows = _rows(A, rounds=1)
    rows[0] |= {"cuts": None, "cuts_error": "killed by signal 9: no message"}
    group = _group(rows)
    (failure,) = group.failures
    assert str(failure).endswith("after training: killed by signal 9: no message")
    assert group.contenders[0].speed.cuts is None
