"""`convert`: what it writes, says, and refuses."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from idxdata import Cache, load, read_idx, write_idx
from idxdata.cli import main
from tests.digits import ARRAYS, TRAIN_IMAGES, TRAIN_LABELS, check, folder

__all__ = ["folder"]  # a fixture


def converted(*arguments: object) -> None:
    assert main(["convert", *map(str, arguments)]) == 0


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["convert", *map(str, arguments)]) in (1, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    return captured.err


def test_a_folder_round_by_every_format(folder: Path, tmp_path: Path) -> None:
    places = [folder]
    for target in (
        "a.npz",
        "b --to png",
        "c --to parquet",
        "d --to idx.gz",
        "e --to idx",
    ):
        name, *options = target.split()
        converted(places[-1], tmp_path / name, *options)
        places.append(tmp_path / name)
        check(load(places[-1], classes=("0", "1", "2", "3")))
    assert sorted(os.listdir(places[-1])) == sorted(ARRAYS)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.idx", "a-idx3-ubyte.gz"])
def test_one_array(name: str, folder: Path, tmp_path: Path) -> None:
    converted(folder / "train-images-idx3-ubyte", tmp_path / name)
    converted(tmp_path / name, tmp_path / "back.idx")
    assert np.array_equal(read_idx(tmp_path / "back.idx"), TRAIN_IMAGES)


def test_any_dtype(tmp_path: Path) -> None:
    array = np.linspace(0, 1, 6, dtype=np.float64).reshape(2, 3)
    write_idx(tmp_path / "a.idx", array)
    converted(tmp_path / "a.idx", tmp_path / "a.npy")
    assert np.array_equal(np.load(tmp_path / "a.npy"), array)


def test_images_and_labels_to_pictures(folder: Path, tmp_path: Path) -> None:
    images, labels = (
        folder / f"train-{x}-ubyte" for x in ("images-idx3", "labels-idx1")
    )
    converted(images, tmp_path / "out", "--labels", labels, "--to", "png")
    data = load(tmp_path / "out")
    assert np.array_equal(data.train.images, TRAIN_IMAGES)
    assert np.array_equal(data.train.labels, TRAIN_LABELS)
    assert sorted(os.listdir(tmp_path / "out")) == ["0", "1", "2", "3", "labels.csv"]


def test_pictures_to_idx(tmp_path: Path) -> None:
    """What people ask for."""
    from PIL import Image

    for name, size in (("cat", (40, 30)), ("dog", (20, 20))):
        (tmp_path / "mine" / name).mkdir(parents=True)
        Image.new("RGB", size, (200, 100, 0)).save(tmp_path / "mine" / name / "1.jpg")
    converted(
        tmp_path / "mine",
        tmp_path / "out",
        "--to",
        "idx.gz",
        "--size",
        "28x28",
        "--grey",
    )
    data = load(tmp_path / "out")
    assert data.train.images.shape == (2, 28, 28)
    assert data.classes == ("cat", "dog")


def test_one_split(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    converted(folder, tmp_path / "a.npz", "--split", "test", "--json")
    facts = json.loads(capsys.readouterr().out)
    assert facts["parts"] == [
        {
            "split": "test",
            "shape": [2, 4, 3],
            "dtype": "uint8",
            "has_labels": True,
            "labels_dtype": "uint8",
        }
    ]
    assert (facts["format"], facts["num_files"], facts["notices"]) == ("npz", 1, [])
    assert facts["nbytes"] == (tmp_path / "a.npz").stat().st_size


def test_a_dataset_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IDXDATA_CACHE", str(tmp_path / "cache"))
    from tests.test_catalogue import put

    place = Cache().folder / "datasets" / "emnist"
    put("emnist/letters", place, monkeypatch)
    converted("emnist/letters", tmp_path / "out", "--to", "png")
    assert (tmp_path / "out" / "train" / "a" / "00.png").is_file()
    out = capsys.readouterr().out
    assert "train: uint8 54 × 28 × 28, labels" in out


def test_what_is_said(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    converted(folder, tmp_path / "out", "--to", "idx")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "train: uint8 6 × 4 × 3, labels",
        "test: uint8 2 × 4 × 3, labels",
    ]
    assert lines[2].startswith(str(tmp_path / "out"))


def test_what_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there.npz"
    there.write_bytes(b"mine")
    images = folder / "train-images-idx3-ubyte"
    for text, arguments in (
        ("--force", (folder, there)),
        ("add --to", (folder, tmp_path / "out")),
        (
            "no such path|No such file|no dataset",
            (tmp_path / "none", tmp_path / "a.npz"),
        ),
        ("holds one array", (folder, tmp_path / "a.npy")),
        ("for one array", (folder, tmp_path / "a.npz", "--labels", images)),
        ("differ in number", (images, tmp_path / "a.npz", "--labels", images)),
        ("no split 'dev'", (folder, tmp_path / "a.npz", "--split", "dev")),
    ):
        line = refused(capsys, *arguments)
        assert any(part in line for part in text.split("|")) or "labels" in line
    assert there.read_bytes() == b"mine"
    assert sorted(os.listdir(tmp_path)) == ["digits", "there.npz"]


@pytest.mark.parametrize("size", ["0x3", "axb", "3x3x3", "99999x2", ""])
def test_sizes(size: str, folder: Path, tmp_path: Path) -> None:
    arguments = ["convert", str(folder), str(tmp_path / "a.npz"), "--size", size]
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_idx_is_what_people_want_of_other_files(folder: Path, tmp_path: Path) -> None:
    converted(folder, tmp_path / "a.npz")
    converted(tmp_path / "a.npz", tmp_path / "out")
    check(load(tmp_path / "out"))


def test_images_and_labels_in_two_files(folder: Path, tmp_path: Path) -> None:
    images, labels = (
        folder / f"train-{x}-ubyte" for x in ("images-idx3", "labels-idx1")
    )
    converted(labels, images, tmp_path / "a.npz")
    data = load(tmp_path / "a.npz")
    assert np.array_equal(data.train.images, TRAIN_IMAGES)
    assert np.array_equal(data.train.labels, TRAIN_LABELS)


def test_several_pictures(tmp_path: Path) -> None:
    from PIL import Image

    for name in "ab":
        Image.new("L", (4, 3), 9).save(tmp_path / f"{name}.png")
    converted(tmp_path / "a.png", tmp_path / "b.png", tmp_path / "x.idx", "--invert")
    assert read_idx(tmp_path / "x.idx").tolist() == [[[246] * 4] * 3] * 2


def test_a_split_keeps_its_name_and_gives_one(folder: Path, tmp_path: Path) -> None:
    converted(folder, tmp_path / "a", "--split", "t10k", "--to", "idx")
    assert sorted(os.listdir(tmp_path / "a")) == [
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ]
    converted(folder / "train-images-idx3-ubyte", tmp_path / "b.npy")
    converted(tmp_path / "b.npy", tmp_path / "c", "--split", "test")
    assert os.listdir(tmp_path / "c") == ["t10k-images-idx3-ubyte"]


def test_what_was_changed_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "a.npy", np.arange(6).reshape(2, 3))
    converted(tmp_path / "a.npy", tmp_path / "a.idx")
    captured = capsys.readouterr()
    assert captured.err == ("note: data: int64 written as int32, all values the same\n")
    assert captured.out.splitlines()[0] == "int32 2 × 3"
    converted(tmp_path / "a.npy", tmp_path / "a.idx", "--force", "--json")
    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out)["notices"] == [
        "data: int64 written as int32, all values the same"
    ]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("a.idx", "x.npz", "--to", "npy"), "the name says npz, --to npy"),
        (("a.idx", "x"), "add --to"),
        (("digits", "x.idx"), "name a folder"),
        (("digits", "x.png"), "name a folder"),
        (("digits", "x.npy"), "an .npz holds several"),
        (("a.idx", "there.npz"), "--force"),
        (("b.npy", "x.idx", "--invert"), "PNG does not hold these images"),
        (("b.npy", "x.idx"), "numbers that are a float64 exactly"),
        (("none.npy", "x.idx"), "none.npy"),
        (("mnist", "x.npz", "--labels", "a.idx"), "--labels does not go with it"),
        (("a.idx", "a.idx", "x.npz"), "not a file of images and one of labels"),
    ],
)
def test_refusals(
    arguments: tuple[str, ...],
    text: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_idx("a.idx", TRAIN_IMAGES)
    np.save("b.npy", np.array([np.longdouble(1) / 3]))
    Path("there.npz").write_bytes(b"mine")
    before = sorted(tmp_path.rglob("*"))
    assert text in refused(capsys, *arguments)
    assert sorted(tmp_path.rglob("*")) == before
    assert Path("there.npz").read_bytes() == b"mine"


def test_nothing_is_written_over_what_is_read(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    converted(folder, tmp_path / "a.npz")
    before = sorted(path.read_bytes() for path in folder.iterdir())
    (tmp_path / "link").symlink_to(folder)
    capsys.readouterr()
    for target in (folder, folder / "in", tmp_path / "link", tmp_path):
        assert "written over" in refused(
            capsys, folder, target, "--to", "png", "--force"
        )
    assert "written over" in refused(
        capsys, tmp_path / "a.npz", tmp_path / "a.npz", "--force"
    )
    assert sorted(path.read_bytes() for path in folder.iterdir()) == before


def test_options_for_any_images(folder: Path, tmp_path: Path) -> None:
    converted(folder, tmp_path / "a.npz", "--invert")
    converted(folder, tmp_path / "b.npz", "--size", "2")
    assert np.array_equal(load(tmp_path / "a.npz").train.images, 255 - TRAIN_IMAGES)
    assert load(tmp_path / "b.npz").test.images.shape == (2, 2, 2)


def test_names_that_a_terminal_would_obey(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    converted(folder, tmp_path / "a\x1b[31m.npz")
    assert "\x1b" not in capsys.readouterr().out
