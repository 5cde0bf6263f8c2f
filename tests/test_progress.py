"""What is shown on standard error: any name as it is, and nothing where nobody looks."""

import io
import sys

import pytest

from idxdata.progress import progress_bar, waiting_note


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Writer:
    """As some programs put in the place of standard error."""

    def write(self, text: str) -> None:
        pass


def closed() -> io.StringIO:
    file = io.StringIO()
    file.close()
    return file


def show(text: str) -> None:
    with progress_bar(text, 10) as advance:
        advance(10)
    with waiting_note(text):
        pass


@pytest.mark.parametrize("stderr", [None, Writer(), closed(), io.StringIO()])
def test_what_is_no_terminal_is_left_alone(
    stderr: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stderr)
    show("a")
    if isinstance(stderr, io.StringIO) and not stderr.closed:
        assert stderr.getvalue() == ""


@pytest.mark.parametrize("name", ["a[bold].gz", "a[/b].gz", "[", "a[red]b[", "[/]"])
def test_names_are_no_markup(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    for shown in (progress_bar, waiting_note):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        arguments = (name, 10) if shown is progress_bar else (name,)
        with shown(*arguments):  # type: ignore[operator]
            pass
        assert name in terminal.getvalue()
