"""`show`: which examples, in the terminal and on a sheet of pictures."""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from idxdata import write_idx
from idxdata.commands import sheet
from idxdata.commands.choosing import class_label
from idxdata.commands.numbers import positive, rows
from tests.cli.conftest import Run
from tests.cli.examples import write_folder

pytest.importorskip("rich")
Image = pytest.importorskip("PIL.Image")

ROOT = Path(__file__).parents[2]
Data = dict[str, tuple[NDArray[Any], NDArray[Any]]]


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return write_folder(tmp_path / "digits")


def shown(run: Run, *arguments: object) -> list[int]:
    result = run("show", *arguments, "--json")
    assert (result.status, result.err) == (0, "")
    return [one["index"] for one in result.json["examples"]]


def test_two_of_each_class_of_train(run: Run, data: Data) -> None:
    told = run("show", "digits", "--json").json
    examples = told.pop("examples")
    assert told == {"name": "digits", "note": "", "split": "train", "png": None}
    assert examples == [
        {"index": row, "label": row % 3, "class": str(row % 3), "distance": None}
        for row in (0, 3, 1, 4, 2, 5)
    ]
    assert shown(run, "digits", "--split", "test", "--count", "3") == [0, 1, 2]


def test_the_first_twenty(run: Run, data: Data, tmp_path: Path) -> None:
    """Where there are no labels, or too many classes for two of each."""
    write_idx(tmp_path / "images", data["train"][0])
    assert shown(run, "images") == list(range(20))
    two_of_ten = [row for label in range(10) for row in (label, label + 10)]
    for num_classes, indices in ((10, two_of_ten), (11, list(range(20)))):
        labels = np.arange(30, dtype=np.uint8) % num_classes
        write_idx(tmp_path / "labels", labels)
        assert shown(run, "images", "--labels", "labels") == indices
    assert len(shown(run, "digits", "--misfits")) == 20
    assert shown(run, "digits", "--class", "1") == list(range(1, 30, 3))
    assert len(shown(run, "digits", "--png", "all.png")) == 30


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("0:3", [0, 1, 2]),
        ("5,2,9", [5, 2, 9]),
        ("-2:", [28, 29]),
        ("-1", [29]),
        ("::10", [0, 10, 20]),
        ("2::-1", [2, 1, 0]),
        ("3,1:5,3", [3, 1, 2, 4]),
        ("25:1000", [25, 26, 27, 28, 29]),
    ],
)
def test_rows(run: Run, data: Data, text: str, indices: list[int]) -> None:
    assert shown(run, "digits", f"--rows={text}") == indices


def test_classes(run: Run, data: Data) -> None:
    assert shown(run, "digits", "--class", "1", "--count", "3") == [1, 4, 7]
    both = ("--class", "2", "--class", "0")
    assert shown(run, "digits", *both, "--rows", "0:6") == [0, 2, 3, 5]
    assert shown(run, "digits", "--per-class", "2") == [0, 3, 1, 4, 2, 5]
    only = ("--class", "2", "--per-class", "2")
    assert shown(run, "digits", *only) == [2, 5]


def test_misfits(run: Run, data: Data) -> None:
    images, labels = data["train"]
    means = np.stack([images[labels == label].mean(axis=0) for label in range(3)])
    away = (images - means[labels]).reshape(30, -1)
    distances = np.linalg.norm(away, axis=1)
    order = np.argsort(-distances, kind="stable").tolist()
    assert shown(run, "digits", "--misfits", "--count", "30") == order
    # Row 7 is blank, row 20 looks like another class.
    assert {7, 20} == set(order[:2])
    (first, *_) = run("show", "digits", "--misfits", "--json").json["examples"]
    assert first["distance"] == pytest.approx(distances[order[0]])
    own = [row for row in order if labels[row] == 1][:3]
    assert shown(run, "digits", "--misfits", "--class", "1", "--count", "3") == own
    farthest = [next(row for row in order if labels[row] == k) for k in range(3)]
    assert shown(run, "digits", "--misfits", "--per-class", "1") == farthest


