"""`make bench-data`: goals, rows and order as pure functions; one small run, whole."""

import gzip
import json
import mmap
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from benchmarks import goals
from benchmarks.contenders import CACHED, COLD, CONTENDERS, chosen, grid
from benchmarks.data_results import Key, Results, parse_row
from benchmarks.goals import Goal, judge
from benchmarks.gzip_member import deflate_stream
from benchmarks.inputs import TINY, Input
from benchmarks.memory import PeakMeter
from benchmarks.report.cells import goal_row
from benchmarks.report.data_tables import data_row, failures

ROOT = Path(__file__).parents[1]
OURS = Key("reader", "ours_auto", "x.gz", CACHED)
PEER = Key("reader", "numpy_gzip", "x.gz", CACHED)
IMAGES = Input("x.gz", Path("x.gz"), (10, 28, 28), 0, 0)
LABELS = Input("y.gz", Path("y.gz"), (10,), 0, 0)
RAW = Input("x", Path("x"), (10, 28, 28), 0, 0)


def row(key: Key, number: int, seconds: float, **more: float) -> dict[str, Any]:
    """A row whose times are all `seconds`."""
    names = ("import_s", "first_s", "process_s", "warm_s", "warm_cpu_share")
    record = dict.fromkeys(names, seconds) | {"peak_nbytes": 100} | more
    case = {
        "group": key.group,
        "contender": key.contender,
        "input": key.input,
        "state": key.state,
        "round": number,
        "nbytes": 100,
    }
    return {"case": case, "record": record}


def failed(key: Key, number: int, message: str) -> dict[str, Any]:
    return {"case": row(key, number, 1)["case"], "error": message}


def results(*rows: dict[str, Any]) -> Results:
    return Results(parse_row(entry) for entry in rows)


def test_a_row_is_parsed() -> None:
    sample = parse_row(row(OURS, 3, 0.25))
    assert (sample.key, sample.round_number, sample.error) == (OURS, 3, "")
    assert sample.figures["fresh_s"] == 0.5  # import and first call
    assert "first_peak_nbytes" not in sample.figures
    assert parse_row(failed(OURS, 0, "no")).error == "no"
    with pytest.raises(KeyError):
        parse_row({"case": {"recipe": "mlp-3x100"}})


def test_ratios_pair_the_rounds_both_have() -> None:
    found = results(
        row(OURS, 0, 1.0), failed(OURS, 1, "no"), row(OURS, 2, 2.0),
        row(PEER, 0, 3.0), row(PEER, 1, 99.0), row(PEER, 2, 6.0),
    )  # fmt: skip
    ratio = found.ratio(OURS, PEER, "warm_s")
    assert ratio is not None
    assert ratio.ratios == (3.0, 3.0)
    assert found.ratio(OURS, Key("reader", "mnist", "x.gz", CACHED), "warm_s") is None
    assert failures(found) == ["reader ours_auto on x.gz, cached: no"]


@pytest.mark.parametrize(
    ("at_least", "limit", "ours", "word"),
    [
        (True, 2.0, (1.0, 1.0, 1.0), "met"),
        (True, 2.0, (1.0, 2.0, 1.0), "met, within noise"),
        (True, 4.0, (1.0, 1.0, 1.0), "not met"),
        (True, 2.0, (1.0, 2.0, 2.5), "not met, within noise"),
        (False, 0.5, (1.0, 1.0, 1.0), "met"),
        (False, 0.3, (1.0, 1.0, 1.0), "not met"),
        (False, 1.0, (2.9, 3.2, 2.8), "met, within noise"),
    ],
)
def test_verdicts_against_a_peer(
    at_least: bool, limit: float, ours: tuple[float, ...], word: str
) -> None:
    goal = Goal("g", limit, OURS, "warm_s", peer=PEER, at_least=at_least)
    rows = [row(OURS, n, seconds) for n, seconds in enumerate(ours)]
    rows += [row(PEER, n, 3.0) for n in range(3)]
    (verdict,) = judge([goal], results(*rows))
    assert verdict.word == word
    assert goal_row(verdict)[1] == (f">= {limit:g}" if at_least else f"<= {limit:g}")


def test_a_single_pair_is_never_certain() -> None:
    goal = Goal("g", 1.0, OURS, "warm_s", peer=PEER, at_least=True)
    (verdict,) = judge([goal], results(row(OURS, 0, 1), row(PEER, 0, 50)))
    assert verdict.word == "met, within noise"


def test_verdicts_against_constants() -> None:
    rows = [row(OURS, n, 2.0, peak_nbytes=104) for n in range(3)]
    memory = Goal("m", 1.05, OURS, "peak_nbytes", unit="payload")
    seconds = Goal("s", 1.5, OURS, "first_s")
    nothing = Goal("n", 1.0, PEER, "first_s")
    words = [
        verdict.word for verdict in judge([memory, seconds, nothing], results(*rows))
    ]
    assert words == ["met", "not met", "not measured"]


