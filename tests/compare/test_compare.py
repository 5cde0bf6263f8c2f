"""Two folders side by side: laws first, then what is told of them and how."""

import html
import io
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from benchmarks.compare import BAD_INPUT, COMPARED, REFUSED, main_compare
from benchmarks.compare.sentences import factor
from tests.compare.making import (
    Values,
    altered,
    failing,
    rows,
    setting,
    write,
)


def shown(
    tmp_path: Path, a: list[Values], b: list[Values], *, out: Path | None = None
) -> tuple[int, str]:
    console = Console(file=io.StringIO(), width=500)
    folders = write(tmp_path / "a", a), write(tmp_path / "b", b)
    status = main_compare(*folders, console, out=out)
    assert isinstance(console.file, io.StringIO)
    return status, console.file.getvalue().replace(str(tmp_path), "")


def test_a_folder_is_like_itself(tmp_path: Path) -> None:
    status, text = shown(tmp_path, rows(), rows())
    assert status == COMPARED
    assert "no difference in the time per epoch is established; B / A is 1.000" in text
    assert "nothing, as far as recorded" in text
    assert "equal to the last bit" in text
    assert "8 runs are in both folders" in text
    assert "faster" not in text


@pytest.mark.parametrize(
    ("difference", "words"), [(1e-6, "like rounding"), (1e-2, "more than rounding")]
)
def test_losses_tell_of_the_arithmetic(
    tmp_path: Path, difference: float, words: str
) -> None:
    other = rows()
    other[0]["record"]["losses"][0] *= 1 + difference
    assert words in shown(tmp_path, rows(), other)[1]


def test_what_is_not_known_is_no_ratio(tmp_path: Path) -> None:
    unknown = altered(rows(), setting("record/peak_rss_bytes", None))
    assert "unknown" in shown(tmp_path, rows(), unknown)[1]


def test_a_clear_difference_names_what_differs(tmp_path: Path) -> None:
    b = altered(rows(2.0), setting("environment/packages", {"torch": "2.7"}))
    status, there = shown(tmp_path, rows(), b)
    assert status == COMPARED
    assert (
        "A with numpy 2.0, torch 2.6.0 was faster; an epoch of B with numpy none, "
        "torch 2.7 took 2.00 times as long, 95 % interval" in there
    )
    assert "alone or together: numpy and torch." in there
    back = shown(tmp_path, b, rows())[1]
    assert "B with torch 2.6.0, numpy 2.0 was faster; an epoch of A" in back


def test_a_difference_without_any_reason_is_said_to_have_none(tmp_path: Path) -> None:
    text = shown(tmp_path, rows(), rows(2.0))[1]
    assert "A was faster; an epoch of B took 2.00 times as long" in text
    assert "Nothing that is recorded differs but when it was run" in text


def test_one_difference_is_said_to_be_the_only_one(tmp_path: Path) -> None:
    b = altered(rows(2.0), setting("case/num_threads", 1))
    assert (
        "this alone differs and could explain it: threads"
        in (shown(tmp_path, rows(), b)[1])
    )


def test_nothing_is_faster_where_the_interval_has_one(tmp_path: Path) -> None:
    text = shown(tmp_path, rows(), rows(1.001, seed=3))[1]
    assert "no difference in the time per epoch is established" in text
    assert "faster" not in text
    assert "took" not in text


def test_few_rounds_are_no_evidence(tmp_path: Path) -> None:
    text = shown(tmp_path, rows(count=5), rows(9.0))[1]
    assert "no interval from 5 and 8 rounds, of which 6 each are needed" in text
    assert "faster" not in text


def test_another_machine_is_never_the_frameworks_merit(tmp_path: Path) -> None:
    b = altered(rows(2.0), setting("environment/cpu", "Slide Rule"))
    b = altered(b, setting("environment/packages", {"numpy": "2.0", "torch": "3"}))
    text = shown(tmp_path, rows(), b)[1]
    assert (
        "on machine B (CPU Slide Rule) with torch 3 an epoch took 2.00 times as long as "
        "on machine A (CPU Abacus 3000) with torch 2.6.0, 95 % interval" in text
    )
    assert "it tells nothing of the framework alone" in text
    assert "faster" not in text


def test_what_is_refused_has_a_reason_and_no_ratio(tmp_path: Path) -> None:
    b = altered(rows(2.0), setting("record/batch_size", 128))
    status, text = shown(tmp_path, rows(), b)
    assert status == REFUSED
    assert "batch size is 64 in A and 128 in B" in text
    assert "2.00" not in text
    assert "Time per epoch" not in text


def test_one_refusal_does_not_hide_the_others(tmp_path: Path) -> None:
    jax = altered(rows(), setting("contender", "jax"))
    faulty = altered(jax, setting("case/planted", "sleep"))
    status, text = shown(tmp_path, rows() + jax, rows() + faulty)
    assert status == REFUSED
    assert "planted fault is none in A and sleep in B" in text
    assert "mlp, torch: no difference" in text


