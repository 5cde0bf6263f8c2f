"""Reports: whole, self-contained, and saying what rows say, whatever is in them."""

import re
from collections import Counter
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from benchmarks.report import write_reports
from benchmarks.report.gallery import png
from benchmarks.report.speed_sections import WARMUP_RULE
from benchmarks.report.terminal import print_verdict
from benchmarks.verdict import judge
from benchmarks.words import format_factor, rounds, seconds, series
from idxdata import Dataset, Split
from idxdata.errors import FormatError
from tests.verdict.synthetic_rows import (
    Contest,
    Made,
    Values,
    dataset,
    disturb,
    fail,
    parsed,
    write,
)
from trainers.run import WARMUP_STEPS

LABELS = np.arange(400) % 10
COMMAND = "python -m benchmarks run --data 'a & b' --rounds 6"
A, B = Made(), Made(1.5, loop="tf-function", luck=1)
VOID = {
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta",
    "source", "track", "wbr", "path", "use", "rect", "stop",
}  # fmt: skip


class Page(HTMLParser):
    """Counts tags and ids, checks that tags nest, keeps the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags = Counter[str]()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def ids(self) -> list[str]:
        return [value for name, value in self.attributes if name == "id"]


def _rows(*made: Made, rounds: int = 6, **more: Any) -> list[Values]:
    return Contest(
        made or (A, B), rounds=rounds, steps=40, epochs=3, labels=LABELS, **more
    ).rows()


def _report(
    folder: Path, rows: list[Values], data: Dataset | None = None, **axes: list[Values]
) -> tuple[Page, str]:
    """The page and REPORT.md."""
    write(folder / "rows.jsonl", rows)
    for axis, points in axes.items():
        write(folder / f"sensitivity-{axis}.jsonl", points)
    path = write_reports(folder, data, command=COMMAND)
    assert path == folder / "report.html"
    text = path.read_text()
    page = Page(text)
    assert "http:" not in text and "https:" not in text
    assert page.tags["script"] == page.tags["link"] == page.tags["iframe"] == 0
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "@import" not in text and "expression(" not in text
    for target in re.findall(r"url\(([^)]*)\)", text):
        assert target.startswith("#")
    assert max(Counter(page.ids).values()) == 1
    for name, value in page.attributes:
        if name == "href":
            assert value[0] == "#" and value[1:] in page.ids
        if name == "src":
            assert value.startswith("data:image/png;base64,")
    markdown = (folder / "REPORT.md").read_text()
    pictures = re.findall(r"!\[[^]]*\]\(([^)]*)\)", markdown)
    assert pictures
    for picture in pictures:
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (folder / picture).with_suffix(".svg").read_text()
    assert page.tags["svg"] == len(pictures)
    assert not list(folder.rglob("*.part"))
    return page, markdown


def _axes() -> dict[str, list[Values]]:
    def point(made: list[Made], **case: Any) -> list[Values]:
        return Contest(
            made, steps=20, epochs=1, labels=LABELS, rounds=6, has_cuts=False,
            case=case, group=f"mlp-3x100, {case}",
        ).rows()  # fmt: skip

    tutorial = [
        Made(4.7, name="torch-eager, tutorial loader"),
        Made(1, loop="tf-function", name="tf-function, tutorial loader"),
    ]
    many = [Made(1 + n, loop=f"torch-{n}") for n in range(9)]
    return {
        "batch_size": point([A, B], batch_size=32) + point([B, A], batch_size=128),
        "width": point([A, B], width=0.5) + point([A, B], width=2.0),
        "loop": point(many, axis="loop"),
        "loader": point([A, B], loader="service") + point(tutorial, loader="tutorial"),
    }


def test_the_whole_report(tmp_path: Path) -> None:
    rows = _rows() + _rows(recipe="cnn-5x5")
    data = dataset(LABELS)
    for row in rows:
        row["record"]["digests"]["data"] = data.digest
    page, markdown = _report(tmp_path, rows, data, **_axes())
    verdict = judge(parsed(rows))
    for sentence in verdict.sentences:
        assert sentence in page.text
        assert sentence in markdown
    assert page.text.index(verdict.sentences[0]) < page.text.index("Findings")
    assert markdown.index(verdict.sentences[0]) < 200
    assert markdown.count("**") >= 4
    for fact in (
        COMMAND,
        "Abacus 9000",
        "mlp-3x100",
        "cnn-5x5",
        "first ten batches",
        "make parity",
        "tutorial",
        "not the same batches",
        "sensitivity-loader.jsonl",
    ):
        assert fact in page.text, fact
        assert fact in markdown, fact
    assert page.tags["img"] > 10
    assert re.search(r"example \d+: true \d; torch-eager \d", page.text)


def test_the_rule_of_warm_up_is_the_trainers() -> None:
    assert WARMUP_STEPS == 10
    assert "first ten batches" in WARMUP_RULE


def test_charts_take_the_pages_colours(tmp_path: Path) -> None:
    _report(tmp_path, _rows())
    text = (tmp_path / "report.html").read_text()
    svgs = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert svgs
    for svg in svgs:
        assert "currentColor" in svg
        assert "<text" in svg  # letters stay letters
        fills = {colour.lower() for colour in re.findall(r"#[0-9a-fA-F]{6}", svg)}
        assert not fills & {"#000000", "#ffffff", "#010203"}
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        _report(folder, _rows())
    for path in sorted(first.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (second / path.relative_to(first)).read_bytes()


def test_a_failed_and_a_refused_contender_are_shown(tmp_path: Path) -> None:
    rows = _rows(A, B, Made(2.0, loop="jax-jit"))
    for row in rows[2::3]:
        fail(row, "exit status 1: <no> such device")
    for row in rows[1::3]:
        row["record"]["digests"]["order"] = "other"
    page, markdown = _report(tmp_path, rows)
    for text in (page.text, markdown):
        assert (
            "jax-jit failed in rounds 1 to 6: exit status 1: <no> such device" in text
        )
        assert "tf-function is refused, since it had another order" in text
        assert "jax-jit (failed)" in text
        assert "refused" in text


def test_all_failed(tmp_path: Path) -> None:
    rows = _rows(rounds=1)
    for row in rows:
        fail(row, "boom")
    write(tmp_path / "rows.jsonl", rows)
    text = write_reports(tmp_path, None, command=COMMAND).read_text()
    assert "No contender gave a result" in text
    assert "boom" in text
    assert Page(text).tags["svg"] == 0


def test_noise_is_marked(tmp_path: Path) -> None:
    rows = _rows()
    disturb(rows[2])
    page, markdown = _report(tmp_path, rows)
    for text in (page.text, markdown):
        assert re.search(r"\d~", text)
        assert "disturbed round 2 of 6" in text
        assert "1 of 6" in text


def test_one_contender_one_round_one_epoch_no_cuts(tmp_path: Path) -> None:
    rows = Contest(
        [A], rounds=1, steps=1, epochs=1, labels=LABELS, has_cuts=False
    ).rows()
    page, _ = _report(tmp_path, rows)
    assert "torch-eager ran alone" in page.text
    assert "were not measured" in page.text
    assert "single epoch" in page.text


def test_nine_loops(tmp_path: Path) -> None:
    page, markdown = _report(
        tmp_path,
        _rows(
            *(Made(1 + n / 4, loop=f"torch-{n}") for n in range(7)),
            Made(3, loop="keras-jax", knows_data=False),
            Made(4, loop="jax-jit"),
        ),
    )
    assert "jax-jit / torch-0" in markdown
    assert "fastest of 9" in page.text


def test_nulls(tmp_path: Path) -> None:
    rows = _rows(A, Made(2.0, loop="keras-tf", knows_data=False))
    for row in rows:
        row["conditions"] = None
        for turn in row["turns"]:
            turn |= {"foreign_load": None, "idle_load": None}
        row["cuts"] |= {"batch_sizes": None, "matmul_step_s": None}
        row["environment"] = {"cpu": "?", "packages": {}}
    _, markdown = _report(tmp_path, rows)
    assert "| keras-tf | 2.0" in markdown or "| keras-tf | 1.9" in markdown
    assert "other programs' load during epochs | not known" in markdown


def test_an_interrupt_is_noted(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", _rows())
    path.write_bytes(path.read_bytes()[:-50])
    text = write_reports(tmp_path, None, command=COMMAND).read_text()
    assert "cut short by an interrupt" in text


def test_names_are_text(tmp_path: Path) -> None:
    evil = '<script>alert("x")</script>&amp;|`'
    rows = _rows(Made(name=evil), B, recipe=evil)
    for row in rows:
        row["environment"] |= {"cpu": evil}
        row["record"]["flags"] = {evil: evil}
    data = dataset(LABELS)
    for row in rows:
        row["record"]["digests"]["data"] = data.digest
    named = Dataset(evil, data.train, data.test, (evil, *data.classes[1:]))
    page, _ = _report(tmp_path, rows, named)
    assert evil in page.text


def test_dollars_are_no_formulas(tmp_path: Path) -> None:
    page, _ = _report(tmp_path, _rows(Made(name="a $\\frac$ b"), B, recipe="$x$"))
    assert "a $\\frac$ b" in page.text


@pytest.mark.parametrize("others", [None, "other data"])
def test_no_gallery_without_the_data(tmp_path: Path, others: str | None) -> None:
    data = dataset(LABELS) if others else None
    page, _ = _report(tmp_path, _rows(), data)
    assert "No images:" in page.text
    assert page.tags["img"] == 0


def test_pictures_of_any_kind() -> None:
    for image in (
        np.zeros((28, 28), np.uint8),
        np.linspace(0, 1, 48).reshape(4, 4, 3),
        np.full((3, 5), -7, np.int16),
    ):
        assert png(image).startswith(b"\x89PNG")


def test_no_gallery_of_what_is_no_picture(tmp_path: Path) -> None:
    split = Split(np.zeros((400, 2, 2, 7), np.uint8), LABELS.astype(np.uint8))
    data = Dataset("cubes", split, split, tuple("0123456789"))
    rows = _rows()
    for row in rows:
        row["record"]["digests"]["data"] = data.digest
    page, _ = _report(tmp_path, rows, data)
    assert "is no picture" in page.text


def test_many_classes_fit_a_page(tmp_path: Path) -> None:
    labels = np.arange(1200) % 600
    rows = Contest([A, B], rounds=2, steps=10, epochs=2, labels=labels).rows()
    _report(tmp_path, rows)
    assert (tmp_path / "report.html").stat().st_size < 3_000_000


def test_axes_alone_give_a_report(tmp_path: Path) -> None:
    for axis, points in _axes().items():
        write(tmp_path / f"sensitivity-{axis}.jsonl", points)
    page = Page(write_reports(tmp_path, None, command=COMMAND).read_text())
    assert "Nothing was run but along axes" in page.text
    assert "tutorial loader" in page.text
    assert page.tags["svg"] == 4
    assert "rows.jsonl" not in page.text


def test_no_rows_no_report(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("")
    with pytest.raises(FormatError, match="no rows"):
        write_reports(tmp_path, None, command=COMMAND)
    with pytest.raises(FileNotFoundError):
        write_reports(tmp_path / "nowhere", None, command=COMMAND)


def test_the_terminal_ends_with_the_verdict() -> None:
    rows = _rows(Made(name="a [bold]b"), B)
    disturb(rows[0])
    verdict = judge(
        parsed(rows), sensitivity={k: parsed(v) for k, v in _axes().items()}
    )
    console = Console(width=400, record=True, file=StringIO())
    print_verdict(verdict, console)
    text = console.export_text()
    assert "a [bold]b" in text
    lines = text.rstrip().splitlines()
    assert lines[-2:] == list(verdict.sentences)


def test_the_terminal_when_all_failed() -> None:
    rows = _rows()
    for row in rows:
        fail(row, "boom")
    console = Console(width=200, record=True, file=StringIO())
    print_verdict(judge(parsed(rows)), console)
    assert "No contender gave a result" in console.export_text()


def test_words() -> None:
    assert series(["a"]) == "a"
    assert series(["a", "b", "c"]) == "a, b and c"
    assert rounds([0]) == "round 1"
    assert rounds([4, 2, 3]) == "rounds 3 to 5"
    assert rounds([0, 4]) == "rounds 1 and 5"
    assert [seconds(value) for value in (0, 123.4, 1.234, 0.0123, 12e-6)] == [
        "0.00 s", "123 s", "1.23 s", "12.3 ms", "12.0 µs",
    ]  # fmt: skip


def test_bounds_near_one_keep_their_side() -> None:
    assert format_factor(1.004) == "1.004"
    assert format_factor(0.996) == "0.996"
    assert format_factor(1.256) == "1.26"
