"""Nothing is replaced unasked, and nothing is left half written."""

import os
from pathlib import Path

import numpy as np
import pytest

from idxdata.errors import FormatError
from idxdata.exchange import pictures, writing
from idxdata.exchange.content import Content, Part
from idxdata.exchange.publishing import check_target, published
from idxdata.exchange.reading import read_content
from idxdata.exchange.writing import FORMATS, Format, is_folder, write_content

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
ARRAY = Content({"": Part(IMAGES)})
DATA = Content(
    {"train": Part(IMAGES, np.arange(2)), "test": Part(IMAGES, np.arange(2))}
)


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_there_stays_without_force(format: Format, tmp_path: Path) -> None:
    content = ARRAY if format == "npy" else DATA
    path = tmp_path / ("out" if is_folder(content, format) else f"out.{format}")
    write_content(content, path, format)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(FileExistsError) as caught:
        write_content(content, path, format)
    assert caught.value.filename == str(path)
    is_file = path.is_file()
    assert ("--force" if is_file else "name a new one") in str(caught.value.strerror)
    after = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert after == before
    if is_file:
        write_content(content, path, format, force=True)
        assert len(os.listdir(tmp_path)) == 1


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_content(DATA, tmp_path / "out", "png")
    assert list(read_content(tmp_path / "out").parts) == ["train", "test"]


def test_folders_above_are_made(tmp_path: Path) -> None:
    write_content(DATA, tmp_path / "a" / "b", "idx")
    assert len(os.listdir(tmp_path / "a" / "b")) == 4


@pytest.mark.parametrize("format", ["png", "idx", "parquet"])
def test_folders_are_never_replaced(format: Format, tmp_path: Path) -> None:
    write_content(DATA, tmp_path / "out", "png")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FileExistsError, match="not replaced") as caught:
        write_content(DATA, tmp_path / "out", format, force=True)
    assert caught.value.filename == str(tmp_path / "out")
    assert sorted(tmp_path.rglob("*")) == before


def test_files_and_folders_do_not_replace_each_other(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(NotADirectoryError):
        write_content(DATA, tmp_path / "file", "png", force=True)
    with pytest.raises(IsADirectoryError):
        write_content(DATA, tmp_path / "folder.npz", "npz", force=True)
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_what_a_link_points_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real.npz").write_bytes(b"old")
    (tmp_path / "real.npz").chmod(0o640)
    (tmp_path / "link.npz").symlink_to("real.npz")
    write_content(DATA, tmp_path / "link.npz", "npz", force=True)
    assert (tmp_path / "link.npz").is_symlink()
    assert (tmp_path / "real.npz").stat().st_mode & 0o777 == 0o640
    assert list(read_content(tmp_path / "real.npz").parts) == ["train", "test"]


def test_a_pipe_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(FormatError, match="not a regular file"):
        write_content(DATA, tmp_path / "pipe.npz", "npz", force=True)
    with pytest.raises(FormatError, match="not a regular file"):
        read_content(tmp_path / "pipe.npz")


def test_a_file_that_comes_meanwhile_stays(tmp_path: Path) -> None:
    final = tmp_path / "a"
    with (
        pytest.raises(FileExistsError),
        published(final, name="a", force=False, is_folder=False) as place,
    ):
        place.write_bytes(b"new")
        final.write_bytes(b"mine")
    assert final.read_bytes() == b"mine"
    assert os.listdir(tmp_path) == ["a"]


def test_a_failure_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(image: object) -> bytes:
        raise OSError(28, "No space left on device")

    (tmp_path / "out").mkdir()
    monkeypatch.setattr(pictures, "encoded", full)
    with pytest.raises(OSError, match="No space left"):
        write_content(DATA, tmp_path / "out", "png")
    assert os.listdir(tmp_path) == ["out"]
    assert os.listdir(tmp_path / "out") == []


def test_an_interrupt_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(content: Content, path: Path) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(writing.npz, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_content(DATA, tmp_path / "a.npz", "npz")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "format", "what"),
    [
        ("a.idx", "idx", "what becomes a folder"),
        ("a.gz", "idx.gz", "what becomes a folder"),
        ("a.parquet", "parquet", "what becomes a folder"),
        ("a.png", "png", "what becomes a folder"),
    ],
)
def test_no_folder_has_the_name_of_a_file(
    name: str, format: Format, what: str, tmp_path: Path
) -> None:
    with pytest.raises(FormatError) as caught:
        write_content(DATA, tmp_path / name, format)
    assert caught.value.what.startswith(what)
    assert caught.value.found == "train images and labels, test images and labels"
    assert os.listdir(tmp_path) == []


def test_one_array_into_a_folder_that_is_there(tmp_path: Path) -> None:
    write_content(ARRAY, f"{tmp_path}/new/", "idx")
    assert os.listdir(tmp_path / "new") == ["train-images-idx3-ubyte"]
    (tmp_path / "there").mkdir()
    write_content(ARRAY, tmp_path / "there", "idx.gz")
    assert os.listdir(tmp_path / "there") == ["train-images-idx3-ubyte.gz"]


def test_one_part_in_one_file(tmp_path: Path) -> None:
    part = Content({"test": DATA.parts["test"]})
    write_content(part, tmp_path / "a.parquet", "parquet")
    assert list(read_content(tmp_path / "a.parquet").parts) == [""]
    write_content(part, tmp_path / "b", "parquet")
    assert list(read_content(tmp_path / "b").parts) == ["test"]
    bare = Content({"test": Part(IMAGES)})
    for name, format in (("c.idx", "idx"), ("d-idx3-ubyte", "idx"), ("e.npy", "npy")):
        write_content(bare, tmp_path / name, format)  # type: ignore[arg-type]
        assert np.array_equal(read_content(tmp_path / name).parts[""].data, IMAGES)


def test_gzip_under_any_name_but_not_raw_under_gz(tmp_path: Path) -> None:
    write_content(ARRAY, tmp_path / "a.bin", "idx.gz")
    assert (tmp_path / "a.bin").read_bytes()[:2] == b"\x1f\x8b"
    with pytest.raises(FormatError, match="does not go with idx"):
        write_content(ARRAY, tmp_path / "a.gz", "idx")


def test_targets_that_are_not_known_yet(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    check_target(tmp_path / "none", force=False)
    check_target(tmp_path / "empty", force=False)
    check_target(tmp_path / "file", force=True)
    with pytest.raises(FileExistsError):
        check_target(tmp_path / "file", force=False)
    (tmp_path / "broken").symlink_to("nowhere")
    with pytest.raises(FileExistsError):
        check_target(tmp_path / "broken", force=False)


def test_errors_name_the_target(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError) as caught:
        write_content(ARRAY, tmp_path / "file" / "a.npy", "npy")
    assert caught.value.filename == str(tmp_path / "file" / "a.npy")
    path = tmp_path / ("x" * 300) / "a.npy"
    with pytest.raises(OSError, match="too long") as long:
        write_content(ARRAY, path, "npy")
    assert long.value.filename == str(path)
    assert os.listdir(tmp_path) == ["file"]
