"""The frame around all commands: help, exit statuses, one-line errors, the pipe."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from idxdata import cli
from idxdata.commands import info_command, warm_command
from idxdata.commands.printing import print_json, safe, size_text
from idxdata.errors import CatalogueError, FetchError, HeaderError
from tests.cli.conftest import Run

ROOT = Path(__file__).parents[2]
pytest.importorskip("rich")


def child(*arguments: object, code: str = "", **options: Any) -> Any:
    """In a process of its own: the module, or Python's `code`."""
    command = ["-c", code] if code else ["-m", "idxdata"]
    return subprocess.run(
        [sys.executable, *command, *map(str, arguments)],
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


def test_help_tells_commands_and_statuses(run: Run) -> None:
    result = run("--help")
    assert result.status == 0
    for name in cli.COMMANDS:
        assert f"\n    {name}" in result.out
    assert "exit status:" in result.out
    assert "130" in result.out
    assert max(map(len, result.out.splitlines())) <= 80


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_of_each_command(run: Run, name: str) -> None:
    result = run(name, "--help")
    assert result.status == 0
    assert "--debug" in result.out
    assert "exit status:" in result.out


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_each_command_has_json(run: Run, name: str) -> None:
    assert "--json" in run(name, "--help").out


def test_version(run: Run) -> None:
    assert run("--version").out.strip() == cli.__version__


@pytest.mark.parametrize(
    "arguments", [(), ("nonsense",), ("info",), ("list", "--nonsense"), ("warm", "x")]
)
def test_bad_arguments(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.status == 2
    assert not result.out
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (HeaderError("not an IDX magic", path="a\x1b]0;b\n"), 1, "a?]0;b : not an IDX"),
        (CatalogueError("no dataset of this name"), 2, "no dataset of this name"),
        (FetchError("no mirror"), 1, "no mirror"),
        (ValueError("--a goes\nwith b"), 2, "--a goes with b"),
        (FileNotFoundError(2, "No such file", "x\u202egz"), 2, "x?gz: No such file"),
        (OSError(28, "No space left on device", "x"), 1, "x: No space left on device"),
        (KeyError("surprise"), 1, "KeyError: 'surprise'; --debug shows where"),
        (ExceptionGroup("", [FetchError("a"), ValueError("b")]), 2, "a\nerror: b"),
    ],
)
def test_errors_are_a_line(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    line: str,
) -> None:
    def fail(args: object) -> int:
        raise error

    monkeypatch.setattr(info_command, "main", fail)
    result = run("info", "x")
    assert result.status == status
    assert not result.out
    assert result.err.startswith(f"error: {line}")
    assert "Traceback" not in result.err
    assert result.err.count("\n") == 1 + line.count("\n")


def test_debug_shows_the_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(args: object) -> int:
        raise KeyError("surprise")

    monkeypatch.setattr(info_command, "main", fail)
    for arguments in (("info", "x", "--debug"), ("--debug", "info", "x")):
        result = run(*arguments)
        assert result.status == 1
        assert "Traceback" in result.err
        assert "in fail" in result.err


def test_interrupted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(info_command, "main", interrupt)
    result = run("info", "x")
    assert (result.status, result.out, result.err) == (130, "", "interrupted\n")


