"""Rows of several hosts: one verdict each, and no figure that mixes them."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from benchmarks.compare.figures import compare_rows
from benchmarks.report import write_reports
from benchmarks.report.terminal import print_verdict
from benchmarks.verdict import Row, judge
from benchmarks.verdict.hosts import host_labels, key_of, told_apart
from tests.verdict.synthetic_rows import (
    Contest,
    Made,
    Values,
    environment,
    parsed,
    write,
)

LABELS = np.arange(400) % 10
TWO = (Made(1.0), Made(1.3, loop="jax-jit", luck=1))
TURNED = (Made(1.3), Made(1.0, loop="jax-jit", luck=1))


def rows_of(
    host: str | None,
    made: Any,
    first_round: int = 0,
    *,
    rounds: int = 6,
    recipe: str = "mlp-3x100",
    facts: Values | None = None,
    **more: Any,
) -> list[Values]:
    contest = Contest(
        made, rounds=rounds, first_round=first_round, recipe=recipe, steps=40,
        epochs=2, labels=LABELS, **more,
    )  # fmt: skip
    told: Values = {"environment": environment() | (facts or {})}
    if host is not None:
        told["host"] = host
    return [row | told for row in contest.rows()]


def two_hosts() -> list[Values]:
    """On b the other one is faster."""
    return rows_of("a", TWO) + rows_of("b", TURNED, 6, facts={"cpu": "Abacus 3"})


def test_each_host_has_its_own_verdict() -> None:
    verdict = judge(parsed(two_hosts()))
    assert verdict.hosts == ("a", "b")
    a, b = verdict.groups
    assert (a.name, b.name) == ("mlp-3x100, on a", "mlp-3x100, on b")
    for group, host, first in ((a, "a", 0), (b, "b", 6)):
        (comparison,) = group.comparisons
        assert comparison.rounds == tuple(range(first, first + 6))
        assert {row.host for one in group.contenders for row in one.rows} == {host}
        assert len(comparison.ratio.ratios) == 6
    # Pooled, they would come out even.
    assert a.ratio("jax-jit", "torch-eager").low > 1.2  # type: ignore[union-attr]
    assert b.ratio("jax-jit", "torch-eager").high < 0.85  # type: ignore[union-attr]
    speed, accuracy = verdict.sentences
    assert speed == (
        "Each of 2 hosts was judged by itself: in mlp-3x100 torch-eager was the fastest "
        "on a, jax-jit was the fastest on b."
    )
    assert "digests equal in 12 rounds" in accuracy


@pytest.mark.parametrize(
    "other",
    [
        {"cpu": "Abacus 3"},
        {"usable_cpus": 1},
        {"python": "3.13.0"},
        {"commit": "fedcba987654"},
        {"packages": {"numpy": "2.1", "torch": "2.10"}},
        {"memory_bytes": 1},
    ],
)
def test_another_fingerprint_is_another_host_whatever_its_name(other: Values) -> None:
    rows = parsed(rows_of("a", TWO) + rows_of("a", TURNED, 6, facts=other))
    labels = host_labels(rows)
    assert len(set(labels.values())) == 2
    assert all(label.startswith("a with ") for label in labels.values())
    assert len(judge(rows).groups) == 2


def test_equal_fingerprints_of_two_names_are_two_hosts() -> None:
    rows = parsed(rows_of("a", TWO, rounds=3) + rows_of("b", TWO, 3, rounds=3))
    for group in judge(rows).groups:
        assert len(group.comparisons[0].ratio.ratios) == 3
        # Six in all would do; three of each do not.
        assert group.comparisons[0].ratio.low == 0


@pytest.mark.parametrize("seed", range(20))
def test_no_pair_is_of_two_hosts(seed: int) -> None:
    """Rounds of any hosts in any order, with contenders missing."""
    random = np.random.default_rng(seed)
    rows: list[Values] = []
    for number in range(12):
        host = str(random.choice(["a", "b", "c"]))
        facts = {"cpu": f"of {host}", "usable_cpus": int(random.integers(1, 3))}
        round_ = rows_of(host, TWO, number, rounds=1, facts=facts)
        rows += [row for row in round_ if random.random() < 0.8]
    # A round's number and session say nothing about where it was played.
    for row in rows:
        row["round"] = int(random.integers(0, 4))
    random.shuffle(rows)  # type: ignore[arg-type]
    typed = parsed(rows)
    verdict = judge(typed)
    assert set(verdict.host_labels) == {key_of(row) for row in typed}
    num_rows = 0
    for group in verdict.groups:
        keys = {fingerprint(row) for one in group.contenders for row in one.rows}
        assert len(keys) == 1
        num_rows += sum(len(one.rows) for one in group.contenders)
    assert num_rows == len(rows)


def fingerprint(row: Row) -> tuple[object, ...]:
    return row.environment["cpu"], row.environment["usable_cpus"]


def test_one_host_is_told_as_if_there_were_no_cluster() -> None:
    with_name, without = (judge(parsed(rows_of(name, TWO))) for name in ("a", None))
    assert with_name.sentences == without.sentences
    assert with_name.findings == without.findings
    assert [group.name for group in with_name.groups] == ["mlp-3x100"]


def test_many_hosts_are_counted() -> None:
    rows = [row for n in range(5) for row in rows_of(f"h{n}", TWO, 6 * n)]
    rows += rows_of("h5", TURNED, 30)
    speed, _ = judge(parsed(rows)).sentences
    assert (
        "torch-eager was the fastest on 5 hosts, jax-jit was the fastest on h5" in speed
    )


def test_too_few_rounds_name_nobody_on_that_host() -> None:
    rows = parsed(rows_of("a", TWO) + rows_of("b", TWO, 6, rounds=2))
    assert "no fastest one is established on b" in judge(rows).sentences[0]


def test_failures_and_refusals_name_the_host() -> None:
    rows = two_hosts()
    rows[0] |= {"record": None, "cuts": None, "error": "exit status 1: out of memory"}
    rows[-1]["record"]["digests"]["order"] = "0" * 64
    verdict = judge(parsed(rows))
    assert "mlp-3x100, on a: torch-eager failed in round 1" in str(verdict.failures[0])
    (refusal,) = verdict.refusals
    assert str(refusal).startswith("mlp-3x100, on b: jax-jit is refused")


def test_axes_are_split_as_well() -> None:
    def points(host: str, made: Any, first: int) -> list[Values]:
        return [
            row
            for size in (32, 128)
            for row in rows_of(
                host, made, first, case={"batch_size": size},
                group=f"mlp-3x100, batch_size {size}",
            )
        ]  # fmt: skip

    along = points("a", TWO, 0) + points("b", TURNED, 6)
    verdict = judge([], sensitivity={"batch_size": parsed(along)})
    names = [axis.recipe for axis in verdict.sensitivities]
    assert names == ["mlp-3x100 on a", "mlp-3x100 on b"]
    for axis in verdict.sensitivities:
        assert [point.value for point in axis.points] == [32, 128]
        for point in axis.points:
            assert len(point.group.comparisons[0].rounds) == 6
        assert not axis.is_flipping


def test_compare_puts_a_host_beside_itself_alone() -> None:
    before = parsed(two_hosts())
    after = [replace(row, session="later") for row in before]
    result = compare_rows(before, after)
    assert len(result.comparisons) == 4
    for one in result.comparisons:
        assert len(one.match.a) == len(one.match.b) == 6
        assert one.figures is not None and one.figures.epoch.ratio == 1
    # Of one host's folder and two hosts', that host is compared.
    result = compare_rows(
        parsed(rows_of("b", TURNED, 6, facts={"cpu": "Abacus 3"})), before
    )
    assert {one.match.group for one in result.comparisons} == {"mlp-3x100, on b"}
    assert {key[0] for key in result.matching.only_b} == {"mlp-3x100, on a"}


def test_told_apart_changes_names_only() -> None:
    rows = parsed(two_hosts())
    for row, named in zip(rows, told_apart(rows, host_labels(rows)), strict=True):
        assert named.record is row.record and named.round == row.round
        assert named.case.seed == row.case.seed


def test_the_report_says_it_in_words_and_in_a_table(tmp_path: Path) -> None:
    rows = two_hosts() + rows_of("a", TWO, 12, recipe="cnn-5x5")
    write(tmp_path / "rows.jsonl", rows)
    page = write_reports(tmp_path, None, command="python -m benchmarks run").read_text()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page))
    markdown = (tmp_path / "REPORT.md").read_text()
    for told in (text, markdown):
        assert "Each of 2 hosts was judged by itself" in told
        assert "rows of two hosts are neither paired nor pooled" in told
        assert "Machine of a" in told and "Machine of b" in told
        assert "Abacus 3" in told
    lines = [line for line in markdown.splitlines() if line.startswith("| ")]
    table = {line.split(" | ")[0]: line for line in lines[:4]}
    assert "torch-eager: jax-jit took 1.3" in table["| a"]
    assert "jax-jit: torch-eager took 1.3" in table["| b"]
    assert table["| b"].endswith("| - |")


def test_the_terminal_has_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_verdict(judge(parsed(two_hosts())), Console(width=200))
    assert "Hosts, each by itself" in capsys.readouterr().out
