"""`view`: what it shows for which argument, and how it begins and ends."""

import argparse
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from idxdata import DatasetError, HeaderError, load, write_idx
from idxdata.commands import view_command
from idxdata.viewer.gallery import Gallery

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 5, 4), np.uint8)
LABELS = np.arange(30, dtype=np.uint8) % 3


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    view_command.add_arguments(parser)
    return parser.parse_args(words)


def run(code: str) -> dict[str, object]:
    """What is there after the code that somebody copied has run."""
    scope: dict[str, object] = {}
    exec(code, scope)  # noqa: S102 - it is what the page offers
    return scope


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, array in (("images", IMAGES), ("labels", LABELS)):
        write_idx(tmp_path / f"{name}.idx", array)
        write_idx(tmp_path / f"{name}.idx.gz", array)
        np.save(tmp_path / f"{name}.npy", array)
    return tmp_path


@pytest.mark.parametrize("images", ["images.idx", "images.idx.gz", "images.npy"])
@pytest.mark.parametrize("labels", [None, "labels.idx", "labels.npy"])
def test_files_and_the_code_that_loads_them(
    files: Path, images: str, labels: str | None
) -> None:
    gallery = view_command.gallery_of(
        str(files / images), labels=None if labels is None else str(files / labels)
    )
    assert gallery.title == images
    assert gallery.classes is None
    part = gallery.parts["images"]
    assert np.array_equal(part.images, IMAGES)
    assert not part.images.flags.owndata
    assert (part.labels is None) == (labels is None)
    scope = run(gallery.code)
    assert np.array_equal(eval(part.images_code, scope), IMAGES)
    if labels is not None:
        assert np.array_equal(eval(part.labels_code, scope), LABELS)


def test_a_path_that_python_must_escape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "a\"b'c\\d.idx"
    write_idx(name, IMAGES)
    scope = run(view_command.gallery_of(name).code)
    assert np.array_equal(eval("images", scope), IMAGES)


def test_a_folder_has_a_part_for_each_split(tmp_path: Path) -> None:
    for name, count in (("train", 30), ("t10k", 12)):
        write_idx(tmp_path / f"{name}-images-idx3-ubyte", IMAGES[:count])
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte", LABELS[:count])
    gallery = view_command.gallery_of(str(tmp_path))
    assert gallery.title == tmp_path.name
    assert {name: len(part) for name, part in gallery.parts.items()} == {
        "train": 30,
        "test": 12,
    }
    assert gallery.classes == ("0", "1", "2")
    scope = run(gallery.code)
    for part in gallery.parts.values():
        assert part.labels is not None
        assert np.array_equal(eval(part.images_code, scope), part.images)
        assert np.array_equal(eval(part.labels_code, scope), part.labels)


def test_further_splits_are_asked_for_by_name() -> None:
    from idxdata import Dataset, Split

    split = Split(IMAGES, LABELS)
    data = Dataset("many", split, None, ("a", "b", "c"), extra={"by hand": split})
    gallery = view_command.dataset_gallery(data, "idxdata.load('many')")
    part = gallery.parts["by hand"]
    assert np.array_equal(eval(part.images_code, {"data": data}), IMAGES)


