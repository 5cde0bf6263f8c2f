"""Rows are read as they were written, or refused with the line that is to blame."""

import json
from pathlib import Path

import pytest

from benchmarks.verdict import read_rows
from benchmarks.verdict.rows import read_file
from idxdata.errors import FormatError
from tests.verdict.synthetic_rows import Contest, Made, Values, disturb, fail, write

ROWS = Contest([Made(), Made(2.0, loop="tf-function")], rounds=2, steps=5, epochs=2)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written = ROWS.rows()
    disturb(written[1])
    read = read_rows(write(tmp_path / "rows.jsonl", written))
    assert len(read) == 4
    for values, row in zip(written, read, strict=True):
        record = row.record
        assert record is not None
        assert row.contender == values["contender"]
        assert row.place == (values["session"], values["round"])
        assert row.case.seed == values["case"]["seed"]
        assert list(record.losses) == values["record"]["losses"]
        assert record.epochs[1].total_s == values["record"]["epochs"][1]["total_s"]
        assert record.metrics.wrong == [
            tuple(pair) for pair in values["record"]["metrics"]["wrong"]
        ]
    assert [row.is_noisy for row in read] == [False, True, False, False]


def test_noise_counts_in_epochs_only(tmp_path: Path) -> None:
    (row,) = Contest([Made()], rounds=1, steps=5).rows()
    row["turns"][0]["is_noisy"] = True
    assert not read_rows(write(tmp_path / "rows.jsonl", [row]))[0].is_noisy


def test_an_interrupted_line_is_left_out_with_a_note(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", ROWS.rows())
    whole = path.read_bytes()
    for cut in (1, 100, len(whole.splitlines()[-1]) - 3):
        last = whole.rstrip(b"\n").rfind(b"\n") + 1
        path.write_bytes(whole[: last + cut])
        file = read_file(path)
        assert len(file.rows) == 3
        assert file.note is not None and "interrupt" in file.note
    path.write_bytes(whole[:-1])  # whole but for its newline
    assert len(read_file(path).rows) == 4
    assert read_file(path).note is None


def test_an_interrupt_is_at_the_end_only(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", ROWS.rows())
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b'{"schema": 1, "sess\n' + lines[1])
    with pytest.raises(FormatError, match="line 2 is no JSON"):
        read_rows(path)


@pytest.mark.parametrize("schema", [0, 2, "1", None])
def test_another_schema_is_refused(tmp_path: Path, schema: object) -> None:
    rows = ROWS.rows()
    rows[2]["schema"] = schema
    with pytest.raises(FormatError, match="line 3 is of another schema") as caught:
        read_rows(write(tmp_path / "rows.jsonl", rows))
    assert caught.value.expected == 1
    assert caught.value.found == schema


def _without(field: str, row: Values) -> Values:
    del row[field]
    return row


@pytest.mark.parametrize("field", ["group", "case", "turns", "session", "record"])
def test_a_missing_field_is_told_with_its_line(tmp_path: Path, field: str) -> None:
    rows = ROWS.rows()
    _without(field, rows[1])
    with pytest.raises(FormatError, match="line 2 is no row"):
        read_rows(write(tmp_path / "rows.jsonl", rows))


@pytest.mark.parametrize("line", ["[]", "1", '"row"', "null"])
def test_other_json_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(FormatError, match="line 1"):
        read_rows(path)


def test_fields_may_be_null_or_new(tmp_path: Path) -> None:
    rows = Contest([Made(knows_data=False)], rounds=2, steps=5, has_cuts=False).rows()
    rows[0]["conditions"] = None
    rows[0]["something_new"] = rows[0]["record"]["something_new"] = 1
    for turn in rows[0]["turns"]:
        turn |= {"foreign_load": None, "idle_load": None}
    fail(rows[1], "exit status 1: out of luck")
    first, second = read_rows(write(tmp_path / "rows.jsonl", rows))
    assert first.cuts is None and first.record is not None
    assert first.record.epochs[0].data_s is None
    assert second.record is None and second.error == "exit status 1: out of luck"


def test_blank_lines_and_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n" + json.dumps(ROWS.rows()[0]) + "\n\n")
    assert len(read_rows(path)) == 1
    path.write_text("")
    assert read_rows(path) == []
