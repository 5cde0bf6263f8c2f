"""Axes: points, who is fastest at each, and whether that turns."""

from benchmarks.verdict import judge
from benchmarks.verdict.sensitivity import Sensitivity, sensitivities
from tests.verdict.synthetic_rows import Contest, Made, Values, fail, parsed


def _point(
    a: float, b: float, *, rounds: int = 6, group: str = "mlp-3x100", **case: object
) -> list[Values]:
    made = [Made(a), Made(b, loop="tf-function")]
    return Contest(
        made, rounds=rounds, steps=20, epochs=2, case=dict(case), group=group,
        has_cuts=False,
    ).rows()  # fmt: skip


def _batch_sizes(times: dict[int, tuple[float, float]]) -> Sensitivity:
    rows = [
        row
        for size, (a, b) in times.items()
        for row in _point(
            a, b, group=f"mlp-3x100, batch_size {size}", batch_size=size,
            axis="batch_size",
        )
    ]  # fmt: skip
    (found,) = sensitivities("batch_size", parsed(rows))
    return found


def test_points_ascend() -> None:
    found = _batch_sizes({1024: (1, 2), 32: (1, 2)})
    assert [point.value for point in found.points] == [32, 1024]
    assert not found.is_flipping
    assert "does not turn: torch-eager is faster at 32 and 1024." in found.finding


def test_a_flip_is_found() -> None:
    found = _batch_sizes({32: (1, 2), 1024: (2, 1)})
    assert found.is_flipping
    assert "torch-eager at 32; tf-function at 1024" in found.finding


def test_what_is_not_decided_is_no_flip() -> None:
    few = [
        row
        for size, (a, b) in {32: (1.0, 2.0), 64: (2.0, 1.0)}.items()
        for row in _point(a, b, rounds=3, batch_size=size)
    ]
    (found,) = sensitivities("batch_size", parsed(few))
    assert not found.is_flipping
    assert "no faster one is established" in found.finding


def test_the_flipped_verdict_of_loaders() -> None:
    service = _point(1.0, 1.45, loader="service", axis="loader")
    tutorial = _point(4.7, 1.0, loader="tutorial", axis="loader")
    for number, row in enumerate(tutorial):
        row["contender"] += ", tutorial loader"
        row["record"]["digests"] |= {"order": str(number), "batches": str(number)}
    (found,) = sensitivities("loader", parsed(service + tutorial))
    assert found.is_flipping
    assert "with the same batches for both torch-eager was 1.4" in found.finding
    assert "tutorial loader tf-function was 4." in found.finding
    assert all(not point.group.refusals for point in found.points)


def test_loop_forms_are_one_point() -> None:
    made = [Made(1 + n, loop=f"torch-{n}") for n in range(9)]
    rows = Contest(made, rounds=6, steps=20, epochs=1, case={"axis": "loop"}).rows()
    (found,) = sensitivities("loop", parsed(rows))
    assert len(found.points) == 1
    assert "torch-0 was the fastest of 9" in found.finding


def test_other_inputs_are_refused_along_an_axis_too() -> None:
    rows = _point(1.0, 2.0, num_threads=1, axis="num_threads")
    rows[1]["record"]["digests"]["data"] = "other"
    verdict = judge(parsed(_point(1.0, 2.0)), sensitivity={"num_threads": parsed(rows)})
    assert [refusal.contender for refusal in verdict.refusals] == ["tf-function"]
    assert not verdict.groups[0].refusals


def test_failures_along_an_axis_are_told() -> None:
    rows = _point(1.0, 2.0, width=2.0, axis="width")
    fail(rows[1], "boom")
    for row in rows[2:]:
        fail(row, "bang")
    verdict = judge(parsed(_point(1.0, 2.0)), sensitivity={"width": parsed(rows)})
    assert len(verdict.failures) == len(rows) - 1
    (axis,) = verdict.sensitivities
    assert axis.points[0].text == "2"
    for row in rows:
        fail(row, "boom")
    assert judge(parsed(rows), sensitivity={"width": parsed(rows)}).failures