def test_what_cannot_be_shown(files: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        view_command.gallery_of(str(files / "labels.idx"))
    assert "--labels" in str(caught.value)
    assert caught.value.path == str(files / "labels.idx")
    with pytest.raises(DatasetError):
        view_command.gallery_of(
            str(files / "images.idx"), labels=str(files / "images.idx")
        )
    (tmp_path / "page.idx").write_bytes(b"<!doctype html><html></html>")
    with pytest.raises(HeaderError, match="HTML"):
        view_command.gallery_of(str(tmp_path / "page.idx"))
    with pytest.raises(FileNotFoundError):
        view_command.gallery_of(str(tmp_path / "nowhere" / "images.idx"))
    with pytest.raises(FileNotFoundError):
        view_command.gallery_of(
            str(files / "images.idx"), labels=str(tmp_path / "nowhere.idx")
        )
    for what in (str(tmp_path), "mnist"):
        with pytest.raises(ValueError, match="--labels"):
            view_command.gallery_of(what, labels=str(files / "labels.idx"))
    with pytest.raises(FileNotFoundError):
        view_command.gallery_of("imagse.idx", labels=str(files / "labels.idx"))


def test_a_name_of_the_catalogue_goes_before_a_file(
    tmp_path: Path, mnist_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_idx("mnist", IMAGES)
    monkeypatch.setattr(view_command, "load", lambda name: load(mnist_folder))
    gallery = view_command.gallery_of("mnist")
    assert gallery.code == 'import idxdata\ndata = idxdata.load("mnist")'
    assert set(gallery.parts) == {"train", "test"}
    assert list(view_command.gallery_of("./mnist").parts) == ["images"]


@pytest.mark.parametrize("text", ["-1", "65536", "x", "1.5", ""])
def test_ports_that_are_none(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        arguments("a", "--port", text)
    assert caught.value.code == 2


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Where `main` would serve; it is ready at once and never blocks."""
    calls = []

    def serve(
        gallery: Gallery, *, host: str, port: int, on_ready: Callable[[str], None]
    ) -> None:
        calls.append((host, port))
        on_ready(f"http://{host}:{port}/")

    monkeypatch.setattr(view_command, "serve", serve)
    return calls


@pytest.mark.parametrize("has_screen", [True, False])
@pytest.mark.parametrize("option", [[], ["--no-browser"]])
def test_the_browser_is_opened_where_there_is_one(
    files: Path,
    served: list[tuple[str, int]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    has_screen: bool,
    option: list[str],
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(view_command.webbrowser, "open", opened.append)
    monkeypatch.setattr(view_command.sys, "platform", "linux")
    for name in ("BROWSER", "WAYLAND_DISPLAY", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    if has_screen:
        monkeypatch.setenv("DISPLAY", ":0")
    words = [str(files / "images.idx"), "--port", "8123", *option]
    assert view_command.main(arguments(*words)) == 0
    for thread in threading.enumerate():
        if thread.name == "idxdata-browser":
            thread.join(10)
    assert opened == (["http://127.0.0.1:8123/"] if has_screen and not option else [])
    assert served == [("127.0.0.1", 8123)]
    out, err = capsys.readouterr()
    assert out == "images.idx: http://127.0.0.1:8123/\nCtrl-C ends it\n"
    assert err == ""


@pytest.mark.parametrize(
    "host, is_warned", [("localhost", False), ("::1", False), ("0.0.0.0", True)]
)
def test_who_lets_others_in_is_warned(
    files: Path,
    served: list[tuple[str, int]],
    capsys: pytest.CaptureFixture[str],
    host: str,
    is_warned: bool,
) -> None:
    words = [str(files / "images.idx"), "--host", host, "--no-browser"]
    view_command.main(arguments(*words))
    assert served == [(host, 0)]
    err = capsys.readouterr().err
    assert (err.count("\n"), err.startswith("warning: ")) == (
        (1, True) if is_warned else (0, False)
    )


_PROGRAM = """
import argparse, sys
from idxdata.commands import view_command
parser = argparse.ArgumentParser()
view_command.add_arguments(parser)
sys.exit(view_command.main(parser.parse_args()))
"""


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_from_start_to_ctrl_c(files: Path) -> None:
    words = [str(files / "images.idx"), "--labels", str(files / "labels.npy")]
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *words, "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().strip().rstrip("/").rpartition(":")[2])
        assert process.stdout.readline() == "Ctrl-C ends it\n"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/api/view?part=images&labels=2")
        assert connection.getresponse().read() == b'{"count":10}'
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        connection.close()
    assert (out, err, process.returncode) == ("", "", 0)


def test_the_address_as_json(files: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "idxdata", "view", "--no-browser", "--json"]
        + [str(files / "images.idx")],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        assert facts["examples"] == {"images": 30}
        with urllib.request.urlopen(facts["url"], timeout=30) as page:
            assert page.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