def test_goals_name_existing_contenders() -> None:
    labels = {contender.label for contender in CONTENDERS}
    for goal in goals.GOALS:
        for key in (goal.ours, goal.peer or goal.ours):
            assert f"{key.group}/{key.contender}" in labels
    for contender in CONTENDERS:
        folder = ROOT / "benchmarks" / f"{contender.group}s"
        assert (folder / f"{contender.name}.py").is_file()


def test_table_rows() -> None:
    found = results(
        row(OURS, 0, 0.5), row(OURS, 1, 0.5), row(PEER, 0, 1), row(PEER, 1, 1)
    )
    name, fresh, speed, *_ = data_row(found, OURS)
    assert (name, fresh, speed) == ("ours_auto", "1000 (1000-1000)", "2.00 (2.00-2.00)")
    assert data_row(found, PEER)[0] == "numpy_gzip*"
    assert data_row(results(failed(OURS, 0, "no")), OURS)[:2] == ("ours_auto", "failed")


def test_the_grid_takes_turns() -> None:
    readers = chosen(["ours_zlib", "numpy_gzip", "libdeflate"])
    readers = [contender for contender in readers if contender.group == "reader"]
    cases = grid(readers, [LABELS], 3)
    order = [[c.contender.name for c in cases if c.round_number == n] for n in range(3)]
    assert order == [
        ["ours_zlib", "numpy_gzip", "libdeflate"],
        ["libdeflate", "numpy_gzip", "ours_zlib"],
        ["numpy_gzip", "libdeflate", "ours_zlib"],
    ]


def test_contenders_take_what_they_can() -> None:
    (mnist,) = chosen(["python_mnist"])
    assert mnist.refusal(IMAGES) == ""
    assert "labels" in mnist.refusal(LABELS)
    (fromfile,) = chosen(["reader/numpy_fromfile"])
    assert fromfile.refusal(IMAGES) != "" and fromfile.refusal(RAW) == ""
    (auto,) = chosen(["ours_auto"])
    assert auto.states(IMAGES) == (CACHED, COLD)
    (numba,) = chosen(["ours_numba"])
    tiny = Input(TINY, Path("z.gz"), (1, 28, 28), 0, 0)
    assert numba.states(tiny) == (CACHED, COLD) and numba.states(IMAGES) == (CACHED,)
    assert [numba.takes_part(tiny, COLD, n) for n in range(2)] == [True, False]
    with pytest.raises(ValueError, match="no contender nobody"):
        chosen(["nobody"])


@pytest.mark.parametrize("flags", [0, 0x02, 0x04, 0x08, 0x10, 0x1E])
def test_the_stream_of_a_member(flags: int) -> None:
    extra = b"\3\0abc" if flags & 0x04 else b""
    name = b"name\0" if flags & 0x08 else b""
    comment = b"words\0" if flags & 0x10 else b""
    crc = b"\1\2" if flags & 0x02 else b""
    plain = gzip.compress(b"payload" * 99, mtime=0)
    head = plain[:3] + bytes([flags]) + plain[4:10] + extra + name + comment + crc
    stream = deflate_stream(head + plain[10:])
    assert zlib.decompress(stream, -zlib.MAX_WBITS) == b"payload" * 99


def test_peak_memory_counts_what_was_freed() -> None:
    meter = PeakMeter()
    # Not from malloc, which may have as much that is resident already.
    with mmap.mmap(-1, 30_000_000) as freed:
        for page in range(0, len(freed), mmap.PAGESIZE):
            freed[page] = 1
    assert 29_000_000 < meter.peak_nbytes() < 40_000_000


def test_bench_end_to_end(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.data_bench", "--rounds", "2"),
            *("--inputs", "tiny-images.gz", "--only", "reader/numpy_gzip,stdlib_zlib"),
            *("--results", str(tmp_path)),
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    (path,) = tmp_path.glob("rows-*.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(r["case"]["group"], r["case"]["round"]) for r in rows] == [
        ("reader", 0), ("engine", 0), ("engine", 1), ("reader", 1),
    ]  # fmt: skip
    assert {r["record"]["dtype"] for r in rows if "dtype" in r["record"]} == {"uint8"}
    assert "numpy" in rows[0]["environment"]["packages"]
    assert "readers on tiny-images.gz" in done.stdout
    assert "engines on tiny-images.gz" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--inputs", "huge"), "no input huge"),
        (("--only", "nobody"), "no contender nobody"),
        (("--rounds", "0"), "expected 1 or more"),
    ],
)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.data_bench", *arguments,
         "--results", str(tmp_path / "results")],
        check=False, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert not (tmp_path / "results").exists()
