"""The documentation's code runs and prints what it says; its tables are current."""

import argparse
import doctest
import importlib
import inspect
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import idxdata
from idxdata import cli
from idxdata.header import build_header
from tests.pages import DOCS, ROOT, blocks, check_output, commands, run

PAGES = sorted(DOCS.rglob("*.md"))
SPECIFICATIONS = ("order.md", "batches.md", "recipes.md")
"""Whose code is no story, and has tests of its own."""
COMING = DOCS / "coming_from.md"
"""Its lines need datasets and files: `test_docs_coming_from`."""
STORIES = [
    page
    for page in PAGES
    if page.name not in SPECIFICATIONS
    and page != COMING
    and any(block.is_run for block in blocks(page))
]
SLOW = ("pytorch", "tensorflow", "jax", "ray")
FRAMEWORKS = ("torch", "tensorflow", "jax", "ray", "sklearn", "pandas", "pyarrow")


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.stem, marks=[pytest.mark.long] * (page.stem in SLOW))
        for page in STORIES
    ],
)
def test_code_runs(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = page.read_text()
    for framework in FRAMEWORKS:
        if re.search(rf"import {framework}|from {framework}|to_{framework}\(", text):
            pytest.importorskip(framework)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    run(page, {}, capsys)


def test_code_is_run() -> None:
    """Each use has its tutorial, and nothing is passed over that need not be."""
    stories = [page.stem for page in STORIES]
    tutorials = [page.stem for page in (DOCS / "tutorials").glob("*.md")]
    assert set(tutorials) - set(stories) == {"compare"}  # which is run by make
    assert {"index", "format", "command_line"} < set(stories)
    every = [block for page in PAGES for block in blocks(page)]
    assert not [block for block in every if block.note.startswith("not run")]
    assert sum(block.note.startswith("prints") for block in every) >= 25
    assert sum(block.kind == "pycon" for block in every) >= 8


def test_notes_are_known() -> None:
    """A note that is misspelt would leave out what it asks for."""
    for page in PAGES:
        for note in re.findall(r"<!-- (.*?) -->", page.read_text()):
            assert note in ("runs", "runs, exits 1", "prints", "prints about"), page


def test_outputs_are_compared() -> None:
    check_output("a 85\n", "a   85 \n", "", is_about=True)
    check_output("85.0 % of 1,000\n", "86.1 % of 1,010\n", "", is_about=True)
    for wrong in ("a 70", "b 85", "a 85 85"):
        with pytest.raises(AssertionError):
            check_output("a 85\n", wrong, "", is_about=True)
    with pytest.raises(AssertionError):
        check_output("a 85\n", "a 86", "", is_about=False)


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.stem
)
def test_commands_are_ones(page: Path) -> None:
    """Those of blocks parse, with their options; targets of make are there."""
    targets = (ROOT / "Makefile").read_text()
    for block in blocks(page):
        if block.kind != "sh":
            continue
        for arguments in commands(block.code):
            parser = cli._parser(arguments)
            assert isinstance(parser.parse_args(arguments), argparse.Namespace)
        for target in re.findall(r"^make ([\w-]+)", block.code, flags=re.MULTILINE):
            assert re.search(rf"\b{target}\b|bench-\$|axes:", targets), target
    for command in re.findall(r"`idxdata (\w+)", page.read_text()):
        assert command in {*cli.COMMANDS, "COMMAND"}


def modules_with_examples() -> list[str]:
    package = Path(inspect.getfile(idxdata)).parent
    return [
        ".".join(path.relative_to(package.parent).with_suffix("").parts)
        for path in sorted(package.rglob("*.py"))
        if ">>> " in path.read_text(encoding="utf-8")
    ]


@pytest.mark.parametrize("name", modules_with_examples())
def test_docstrings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    failed, tried = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert tried
    assert not failed


def test_some_docstrings_have_examples() -> None:
    assert len(modules_with_examples()) >= 5


def test_the_page_of_datasets_is_current() -> None:
    page = runpy.run_path(str(DOCS / "generate_datasets.py"))["page"]
    assert (DOCS / "datasets.md").read_text() == page(), (
        "python docs/generate_datasets.py writes it anew"
    )


def test_the_picture_has_the_bytes_of_the_format(mnist_folder: Path) -> None:
    text = (DOCS / "pictures" / "idx-file.svg").read_text()
    cells = re.findall(r'class="m"[^>]*>(\w\w)<', text)
    data = (mnist_folder / "train-images-idx3-ubyte.gz").read_bytes()
    header = build_header(idxdata.read_header(data).dtype, (60000, 28, 28))
    shown = bytes.fromhex("".join(cells))
    assert shown[:8] == data[:4] + data[10:14]
    assert shown[8:24] == header
    assert shown[-8:] == data[-8:]


def test_every_public_name_is_documented() -> None:
    text = "".join(page.read_text() for page in (DOCS / "api").glob("*.md"))
    named = set(re.findall(r"^::: idxdata\.(\w+)$", text, flags=re.MULTILINE))
    errors = {
        name
        for name in idxdata.__all__
        if isinstance(getattr(idxdata, name), type)
        and issubclass(getattr(idxdata, name), Exception)
    }
    assert set(idxdata.__all__) - errors <= named
    assert "::: idxdata.errors\n" in text


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    for page in PAGES:
        assert f": {page.relative_to(DOCS).as_posix()}\n" in navigation + "\n"


def test_every_command_is_on_the_page_of_commands() -> None:
    page = (DOCS / "command_line.md").read_text()
    for command in cli.COMMANDS:
        assert f"| `{command}" in page


def test_every_fault_of_a_mirror_is_in_the_table() -> None:
    """As many lines as kinds of faults are tested."""
    table = (DOCS / "fetching.md").read_text()
    for word in (
        "refuses", "resets", "sends nothing", "now and then", "ends before",
        "another file", "another size", "HTML", "403", "circle", "https to http",
        "encoding", "range", "nothing behind", "another version", "certificate",
    ):  # fmt: skip
        assert word in table


@pytest.mark.long
def test_the_site_asks_nobody_for_anything(tmp_path: Path) -> None:
    """It is built without a warning, and loads nothing from another machine."""
    pytest.importorskip("mkdocs")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    made = subprocess.run(
        [*build, "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert "WARNING" not in made.stderr
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > len(PAGES)
    for page in pages:
        assert not outside(page.read_text()), page
    for sheet in (tmp_path / "site").rglob("*.css"):
        assert not re.findall(
            r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", sheet.read_text()
        )


def outside(html: str) -> list[str]:
    """Addresses of other machines in tags that load what they name."""
    tags = re.findall(r"<(?:link|script|img|iframe|source|object|embed)\b[^>]*>", html)
    loads = [tag for tag in tags if 'rel="canonical"' not in tag]
    return [
        tag
        for tag in loads
        if re.search(r"""(?:src|href|data)=["']?(?:https?:)?//""", tag)
    ]


def test_outside_is_seen() -> None:
    assert outside('<script defer src="https://cdn.example/x.js"></script>')
    assert outside("<img src=//cdn.example/x.png>")
    assert not outside('<a href="https://example.org">x</a><img src="../x.png">')