def test_contenders_on_one_side_and_errors_are_listed(tmp_path: Path) -> None:
    a = rows() + altered(rows(), setting("contender", "jax"))
    failed = altered(rows()[:1], failing)
    status, text = shown(tmp_path, a, rows()[1:] + failed)
    assert status == COMPARED
    assert ["A", "mlp", "jax"] in [line.split() for line in text.splitlines()]
    assert "mlp, torch, round 0: out of luck" in text


def test_nothing_in_common_is_no_success(tmp_path: Path) -> None:
    status, text = shown(tmp_path, rows(), altered(rows(), setting("group", "cnn")))
    assert status == REFUSED
    assert "No contender has results in both folders." in text
    assert shown(tmp_path, altered(rows(), failing), rows())[0] == REFUSED


def test_bad_input_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write(tmp_path / "good", rows())
    (tmp_path / "bare").mkdir()
    bad = [
        tmp_path / "nowhere",
        tmp_path / "bare",
        write(tmp_path / "empty", []),
        write(tmp_path / "old", altered(rows(), setting("schema", 2))),
        write(tmp_path / "odd", altered(rows(), setting("record/flags", None))),
        write(tmp_path / "odder", altered(rows(), setting("environment", 7))),
    ]
    for folder in bad:
        for pair in ((good, folder), (folder, good)):
            assert main_compare(*pair, Console(), out=None) == BAD_INPUT
            shown, told = capsys.readouterr()
            assert not shown
            assert told.startswith("error: ")
            assert told.count("\n") == 1
    assert main_compare(good, good, Console(), out=good / "rows.jsonl") == BAD_INPUT


def test_a_file_is_as_good_as_its_folder(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", rows())
    console = Console(file=io.StringIO())
    assert main_compare(folder / "rows.jsonl", folder, console, out=None) == COMPARED


def test_a_line_cut_short_is_told(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", rows())
    with (folder / "rows.jsonl").open("a") as file:
        file.write('{"schema": 1, "ro')
    console = Console(file=io.StringIO(), width=500)
    assert main_compare(folder, folder, console, out=None) == COMPARED
    assert isinstance(console.file, io.StringIO)
    assert "B: The last line of rows.jsonl was cut short" in console.file.getvalue()


NASTY = "a|b [red]x[/] <b>&</b> `c` *d* :smile: \\ \x1b[31m\nnext"


def test_names_do_not_break_tables(tmp_path: Path) -> None:
    nasty = altered(rows(), setting("contender", NASTY))
    status, text = shown(tmp_path, nasty, nasty, out=tmp_path / "out")
    assert status == COMPARED
    assert "a|b [red]x[/] <b>&</b> `c` *d* :smile: \\" in text
    assert "\x1b" not in text
    page = (tmp_path / "out" / "COMPARE.md").read_text()
    assert "\x1b" not in page
    rendered = MarkdownIt("commonmark").enable("table").render(page)
    for tag in ("<b>", "<code>", "<em>", "<a "):
        assert tag not in rendered
    for line in rendered.split("</tr>")[:-1]:
        cells = line.count("<td>") + line.count("<th>")
        assert cells in (5, 7, 8)
    plain = " ".join(NASTY.replace("\x1b", "\N{REPLACEMENT CHARACTER}").split())
    assert f"<td>{html.escape(plain)}</td>" in rendered


def test_lines_stay_items_of_one_list(tmp_path: Path) -> None:
    for group in ("1. mlp", "- mlp", "+ mlp", "# mlp", "> mlp", "7) mlp"):
        given_rows = altered(rows(), setting("group", group))
        shown(tmp_path, given_rows, given_rows, out=tmp_path)
        page = (tmp_path / "COMPARE.md").read_text()
        rendered = MarkdownIt("commonmark").render(page)
        assert f"<li>{html.escape(group)}, torch: " in rendered


def test_the_page_has_what_the_terminal_has(tmp_path: Path) -> None:
    b = altered(rows(2.0), setting("environment/cpu", "Slide Rule"))
    refused = altered(rows(), setting("contender", "jax"))
    b += altered(refused, setting("record/batch_size", 128))
    path = tmp_path / "deep" / "page.md"
    status, text = shown(tmp_path, rows() + refused, b, out=path)
    assert status == REFUSED
    page = path.read_text()
    for fact in ("Slide Rule", "2.00 times as long", "## Refused", "| 64 | 128 |"):
        assert fact in page
    assert "written: /deep/page.md" in text
    assert [entry.name for entry in path.parent.iterdir()] == ["page.md"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1.000"),
        (1.00004, "1.00004"),
        (0.9996, "0.9996"),
        (1.000004, "1.000"),
        (1.25, "1.25"),
        (0.0123, "0.012"),
        (12.345, "12.35"),
    ],
)
def test_factors_keep_their_side_of_one(value: float, text: str) -> None:
    assert factor(value) == text
