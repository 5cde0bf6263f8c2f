"""The documentation's code runs, its tables are current, and its pages name what is there."""

import doctest
import re
import runpy
from pathlib import Path

import pytest

import idxdata

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md"))
TUTORIALS = [DOCS / "index.md", *sorted((DOCS / "tutorials").glob("*.md"))]
BLOCKS = [
    pytest.param(page, number, code, id=f"{page.stem}-{number}")
    for page in TUTORIALS
    for number, code in enumerate(
        re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)
    )
]


@pytest.mark.long
@pytest.mark.parametrize(("page", "number", "code"), BLOCKS)
def test_code_runs(
    page: Path,
    number: int,
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for framework in ("torch", "tensorflow", "jax"):
        if framework in code:
            pytest.importorskip(framework)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, f"{page.name}, block {number}", "exec"), {"__name__": "block"})  # noqa: S102


def test_there_is_code() -> None:
    assert len(BLOCKS) >= 15


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_at_the_prompt(page: Path) -> None:
    text = page.read_text()
    if ">>> " not in text:
        return
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert tried
    assert not failed


def test_some_pages_have_examples_at_the_prompt() -> None:
    assert any(">>> " in page.read_text() for page in PAGES)


def test_the_page_of_datasets_is_current() -> None:
    page = runpy.run_path(str(DOCS / "generate_datasets.py"))["page"]
    assert (DOCS / "datasets.md").read_text() == page(), (
        "python docs/generate_datasets.py writes it anew"
    )


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


def test_every_page_is_in_the_navigation() -> None:
    navigation = (DOCS.parent / "mkdocs.yml").read_text()
    for page in PAGES:
        assert f": {page.relative_to(DOCS).as_posix()}\n" in navigation + "\n"


def test_every_command_is_on_the_page_of_commands() -> None:
    from idxdata.cli import COMMANDS

    page = (DOCS / "command_line.md").read_text()
    for command in COMMANDS:
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