@pytest.mark.parametrize("columns", [80, 120])
def test_in_the_terminal(
    run: Run, data: Data, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    result = run("show", "digits", "--rows", "0:30")
    title, *lines = result.out.splitlines()
    assert title == "digits train, 30 of 30"
    assert max(map(len, lines)) <= columns
    assert all(line == line.rstrip() for line in lines)
    # Pictures of 4 columns, with gaps of 2: three lines of pixels and a caption.
    per_line = (columns + 2) // 6
    assert lines[3].split()[:4] == ["0:", "0", "1:", "1"]
    assert len(lines) == 4 * -(-30 // per_line)
    # Class 0 is bright in the first column.
    assert lines[0].startswith("█   ")


def test_wide_pictures_are_made_smaller(run: Run, tmp_path: Path) -> None:
    images = np.zeros((2, 48, 60), np.uint8)
    images[:, :24] = 255
    write_idx(tmp_path / "wide", images)
    lines = run("show", "wide").out.splitlines()
    assert lines[1] == "█" * 20 + "  " + "█" * 20
    lines = run("show", "wide", "--width", "5").out.splitlines()
    assert lines[1] == "█" * 5 + "  " + "█" * 5


def test_without_labels(run: Run, data: Data) -> None:
    images, labels = "images", "digits/train-labels-idx1-ubyte.gz"
    write_idx(images, data["train"][0])
    assert "\n0     1\n" in run("show", images, "--count", "2").out
    assert "0: 0  1: 1" in run("show", images, "--count", "2", "--labels", labels).out
    for option in ("--misfits", "--class=1", "--per-class=2"):
        result = run("show", images, option)
        assert result.status == 2
        assert "need labels: add --labels FILE" in result.err
    assert shown(run, images, "--labels", labels, "--class", "2", "--count", "1") == [2]


def test_labels_beside_it_are_taken_and_told(run: Run, data: Data) -> None:
    images = "digits/train-images-idx3-ubyte.gz"
    note = "labels: train-labels-idx1-ubyte.gz, which lies beside it"
    result = run("show", images, "--count", "2")
    assert result.out.splitlines()[1] == note
    assert "0: 0  1: 1" in result.out
    assert run("show", images, "--misfits", "--json").json["note"] == note
    assert note in run("show", images, "--png", "sheet.png").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--split", "tets"), "no split 'tets', only train, test"),
        (("--class", "x"), "no class 'x': there are 0, 1, 2"),
        (("--class", "3"), "no class '3'"),
        (("--rows", "30"), "no row 30: there are 30, 0 to 29"),
        (("--rows", "1:2:0"), "a step of 0"),
        (("--rows", "a"), "expected such as 0:20"),
        (("--count", "0"), "expected a number from 1 on"),
    ],
)
def test_bad_arguments(
    run: Run, data: Data, arguments: tuple[str, ...], words: str
) -> None:
    result = run("show", "digits", *arguments)
    assert (result.status, result.out) == (2, "")
    assert words in result.err


def test_nothing_is_left(run: Run, data: Data) -> None:
    result = run("show", "digits", "--rows", "0:1", "--class", "2")
    assert (result.status, result.out) == (1, "")
    assert "no example of digits is as asked for" in result.err


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 4, 4), np.float32),
        np.zeros((2, 16), np.uint8),
        np.zeros((2, 4, 4, 2), np.uint8),
        np.zeros((2, 0, 4), np.uint8),
        np.zeros((0, 4, 4), np.uint8),
    ],
)
def test_what_is_no_picture(run: Run, tmp_path: Path, array: NDArray[Any]) -> None:
    write_idx(tmp_path / "array", array)
    result = run("show", "array")
    assert (result.status, result.out) == (1, "")
    assert result.err.count("\n") == 1


