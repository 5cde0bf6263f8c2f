"""Pages of the documentation: their blocks of code, run in order as a reader would.

Blocks of one page share their names. A note before a block, in a comment that readers do
not see, says what is expected of it:

    <!-- runs -->               before sh: `idxdata` commands, which end with status 0
    <!-- runs, exits 1 -->      or with that
    <!-- prints -->             before text: exactly what the block above prints
    <!-- prints about -->       the same, but numbers may be off by a tenth
    <!-- not run: why -->       before python
"""

import doctest
import linecache
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from idxdata import cli

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
_BLOCK = re.compile(
    r"^(?:<!-- (?P<note>[^>]*) -->\n)?(?P<indent> *)```(?P<kind>\w+)\n(?P<code>.*?)^ *```$",
    re.DOTALL | re.MULTILINE,
)
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_TOLERANCE = 0.1
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """`note`: of the comment before it, or empty."""

    kind: str
    note: str
    code: str

    @property
    def is_run(self) -> bool:
        is_python = self.kind == "python" and not self.note.startswith("not run: ")
        return is_python or self.kind == "pycon" or self.note.startswith("runs")


def blocks(page: Path) -> list[Block]:
    found = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [
        Block(match["kind"], match["note"] or "", dedent(match["code"]))
        for match in found
    ]


def commands(code: str) -> list[list[str]]:
    """The arguments of each `idxdata` command in a block of shell."""
    parts = [part for line in code.splitlines() for part in re.split(r"&&|\|", line)]
    words = [shlex.split(part, comments=True) for part in parts]
    return [line[1:] for line in words if line[:1] == ["idxdata"]]


def run(page: Path, names: dict[str, Any], capture: pytest.CaptureFixture[str]) -> None:
    """Run the page's blocks in the current folder; `names`: what they can use."""
    names["__name__"] = "page"
    said = ""
    capture.readouterr()
    for number, block in enumerate(blocks(page)):
        place = f"{page.name}, block {number}"
        if block.is_run:
            _run_block(block, names, place)
            said = capture.readouterr().out
        elif block.note.startswith("prints"):
            assert block.kind == "text", place
            check_output(block.code, said, place, is_about="about" in block.note)


def _run_block(block: Block, names: dict[str, Any], place: str) -> None:
    if block.kind == "python":
        # TensorFlow looks for the source of functions that it traces.
        lines = block.code.splitlines(keepends=True)
        linecache.cache[place] = (len(block.code), None, lines, place)
        exec(compile(block.code, place, "exec"), names)  # noqa: S102
    elif block.kind == "pycon":
        check_prompts(block.code, names, place)
    else:
        found = re.search(r"exits (\d+)", block.note)
        for arguments in commands(block.code):
            assert cli.main(arguments) == int(found[1] if found else 0), place


def check_prompts(code: str, names: dict[str, Any], place: str) -> None:
    """Examples at the prompt give what stands below them; they may add to `names`."""
    test = doctest.DocTestParser().get_doctest(code, names, place, place, 0)
    assert test.examples, place
    test.globs = names
    complaints: list[str] = []
    runner = doctest.DocTestRunner(optionflags=_FLAGS)
    runner.run(test, out=complaints.append, clear_globs=False)
    assert not complaints, "".join(complaints)


def check_output(expected: str, found: str, place: str, *, is_about: bool) -> None:
    lines = [
        "\n".join(line.rstrip() for line in text.strip().splitlines())
        for text in (expected, found)
    ]
    if not is_about:
        assert lines[1] == lines[0], place
        return
    words = [re.sub(r"\s+", " ", _NUMBER.sub("0", text)) for text in lines]
    assert words[1] == words[0], place
    wanted, given = (
        [float(number.replace(",", "")) for number in _NUMBER.findall(text)]
        for text in lines
    )
    assert given == pytest.approx(wanted, rel=_TOLERANCE, abs=_TOLERANCE), place
