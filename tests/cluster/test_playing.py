"""Rounds to hosts and back, with hosts that are lost; without Ray."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cluster.errors import ClusterError
from benchmarks.cluster.gathering import Gathered
from benchmarks.cluster.hosts import Host
from benchmarks.cluster.playing import Origin, play_on
from benchmarks.cluster.schedule import MAX_LOSSES, Schedule
from benchmarks.contest.folder import RowFile
from benchmarks.contest.schedule import Rule
from benchmarks.stats import MIN_PAIRS
from tests.cluster.making import DATA, ENTRIES, GROUPS, LOOPS, FakePool, Silent, host

A, B, C = host("a"), host("b"), host("c")


def play(
    path: Path, pool: FakePool, hosts: list[Host], rule: Rule, **more: Any
) -> tuple[list[Any], Silent]:
    file = RowFile(path / "rows.jsonl")
    schedule = Schedule(ENTRIES, rule, Gathered(file, DATA), **more)
    show = Silent()
    play_on(pool, hosts, schedule, Origin("s", "the command"), show)
    assert not schedule.playing
    return file.rows, show


def cells(rows: list[Any]) -> Counter[tuple[str, int, str]]:
    return Counter((row["group"], row["round"], row["contender"]) for row in rows)


def grid(rounds: int) -> Counter[tuple[str, int, str]]:
    return Counter(
        (group, number, loop)
        for group in GROUPS
        for number in range(rounds)
        for loop in LOOPS
    )


def test_every_cell_is_there_once_whoever_plays_it(tmp_path: Path) -> None:
    pool = FakePool()
    rows, _ = play(tmp_path, pool, [A, B], Rule(rounds=3))
    assert cells(rows) == grid(3)
    assert {name for name, *_ in pool.started} == {"a", "b"}
    assert {row["session"] for row in rows} == {"s"}


def test_a_lost_round_is_played_again_whole_by_another_host(tmp_path: Path) -> None:
    pool = FakePool(lambda host, order, _: "gone" if host.name == "a" else None)
    rows, show = play(tmp_path, pool, [A, B], Rule(rounds=3))
    assert cells(rows) == grid(3)
    assert {row["host"] for row in rows} == {"b"}
    assert len(pool.started) == 7
    assert "host a, mlp-3x100, 1 epoch, round 1 was lost" in show.notes[0]


def test_a_worker_that_died_is_not_its_hosts_end(tmp_path: Path) -> None:
    pool = FakePool(lambda host, order, attempt: "lost" if attempt == 1 else None)
    rows, show = play(tmp_path, pool, [A], Rule(rounds=2))
    assert cells(rows) == grid(2)
    assert len(pool.started) == 8 and len(show.notes) == 4


def test_what_comes_back_twice_counts_once(tmp_path: Path) -> None:
    rows, _ = play(tmp_path, FakePool(lambda *_: "twice"), [A, B], Rule(rounds=2))
    assert cells(rows) == grid(2)


def test_a_round_that_is_lost_again_and_again(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"round 1: lost 3 times, .* host [abc]$"):
        play(tmp_path, FakePool(lambda *_: "lost"), [A, B, C], Rule(rounds=1))
    assert MAX_LOSSES == 3


def test_no_host_is_left(tmp_path: Path) -> None:
    pool = FakePool(lambda host, order, _: "gone" if order.setting.number else None)
    with pytest.raises(ClusterError, match="no host of the cluster is left"):
        play(tmp_path, pool, [A, B], Rule(rounds=2))
    # What had ended stays.
    assert cells(RowFile(tmp_path / "rows.jsonl").rows) == grid(1)


def test_an_error_names_host_recipe_and_round(tmp_path: Path) -> None:
    pool = FakePool(lambda host, *_: "broken" if host.name == "b" else None)
    with pytest.raises(
        ClusterError, match="host b, cnn-5x5, 1 epoch, round 1: OSError: disk full"
    ):
        play(tmp_path, pool, [A, B], Rule(rounds=2))


def test_a_rerun_fills_gaps_and_goes_on(tmp_path: Path) -> None:
    pool = FakePool(lambda host, *_: "gone" if host.name == "a" else None)
    with pytest.raises(ClusterError, match="no host"):
        play(tmp_path, pool, [A], Rule(rounds=1))
    play(tmp_path, FakePool(), [A], Rule(rounds=2))
    rows, _ = play(tmp_path, FakePool(), [B], Rule(rounds=1))
    assert cells(rows) == grid(3)


def test_one_round_at_a_time_on_each_machine(tmp_path: Path) -> None:
    hosts = [host("a", "one"), host("a", "one", cpus=1), host("b", "two")]
    pool = FakePool()
    rows, _ = play(tmp_path, pool, hosts, Rule(rounds=6))
    assert all(len(set(some)) == len(some) for some in pool.at_once)
    assert max(map(len, pool.at_once)) == 2
    # Both hosts of one machine get rounds.
    keys = {(row["host"], row["environment"]["usable_cpus"]) for row in rows}
    assert keys == {("a", 2), ("a", 1), ("b", 2)}


def test_without_a_number_each_host_decides_by_itself(tmp_path: Path) -> None:
    # The ratio scatters little: as many rounds as an interval needs, on each.
    rows, _ = play(tmp_path, FakePool(), [A, B], Rule(width=1.0))
    told = Counter((row["host"], row["group"]) for row in rows)
    assert told == {
        (name, group): 2 * MIN_PAIRS for name in ("a", "b") for group in GROUPS
    }
    assert cells(rows) == grid(2 * MIN_PAIRS)


def test_each_host_has_a_round_whatever_the_limit(tmp_path: Path) -> None:
    rows, _ = play(tmp_path, FakePool(), [A, B], Rule(limit_s=0.0))
    told = Counter((row["host"], row["group"]) for row in rows)
    assert set(told.values()) == {2} and len(told) == 4


def test_floors_are_measured_once_on_each_host(tmp_path: Path) -> None:
    class Watched(FakePool):
        def start(self, host: Host, order: Any) -> int:
            told.append((host.name, order.entries[0].group, order.setting.cuts))
            return super().start(host, order)

    told: list[tuple[str, str, str]] = []
    play(tmp_path, Watched(), [A, B], Rule(rounds=6))
    assert len({(name, group) for name, group, _ in told}) == 4
    assert sum(cuts == "long" for *_, cuts in told) == 4
    told.clear()
    play(tmp_path / "axis", Watched(), [A, B], Rule(rounds=2), cuts=False)
    assert {cuts for *_, cuts in told} == {"none"}