def test_labels_are_no_pictures(run: Run, data: Data) -> None:
    result = run("show", "digits/train-labels-idx1-ubyte.gz")
    assert result.status == 1
    assert "these are labels, not images" in result.err


def test_a_sheet(run: Run, data: Data, tmp_path: Path) -> None:
    result = run("show", "digits", "--rows", "0:12", "--png", "sheet.png")
    assert (result.status, result.err) == (0, "")
    with Image.open(tmp_path / "sheet.png") as opened:
        pixels = np.asarray(opened.convert("RGB"))
    height, width = pixels.shape[:2]
    assert result.out == f"sheet.png: 12 of 30 images, {width} x {height}\n"
    # Somewhere on it is each image, every pixel 9 x 9: 56 has room for 6 of them.
    for row in range(12):
        tile = np.kron(data["train"][0][row], np.ones((9, 9), np.uint8))
        assert len(places(pixels[..., 0], tile)) == 1
    assert [path.name for path in tmp_path.glob("*.p*")] == ["sheet.png"]


def places(page: NDArray[Any], tile: NDArray[Any]) -> list[tuple[int, int]]:
    """Where on `page` the pixels of `tile` are, (y, x) of the upper left."""
    height, width = tile.shape
    starts = np.argwhere(
        (page[: -height + 1, : -width + 1] == tile[0, 0])
        & (page[height - 1 :, width - 1 :] == tile[-1, -1])
    )
    return [
        (y, x)
        for y, x in starts.tolist()
        if (page[y : y + height, x : x + width] == tile).all()
    ]


def test_a_sheet_by_class(run: Run, data: Data, tmp_path: Path) -> None:
    command = ("show", "digits", "--per-class", "4", "--png", "sheet.png")
    told = run(*command, "--json").json
    with Image.open(tmp_path / "sheet.png") as opened:
        assert opened.size == (told["width"], told["height"])
        pixels = np.asarray(opened.convert("L"))
    tops = []
    for label in range(3):
        tile = np.kron(data["train"][0][label], np.ones((9, 9), np.uint8))
        tops += places(pixels, tile)
    # A row for each class, all beginning at the same place, right of its name.
    assert len(tops) == 3
    assert tops[0][0] < tops[1][0] < tops[2][0]
    assert len({x for _, x in tops}) == 1
    assert (pixels[tops[0][0] : tops[0][0] + 54, : tops[0][1]] < 100).any()


def test_a_file_is_not_replaced_unasked(run: Run, data: Data, tmp_path: Path) -> None:
    (tmp_path / "mine.png").write_text("mine")
    result = run("show", "digits", "--png", "mine.png")
    assert result.status == 2
    assert "--force replaces it" in result.err
    assert (tmp_path / "mine.png").read_text() == "mine"
    assert run("show", "digits", "--png", "mine.png", "--force").status == 0
    with Image.open(tmp_path / "mine.png") as opened:
        opened.verify()


