"""Tab completion, asked as a shell asks: by argcomplete's protocol, in a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from idxdata.catalogue import RECORDS
from idxdata.cli import COMMANDS
from tests.cli.conftest import Run

pytest.importorskip("argcomplete")

ROOT = Path(__file__).parents[2]


def complete(line: str, folder: Path) -> set[str]:
    """What the shell is offered with the cursor at the end of `line`."""
    answer = folder / "answer"
    with answer.open("wb") as file:
        # Descriptor 8 is where the shell reads.
        code = (
            f"import os; os.dup2({file.fileno()}, 8)\n"
            "from idxdata.cli import main; main()"
        )
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ
            | {
                "PYTHONPATH": str(ROOT),
                "_ARGCOMPLETE": "1",
                "_ARGCOMPLETE_IFS": "\n",
                "COMP_LINE": line,
                "COMP_POINT": str(len(line.encode())),
                "COMP_TYPE": "9",
            },
            cwd=folder,
            pass_fds=(file.fileno(),),
            check=True,
            timeout=60,
        )
    found = answer.read_text().splitlines()
    answer.unlink()
    return {word.strip() for word in found}


def test_commands(tmp_path: Path) -> None:
    assert complete("idxdata ", tmp_path) >= set(COMMANDS)
    assert complete("idxdata ve", tmp_path) == {"verify"}


@pytest.mark.parametrize("command", ["fetch", "list"])
def test_names(tmp_path: Path, command: str) -> None:
    (tmp_path / "emnist-notes.txt").touch()
    found = complete(f"idxdata {command} emnist", tmp_path)
    assert found == {name for name in RECORDS if name.startswith("emnist/")}


@pytest.mark.parametrize("command", ["verify", "view", "show", "stats", "convert"])
def test_names_and_paths(tmp_path: Path, command: str) -> None:
    (tmp_path / "kmn.gz").touch()
    found = complete(f"idxdata {command} km", tmp_path)
    assert found == {"kmnist", "kmn.gz"}


def test_files_alone(tmp_path: Path) -> None:
    (tmp_path / "mnist.gz").touch()
    assert complete("idxdata info mn", tmp_path) == {"mnist.gz"}


def test_options_and_choices(tmp_path: Path) -> None:
    assert complete("idxdata cache --o", tmp_path) == {"--older-than"}
    assert complete("idxdata cache pr", tmp_path) == {"prune"}
    assert complete("idxdata completion z", tmp_path) == {"zsh"}
    assert "--per-class" in complete("idxdata show mnist --", tmp_path)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_code(run: Run, shell: str) -> None:
    result = run("completion", shell)
    assert result.status == 0
    assert "_ARGCOMPLETE" in result.out
    assert "idxdata" in result.out
    found = run("completion", shell, "--json").json
    assert found == {"shell": shell, "code": result.out.removesuffix("\n")}


def test_bash_takes_the_code(run: Run) -> None:
    code = run("completion", "bash").out
    shown = subprocess.run(
        ["bash", "-c", f"{code}\ncomplete -p idxdata"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "_python_argcomplete" in shown.stdout


def test_without_argcomplete(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("argcomplete")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    result = run("completion", "bash")
    assert result.status == 1
    assert "pip install 'idxdata[cli]'" in result.err
    assert run("list", "--json").status == 0
    monkeypatch.setenv("_ARGCOMPLETE", "1")
    assert run("list").status == 1
