"""A round with real processes: turns, rows, faults that show, nothing left behind."""

import os
import signal
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.contest.entry import Entry
from benchmarks.contest.rounds import RoundSetting, play_round
from idxdata import load

pytest.importorskip("torch")
pytestmark = pytest.mark.long

ENVIRONMENT = {"cpu": "abacus", "packages": {}}


def first_of(folder: Path) -> Entry:
    return Entry(
        recipe="mlp-3x100",
        loop="torch-eager",
        data=str(folder),
        epochs=2,
        batch_size=50,
        alias="first",
    )


def children() -> set[int]:
    return {child.pid for child in psutil.Process(os.getpid()).children()}


@pytest.fixture(scope="module")
def played(stripes: Path) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Rows by contender, and the turns in the order in which they were taken."""
    first = first_of(stripes)
    faults = ("other_data", "other_order", "other_weights", "slow")
    entries = [
        first,
        replace(first, alias="second"),
        replace(first, alias="tutor", loader="tutorial"),
        replace(first, alias="no such device", device="cuda"),
        *(replace(first, alias=fault, planted=fault) for fault in faults),  # type: ignore[arg-type]
    ]
    rows: list[Any] = []
    turns: list[tuple[str, str]] = []
    before = children()
    play_round(
        entries,
        RoundSetting("s", 5, ENVIRONMENT, "the command", "long"),
        lambda entry, what: turns.append((entry.contender, what)),
        rows.append,
    )
    assert children() == before
    return {row["contender"]: row for row in rows}, turns


def test_every_entry_has_a_row_and_a_failed_one_its_reason(played: Any) -> None:
    rows, turns = played
    assert len(rows) == 8
    failed = rows.pop("no such device")
    assert "PyTorch cannot use a GPU here" in failed["error"]
    assert "record" not in failed and "cuts" not in failed
    assert ("no such device", "epoch") not in turns
    for row in rows.values():
        assert len(row["record"]["epochs"]) == 2
        assert row["case"]["seed"] == row["record"]["seed"] == row["round"] == 5
        assert row["environment"] == ENVIRONMENT and row["command"] == "the command"
        assert row["group"] == "mlp-3x100, 2 epochs, batch_size 50"


def test_nobody_goes_ahead_of_the_others(played: Any) -> None:
    rows, turns = played
    parts = ["start", "epoch", "epoch", "finish", "cuts", "cuts", "cuts"]
    for name in rows:
        taken = [what for who, what in turns if who == name]
        assert taken == (parts[:1] if name == "no such device" else parts)
        assert [turn["what"] for turn in rows[name]["turns"]] == taken
    # All do one part before any does the next.
    assert [what for _, what in turns] == (
        ["start"] * 8 + [part for part in parts[1:] for _ in range(7)]
    )
    orders = {tuple(who for who, _ in turns[8 + 7 * n : 15 + 7 * n]) for n in range(6)}
    assert len(orders) > 1
    for row in rows.values():
        assert all(0 <= turn["position"] < 8 for turn in row["turns"])
        assert all(turn["wall_s"] > 0 <= turn["foreign_load"] for turn in row["turns"])


def test_digests_tell_what_was_planted(played: Any, stripes: Path) -> None:
    rows, _ = played
    first = rows["first"]["record"]["digests"]
    assert first["data"] == load(stripes).digest
    differing = {
        name: {key for key in first if row["record"]["digests"][key] != first[key]}
        for name, row in rows.items()
        if "record" in row
    }
    assert differing == {
        "first": set(),
        "second": set(),
        "slow": set(),
        "other_data": {"data", "batches"},
        "other_order": {"order", "batches"},
        "other_weights": {"weights"},
        # Its order is its own: only the batches tell.
        "tutor, tutorial loader": {"batches"},
    }
    assert rows["first"]["record"]["losses"] == rows["second"]["record"]["losses"]


def test_cuts_are_of_the_same_step(played: Any) -> None:
    rows, _ = played
    cuts = rows["first"]["cuts"]
    assert len(cuts["data_step_s"]) == len(cuts["compute_step_s"]) == 2
    assert min(cuts["data_step_s"]) > 0
    # Learning rate 0: the loss of a constant batch stays.
    assert cuts["compute_loss"][0] == cuts["compute_loss"][1]
    assert [size for size, _ in cuts["batch_sizes"]] == [12, 25, 50]
    assert all(seconds > 0 for _, seconds in cuts["batch_sizes"])
    assert cuts["matmul_step_s"] > 0


def test_conditions_are_told(played: Any) -> None:
    rows, _ = played
    conditions = rows["first"]["conditions"]
    assert conditions["variables"]["OMP_NUM_THREADS"] == "1"
    assert conditions["affinity"] is None or len(conditions["affinity"]) == 1
    assert conditions["gc_collections"] >= 0


def test_who_is_killed_while_it_waits_has_a_row_and_the_rest_goes_on(
    stripes: Path,
) -> None:
    def kill_one(entry: Entry, what: str) -> None:
        if what == "epoch" and not killed:
            killed.append((children() - before).pop())
            os.kill(killed[0], signal.SIGKILL)

    before, killed, rows = children(), list[int](), list[Any]()
    first = first_of(stripes)
    play_round(
        [first, replace(first, alias="second")],
        RoundSetting("s", 0, ENVIRONMENT, cuts="none"),
        kill_one,
        rows.append,
    )
    failed, well = sorted(rows, key=lambda row: "record" in row)
    assert failed["error"] == "killed by signal 9: no message"
    assert len(well["record"]["epochs"]) == 2
    assert children() == before


@pytest.mark.parametrize("part", ["start", "epoch"])
def test_an_interrupt_leaves_nothing_behind(part: str, stripes: Path) -> None:
    def interrupt(entry: Entry, what: str) -> None:
        if what == part and entry.alias == "second":
            raise KeyboardInterrupt

    before = children()
    folders = set(os.listdir(tempfile.gettempdir()))
    rows: list[Any] = []
    first = first_of(stripes)
    with pytest.raises(KeyboardInterrupt):
        play_round(
            [first, replace(first, alias="second")],
            RoundSetting("s", 0, ENVIRONMENT, cuts="none"),
            interrupt,
            rows.append,
        )
    assert rows == []
    assert children() == before
    made = set(os.listdir(tempfile.gettempdir())) - folders
    assert not [name for name in made if name.startswith("tmp")]