def test_a_sheet_that_cannot_be(
    run: Run, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run("show", "digits", "--png", "nowhere/sheet.png")
    assert result.status == 2
    assert result.err == "error: nowhere/sheet.png: No such file or directory\n"
    monkeypatch.setattr(sheet, "MAX_PIXELS", 100_000)
    result = run("show", "digits", "--rows", ":", "--png", "sheet.png")
    assert result.status == 2
    assert "too many pictures for a sheet" in result.err
    monkeypatch.setattr(sheet, "MAX_PICTURES", 29)
    result = run("show", "digits", "--rows", ":", "--png", "sheet.png")
    assert "30 pictures are too many for a sheet" in result.err
    assert not (tmp_path / "sheet.png").exists()


def test_large_and_coloured_pictures_on_a_sheet(run: Run, tmp_path: Path) -> None:
    images = np.zeros((3, 300, 200, 3), np.uint8)
    images[..., 0] = 200
    write_idx(tmp_path / "colour", images)
    assert run("show", "colour", "--png", "sheet.png").status == 0
    with Image.open(tmp_path / "sheet.png") as opened:
        colours = {
            colour: count for count, colour in opened.convert("RGB").getcolors(1 << 16)
        }
    assert colours[200, 0, 0] == 3 * 128 * 85
    assert run("show", "colour").status == 0


def test_long_and_hostile_names(run: Run, tmp_path: Path) -> None:
    folders = tmp_path / "pictures"
    for name in ("a\x1b[31m" + "x" * 100, "b[bold]:smile:"):
        (folders / name).mkdir(parents=True)
        Image.new("L", (4, 4), 255).save(folders / name / "one.png")
    result = run("show", "pictures", "--width", "4")
    assert (result.status, result.err) == (0, "")
    assert "\x1b" not in result.out
    assert run("show", "pictures", "--per-class", "1", "--png", "s.png").status == 0
    with Image.open(tmp_path / "s.png") as opened:
        assert opened.width < 400


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_greys_on_a_terminal(tmp_path: Path) -> None:
    write_idx(tmp_path / "images", np.array([[[10], [200]]], np.uint8))
    ours, theirs = os.openpty()
    environment = {name: os.environ[name] for name in ("PATH", "IDXDATA_CACHE")}
    subprocess.run(
        [sys.executable, "-m", "idxdata", "show", "images"],
        env=environment
        | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        stdout=theirs,
        cwd=tmp_path,
        check=True,
        timeout=60,
    )
    os.close(theirs)
    out = os.read(ours, 1 << 16)
    os.close(ours)
    assert "\x1b[38;2;10;10;10;48;2;200;200;200m▀\x1b[0m".encode() in out


def test_mnist_misfits(run: Run, mnist_folder: Path) -> None:
    told = run("show", mnist_folder, "--misfits", "--count", "2", "--json").json
    distances = [one["distance"] for one in told["examples"]]
    assert distances[0] > distances[1] > 2500
    assert [one["index"] for one in told["examples"]] == [25321, 18598]


slices = st.tuples(*[st.none() | st.integers(-40, 40)] * 3).filter(lambda s: s[2] != 0)


@given(st.lists(st.integers(-40, 40) | slices, min_size=1, max_size=4))
def test_rows_are_pythons(wanted: list[int | tuple[int | None, ...]]) -> None:
    words = [
        str(row)
        if isinstance(row, int)
        else ":".join("" if end is None else str(end) for end in row)
        for row in wanted
    ]
    found = rows(",".join(words))
    assert len(found) == len(wanted)
    for one, row in zip(found, wanted, strict=True):
        expected = row if isinstance(row, int) else slice(*row)
        if isinstance(expected, slice):
            assert isinstance(one, slice)
            assert range(30)[one] == range(30)[expected]
        else:
            assert one == expected


@given(st.text(max_size=12))
def test_rows_of_any_text(text: str) -> None:
    try:
        found = rows(text)
    except argparse.ArgumentTypeError as error:
        assert repr(text) in str(error)
    else:
        assert set(text) <= set("0123456789+-:, ")
        assert all(isinstance(row, int | slice) for row in found)


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "٣", "²", "9" * 30])
def test_numbers_that_are_none(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        positive(text)


def test_classes_by_name_or_label() -> None:
    letters = ("N/A", "a", "b")
    assert class_label("b", letters) == class_label("2", letters) == 2
    # A class that is called as another's label is meant by its name.
    assert class_label("1", ("5", "0", "1")) == 2
    for text in ("3", "-1", "B", ""):
        with pytest.raises(ValueError, match="no class"):
            class_label(text, letters)


def test_without_pillow(
    run: Run, data: Data, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    result = run("show", "digits", "--png", "sheet.png")
    assert (result.status, result.out) == (1, "")
    assert "pip install 'idxdata[pictures]'" in result.err
    assert not (tmp_path / "sheet.png").exists()
    assert run("show", "digits").status == 0
