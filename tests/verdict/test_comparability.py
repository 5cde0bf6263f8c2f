"""Only those that were fed the same may be compared."""

import pytest

from benchmarks.verdict import judge
from benchmarks.verdict.comparability import DIGESTS, refusals
from tests.verdict.synthetic_rows import Contest, Made, Values, parsed

A, B, C = Made(), Made(2.0, loop="tf-function"), Made(3.0, loop="jax-jit")


def _rows(*made: Made, rounds: int = 6) -> list[Values]:
    return Contest(made, rounds=rounds, steps=5, epochs=2).rows()


def test_equal_digests_refuse_nobody() -> None:
    assert refusals(parsed(_rows(A, B, C))) == []


@pytest.mark.parametrize("digest", DIGESTS)
def test_a_digest_that_differs_refuses(digest: str) -> None:
    rows = _rows(A, B)
    rows[3]["record"]["digests"][digest] = "other"
    (refusal,) = refusals(parsed(rows))
    assert refusal.contender == B.loop
    assert refusal.against == A.loop
    assert refusal.differing == (digest,)
    assert refusal.rounds == (1,)
    verdict = judge(parsed(rows))
    speed, accuracy = verdict.sentences
    assert "tf-function refused for other inputs" in speed
    assert "times as" not in speed
    assert "same bytes" not in accuracy
    assert "tf-function in mlp-3x100: refused" in accuracy
    assert not verdict.groups[0].comparisons
    assert str(refusal) in verdict.findings[0]


def test_the_odd_one_is_refused_even_if_entered_first() -> None:
    rows = _rows(A, B, C)
    for row in rows[::3]:
        row["record"]["digests"]["order"] = "other"
    (refusal,) = refusals(parsed(rows))
    assert refusal.contender == A.loop
    (group,) = judge(parsed(rows)).groups
    assert [(c.a, c.b) for c in group.comparisons] == [(B.loop, C.loop)]
    assert "tf-function was 1.5" in judge(parsed(rows)).sentences[0]


def test_turns_of_order_do_not_matter() -> None:
    rows = _rows(A, B)
    rows[1]["record"]["digests"]["order"] = "other"
    rows[0], rows[1] = rows[1], rows[0]
    (refusal,) = refusals(parsed(rows))
    # By entry, as the rows tell it.
    assert refusal.contender == A.loop


@pytest.mark.parametrize(
    ("field", "value"), [("num_parameters", 1), ("batch_size", 1), ("precision", "x")]
)
def test_another_model_or_setting_refuses(field: str, value: object) -> None:
    rows = _rows(A, B)
    rows[1]["record"][field] = value
    (refusal,) = refusals(parsed(rows))
    assert refusal.differing == (field,)


def test_another_number_of_epochs_refuses() -> None:
    rows = _rows(A, B)
    rows[1]["record"]["epochs"].pop()
    (refusal,) = refusals(parsed(rows))
    assert refusal.differing == ("epochs",)


def test_rounds_may_differ_from_each_other() -> None:
    rows = _rows(A, B)
    seeds = {row["record"]["digests"]["weights"] for row in rows}
    assert len(seeds) == 6
    assert refusals(parsed(rows)) == []
