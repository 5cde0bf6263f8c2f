"""Where rows lie, and what is made of those that are there."""

import json
from pathlib import Path
from typing import Any

from benchmarks.contest.folder import RowFile, epoch_s, results_folder
from idxdata import load


def row(contender: str, number: int, *seconds: float, session: str = "s") -> Any:
    made: dict[str, Any] = {
        "session": session,
        "round": number,
        "group": "g",
        "contender": contender,
    }
    if seconds:
        made["record"] = {"epochs": [{"total_s": value} for value in seconds]}
    else:
        made["error"] = "exit status 1"
    return made


def test_an_epoch_is_the_median_one() -> None:
    assert epoch_s(row("a", 0, 9.0, 1.0, 2.0)) == 2
    assert epoch_s(row("a", 0, 1.0, 2.0)) == 1.5


def file_of(folder: Path, *rows: Any) -> RowFile:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return RowFile(path)


def test_rounds_count_on_and_only_whole_ones_are_paired(tmp_path: Path) -> None:
    file = file_of(
        tmp_path,
        row("a", 0, 1.0), row("b", 0, 2.0),
        row("a", 1, 1.5), row("b", 1),
        row("a", 2, 3.0), row("b", 2, 4.0),
        row("never", 0),
    )  # fmt: skip
    assert file.next_round("g") == 3 and file.next_round("other") == 0
    assert file.num_rounds("g") == 3 and file.num_rounds("other") == 0
    assert file.epoch_times("g", ["a", "b", "never"]) == {"a": [1, 3], "b": [2, 4]}


def test_who_failed_last_keeps_nobody_waiting(tmp_path: Path) -> None:
    rows = [row("a", 0, 1.0), row("b", 0, 2.0), row("a", 1, 1.0), row("b", 1)]
    file = file_of(tmp_path, *rows)
    assert file.epoch_times("g", ["a", "b"]) == {"a": [1, 1]}


def test_equal_numbers_of_two_sessions_are_two_rounds(tmp_path: Path) -> None:
    rows = [row("a", 0, 1.0, session="s"), row("b", 0, 1.0, session="t")]
    file = file_of(tmp_path, *rows)
    assert file.epoch_times("g", ["a", "b"]) == {"a": [], "b": []}


def test_rows_are_there_at_once_and_half_a_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "new" / "rows.jsonl"
    RowFile(path).append(row("a", 0, 1.0))
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"schema": 1, "sess')
    RowFile(path).append(row("b", 0, 1.0))
    lines = path.read_text().splitlines()
    assert [json.loads(line)["contender"] for line in lines] == ["a", "b"]
    path.write_bytes(b'{"sch')
    RowFile(path)
    assert path.read_bytes() == b""


def test_what_must_be_equal_names_the_folder(tmp_path: Path) -> None:
    dataset = load("glyphs")
    facts = {"num_threads": 1, "environment": {"cpu": "abacus"}}
    folder = results_folder(tmp_path, dataset, facts)
    assert folder.name.startswith("glyphs-")
    assert folder == results_folder(tmp_path, load("glyphs"), dict(facts))
    others = [
        results_folder(tmp_path, dataset, facts | {"num_threads": 2}),
        results_folder(tmp_path, dataset, facts | {"environment": {"cpu": "other"}}),
    ]
    assert len({folder, *others}) == 3
