"""Rows come back whole, once, and of one host; without Ray."""

import json
from pathlib import Path

import pytest

from benchmarks.cluster.errors import ClusterError
from benchmarks.cluster.gathering import Gathered
from benchmarks.contest.folder import RowFile
from tests.cluster.making import DATA, GROUPS, LOOPS, host, rows_of
from tests.verdict import synthetic_rows

A, B = host("a"), host("b")


@pytest.fixture
def gathered(tmp_path: Path) -> Gathered:
    return Gathered(RowFile(tmp_path / "rows.jsonl"), DATA)


def keys(gathered: Gathered) -> list[tuple[object, ...]]:
    lines = gathered.file.path.read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return [(r["group"], r["round"], r["contender"], r["host"]) for r in rows]


def test_a_round_that_comes_back_twice_counts_once(gathered: Gathered) -> None:
    assert len(gathered.take(rows_of(A, 0), LOOPS)) == 2
    # Of the same host, and of another one that played it again.
    assert gathered.take(rows_of(A, 0), LOOPS) == []
    assert gathered.take(rows_of(B, 0), LOOPS) == []
    assert keys(gathered) == [(GROUPS[0], 0, loop, "a") for loop in LOOPS]


def test_rounds_are_known_by_group_and_number(gathered: Gathered) -> None:
    for one, number, group in ((A, 0, 0), (B, 1, 0), (A, 0, 1), (B, 0, 0)):
        gathered.take(rows_of(one, number, GROUPS[group]), LOOPS)
    assert len(keys(gathered)) == 6
    assert gathered.has((GROUPS[1], 0)) and not gathered.has((GROUPS[1], 1))


def test_a_file_is_gone_on_with(gathered: Gathered) -> None:
    gathered.take(rows_of(A, 0), LOOPS)
    gathered.take(rows_of(A, 2), LOOPS)
    again = Gathered(RowFile(gathered.file.path), DATA)
    assert again.take(rows_of(B, 0, session="t"), LOOPS) == []
    # What an interrupt left out is played; what runs is not begun a second time.
    assert again.free_number(GROUPS[0], []) == 1
    assert again.free_number(GROUPS[0], [1]) == 3
    assert again.free_number(GROUPS[1], []) == 0


def test_half_a_round_is_none(gathered: Gathered) -> None:
    first, second = rows_of(A, 0)
    for rows in ([], [first], [first, first], [first, second, second]):
        with pytest.raises(ClusterError, match="not whole"):
            gathered.take(rows, LOOPS)
    assert not gathered.file.path.exists()


def test_a_round_is_of_one_host_and_one_number(gathered: Gathered) -> None:
    first, second = rows_of(A, 0)
    other_fingerprint = rows_of(host("a", cpus=8), 0)[1]
    for mixed in (rows_of(B, 0)[1], rows_of(A, 1)[1], other_fingerprint):
        with pytest.raises(ClusterError, match="several"):
            gathered.take([first, mixed], LOOPS)
    gathered.take([first, second], LOOPS)


def test_other_data_names_the_host_and_the_contender(gathered: Gathered) -> None:
    rows = rows_of(B, 0)
    rows[1]["record"]["digests"]["data"] = "f" * 64
    with pytest.raises(ClusterError, match=r"host b: jax-jit .*ffff"):
        gathered.take(rows, LOOPS)


def test_a_contender_that_failed_is_a_row(gathered: Gathered) -> None:
    rows = rows_of(A, 0)
    del rows[1]["record"], rows[1]["cuts"]
    rows[1]["error"] = "exit status 1"
    assert len(gathered.take(rows, LOOPS)) == 2
    synthetic_rows.parsed(gathered.file.rows)