@pytest.mark.parametrize("command", [("info", "x"), ("list",), ("cache", "list")])
def test_without_rich(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "rich"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    result = run(*command)
    assert result.status == 1
    assert "pip install 'idxdata[cli]'" in result.err
    assert result.err.count("\n") == 1
    result = run(*command, "--json")
    assert isinstance(result.json, list)
    assert not result.err


def test_a_reader_that_leaves() -> None:
    """`idxdata list | head -1`: a status, and no complaint."""
    with subprocess.Popen(
        [sys.executable, "-m", "idxdata", "list"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's way to close streams")
@pytest.mark.parametrize("command", ["list", "list --json", "completion bash"])
def test_closed_streams(command: str) -> None:
    def shell(line: str) -> Any:
        return subprocess.run(
            ["sh", "-c", f'"$0" -m idxdata {line}', sys.executable],
            check=False,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    result = shell(f"{command} >&-")
    assert (result.returncode, result.stderr) == (0, "")
    result = shell("list nonsense 2>&-")
    assert (result.returncode, result.stdout) == (2, "")
    if Path("/dev/full").exists():
        result = shell(f"{command} >/dev/full")
        assert result.returncode == 1
        assert result.stderr == "error: [Errno 28] No space left on device\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_colours_on_terminals_only(mnist_folder: Path) -> None:
    command = ("verify", mnist_folder / "t10k-labels-idx1-ubyte.gz")
    assert "\x1b" not in child(*command).stdout
    ours, theirs = os.openpty()
    environment = {name: os.environ[name] for name in ("PATH", "IDXDATA_CACHE")}
    subprocess.run(
        [sys.executable, "-m", "idxdata", *map(str, command)],
        env=environment | {"PYTHONPATH": str(ROOT), "TERM": "xterm"},
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )
    os.close(theirs)
    assert b"\x1b[32mpublished\x1b[0m" in os.read(ours, 1 << 16)
    os.close(ours)


def test_ctrl_c_of_a_process() -> None:
    code = (
        "import os, signal, sys; from idxdata import cli\n"
        "from idxdata.commands import info_command\n"
        "info_command.main = lambda args: os.kill(os.getpid(), signal.SIGINT) or 0\n"
        "sys.exit(cli.main(['info', 'x']))"
    )
    result = child(code=code)
    assert (result.returncode, result.stderr) == (130, "interrupted\n")


def test_help_imports_no_numpy() -> None:
    code = (
        "import sys; from idxdata import cli\n"
        "try: cli.main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'rich', 'requests', 'numba'} & set(sys.modules)))"
    )
    quick = ("info", "verify", "convert", "fetch", "list", "show", "stats", "cache")
    for command in ((), *((name,) for name in quick)):
        result = child(*command, "--help", code=code)
        assert result.stdout.endswith("\n[]\n"), command


def test_names_in_another_encoding(tmp_path: Path) -> None:
    """A terminal that knows ASCII only, and a file's name that is no UTF-8."""
    name = os.fsdecode(b"caf\xe9\x1b[31m\xc3\xa9")
    (tmp_path / name).write_bytes(b"")
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    result = subprocess.run(
        [sys.executable, "-m", "idxdata", "info", name],
        check=False,
        env=env,
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
    )
    assert result.returncode == 1
    assert result.stdout.startswith(b"caf??[31m?\n")
    assert not result.stderr


def test_warm(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it compiles, the tests of the kernels see; here that it says so."""
    for name in ("run_batches", "run_glyphs"):
        monkeypatch.setattr(warm_command, name, lambda: None)
    result = run("warm")
    assert result.status == 0
    lines = result.out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "inflate",
        "batches",
        "glyphs",
    ]
    result = run("warm", "--json")
    assert [one["kernels"] for one in result.json] == ["inflate", "batches", "glyphs"]


def test_warm_refuses_a_wrong_kernel(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong:
        def inflate(self, *_: object) -> None:
            pass

    monkeypatch.setattr("idxdata.inflate.new_inflater", lambda engine: Wrong())
    result = run("warm")
    assert result.status == 1
    assert "wrong bytes" in result.err


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (9_912_422, "9.9 MB"),
        (999_960, "1.0 MB"),
        (6_350_400_016, "6.4 GB"),
        (10**24, "1000000.0 EB"),
    ],
)
def test_sizes(nbytes: int, text: str) -> None:
    assert size_text(nbytes) == text


def test_safe() -> None:
    assert safe("a\x1b[2J\r\n\x9b\u202eb\udcff é漢") == "a?[2J????b? é漢"


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [float("nan"), (float("inf"), 1.5)], "b": "é\x1b"})
    assert (
        capsys.readouterr().out == '{"a": [null, [null, 1.5]], "b": "\\u00e9\\u001b"}\n'
    )


@pytest.mark.parametrize("columns", ["0", "1", "20", "80"])
def test_any_width(columns: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    out = run("list").out
    assert "mnist" in out.replace("\n", "")
    if columns in ("0", "80"):
        assert max(map(len, out.splitlines())) <= 80
        assert "60,000 / 10,000" in out
