"""`verify`: published, sound, another, damaged, missing; and what the status says."""

import gzip
import hashlib
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idxdata import write_idx
from idxdata.catalogue import RECORDS, Record
from tests import miniatures
from tests.cli.conftest import Run

pytest.importorskip("rich")

LABELS = np.arange(30, dtype=np.uint8)


def states(result: Any) -> dict[str, str]:
    return {Path(one["path"]).name: one["state"] for one in result.json}


def miniature(
    monkeypatch: pytest.MonkeyPatch, name: str, folder: Path
) -> tuple[Record, Path]:
    """A small dataset in place of the catalogue's, as `make` writes it."""
    record = miniatures.make(RECORDS[name], folder)
    monkeypatch.setitem(RECORDS, name, record)
    return record, folder


def test_mnist_as_published(run: Run, mnist_folder: Path) -> None:
    result = run("verify", mnist_folder)
    assert result.status == 0
    for title in ("train images", "train labels", "test images", "test labels"):
        assert f"MNIST {title}, as published" in result.out
    found = run("verify", *sorted(mnist_folder.glob("t10k*")), "--json").json
    labels = found[1]
    content = (mnist_folder / "t10k-labels-idx1-ubyte.gz").read_bytes()
    assert labels["sha256"] == hashlib.sha256(content).hexdigest()
    assert labels["md5"] == hashlib.md5(content).hexdigest()
    assert labels["nbytes"] == len(content)
    assert labels["arrays"] == [{"member": None, "dtype": "uint8", "shape": [10_000]}]


def test_known_by_its_hash_under_any_name(
    run: Run, mnist_folder: Path, tmp_path: Path
) -> None:
    shutil.copy(mnist_folder / "t10k-labels-idx1-ubyte.gz", tmp_path / "renamed.dat")
    result = run("verify", "renamed.dat")
    assert result.status == 0
    assert "MNIST test labels, as published" in result.out


def test_packed_anew_is_another_file(
    run: Run, mnist_folder: Path, tmp_path: Path
) -> None:
    name = "t10k-labels-idx1-ubyte.gz"
    content = gzip.decompress((mnist_folder / name).read_bytes())
    (tmp_path / name).write_bytes(gzip.compress(content))
    result = run("verify", name)
    assert result.status == 1
    text = " ".join(result.out.split())
    assert "has the name of MNIST test labels or" in text
    assert "but another hash" in text
    # Of the raw file nobody has published a hash.
    (tmp_path / "t10k-labels.idx1-ubyte").write_bytes(content)
    result = run("verify", "t10k-labels.idx1-ubyte", "--json")
    assert result.status == 0
    assert result.json[0]["state"] == "sound"
    assert "may be MNIST test labels" in result.json[0]["text"]


def test_beside_published_files(run: Run, mnist_folder: Path, tmp_path: Path) -> None:
    """Train images packed anew may be notMNIST's; beside MNIST's labels they are not."""
    images, labels = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
    folder = tmp_path / "data"
    folder.mkdir()
    write_idx(folder / images, np.zeros((60_000, 28, 28), np.uint8))
    result = run("verify", "data", "--json")
    assert states(result) == {images: "sound"}
    assert "may be notMNIST" in result.json[0]["text"]
    shutil.copy(mnist_folder / labels, folder)
    write_idx(folder / "own.gz", LABELS)
    result = run("verify", "data", "--json")
    assert result.status == 1
    assert states(result) == {images: "differs", labels: "published", "own.gz": "sound"}
    text = next(one["text"] for one in result.json if one["state"] == "differs")
    assert text == "has the name of MNIST train images, but another hash"


def test_mnists_name_with_another_shape(run: Run, tmp_path: Path) -> None:
    """Many a dataset takes MNIST's names: that alone is no defect."""
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", LABELS)
    result = run("verify", "train-labels-idx1-ubyte.gz", "--json")
    assert result.status == 0
    assert result.json[0]["state"] == "sound"
    assert result.json[0]["text"] == "not in the catalogue; uint8 30"


def test_without_published_hash(run: Run, tmp_path: Path) -> None:
    """Oracle-MNIST's train images: only their shape is known."""
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", np.zeros((27222, 28, 28), "u1"))
    result = run("verify", "train-images-idx3-ubyte.gz", "--json")
    assert result.status == 0
    text = result.json[0]["text"]
    assert text == "may be Oracle-MNIST train images; no hash of it is published"


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("damage", ["short", "long", "flipped"])
def test_damaged(run: Run, tmp_path: Path, suffix: str, damage: str) -> None:
    path = tmp_path / f"labels{suffix}"
    write_idx(path, LABELS)
    content = bytearray(path.read_bytes())
    if damage == "short":
        del content[-5:]
    elif damage == "long":
        content += b"more"
    elif suffix:
        content[-8] ^= 1
    else:
        content[7] ^= 1
    path.write_bytes(content)
    result = run("verify", path.name, "--json")
    assert result.status == 1
    assert result.json[0]["state"] == "damaged"
    assert str(tmp_path) not in result.json[0]["text"]


def test_a_folder(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "below").mkdir(parents=True)
    write_idx(folder / "a", LABELS)
    (folder / "README.md").write_text("what this is")
    (folder / "empty").write_bytes(b"")
    result = run("verify", "data", "--json")
    assert result.status == 0
    assert states(result) == {
        "a": "sound",
        "README.md": "passed over",
        "empty": "passed over",
    }
    (folder / "empty").rename(folder / "own-images.idx3-ubyte")
    result = run("verify", "data", "--json")
    assert result.status == 1
    assert states(result)["own-images.idx3-ubyte"] == "damaged"
    (folder / "own-images.idx3-ubyte").unlink()
    # A failed download has a dataset's name.
    (folder / "train-images-idx3-ubyte.gz").write_text("<!doctype html>")
    result = run("verify", "data")
    assert result.status == 1
    assert "HTML" in result.out


def test_a_folder_without_data(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert run("verify", "data").status == 1
    (tmp_path / "data" / "README").write_text("nothing")
    result = run("verify", "data")
    assert result.status == 1
    assert "no data in this folder" in result.out


def test_asked_for_is_not_passed_over(run: Run, tmp_path: Path) -> None:
    (tmp_path / "README").write_text("nothing")
    assert states(run("verify", "README", "--json")) == {"README": "damaged"}


@pytest.mark.parametrize("path", ["nofile.gz", "./nofile", "data/nofile"])
def test_missing_file(run: Run, path: str) -> None:
    result = run("verify", path)
    assert result.status == 1
    assert "no such file" in result.out


@pytest.mark.parametrize("name", ["nonsense", "emnist/leters", "emnist"])
def test_unknown_name(run: Run, tmp_path: Path, name: str) -> None:
    write_idx(tmp_path / "a", LABELS)
    result = run("verify", "a", name)
    assert result.status == 2
    assert not result.out
    assert result.err.startswith("error: ")


def test_hostile_names(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "da\x1b]0;x\x07ta"
    folder.mkdir()
    write_idx(folder / "a\x1b[31m\nb", LABELS)
    result = run("verify", folder)
    assert result.status == 0
    assert not set("\x1b\x07") & set(result.out)
    assert "a?[31m?b" in result.out


@pytest.mark.parametrize("name", ["mnist", "qmnist/nist", "k49", "emnist/letters"])
def test_a_dataset_by_name(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """Whole, then with a file less, in its own folder and in one that is named."""
    folder = tmp_path / "cache" / "datasets" / RECORDS[name].folder
    record, _ = miniature(monkeypatch, name, folder)
    result = run("verify", name, "--json")
    assert result.status == 0
    assert {one["state"] for one in result.json} == {"published"}
    distributed = record.archives[:1] or record.files
    assert len(result.json) <= len(distributed)
    shutil.move(folder, tmp_path / "elsewhere")
    assert run("verify", name, "--folder", "elsewhere").status == 0
    next((tmp_path / "elsewhere").iterdir()).unlink()
    result = run("verify", name, "--folder", "elsewhere", "--json")
    assert result.status == 1
    assert "missing" in states(result).values()
    assert set(states(run("verify", name, "--json")).values()) == {"missing"}


def test_a_named_datasets_other_file(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By name, only that dataset's own hashes and shapes will do."""
    _, folder = miniature(monkeypatch, "mnist", tmp_path / "mnist-files")
    write_idx(folder / "train-labels-idx1-ubyte.gz", LABELS)
    result = run("verify", "mnist", "--folder", folder, "--json")
    assert result.status == 1
    assert states(result)["train-labels-idx1-ubyte.gz"] == "differs"
    assert sorted(states(result).values()) == ["differs", *3 * ["published"]]


def test_md5_alone(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    record, folder = miniature(monkeypatch, "k49", tmp_path / "k49-files")
    files = tuple(
        replace(
            file,
            sha256=None,
            md5=hashlib.md5((folder / file.name).read_bytes()).hexdigest(),
        )
        for file in record.files
    )
    monkeypatch.setitem(RECORDS, "k49", replace(record, files=files))
    result = run("verify", folder, "--json")
    assert result.status == 0
    assert "by its md5" in result.json[0]["text"]
    assert result.json[0]["arrays"][0]["member"] == "arr_0.npy"


def test_glyphs(run: Run, tmp_path: Path) -> None:
    result = run("verify", "glyphs")
    assert result.status == 1
    assert "not drawn yet" in result.out
    folder = tmp_path / "drawn"
    folder.mkdir()
    write_idx(folder / "train-labels-idx1-ubyte.gz", np.zeros(60_000, np.uint8))
    result = run("verify", "glyphs", "--folder", folder, "--json")
    assert result.status == 0
    assert states(result) == {"train-labels-idx1-ubyte.gz": "sound"}


def test_zip_members_are_decoded(run: Run, tmp_path: Path) -> None:
    write_idx(tmp_path / "part.gz", LABELS)
    content = (tmp_path / "part.gz").read_bytes()
    with zipfile.ZipFile(tmp_path / "sound.zip", "w") as archive:
        archive.writestr("a-idx1-ubyte.gz", content)
        archive.writestr("README", "what this is")
    assert run("verify", "sound.zip").status == 0
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("a-idx1-ubyte.gz", content[:-1])
    assert states(run("verify", "bad.zip", "--json")) == {"bad.zip": "damaged"}
    with zipfile.ZipFile(tmp_path / "html.zip", "w") as archive:
        archive.writestr("a", LABELS.tobytes())
        archive.writestr("b-idx1-ubyte.gz", "<html>")
    assert states(run("verify", "html.zip", "--json")) == {"html.zip": "damaged"}
    # The CRC-32 of what is no data counts as well.
    flipped = (tmp_path / "sound.zip").read_bytes().replace(b"what this", b"WHAT this")
    (tmp_path / "flipped.zip").write_bytes(flipped)
    assert states(run("verify", "flipped.zip", "--json")) == {"flipped.zip": "damaged"}


def test_numpy_files(run: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", LABELS.reshape(5, 6))
    np.savez_compressed(tmp_path / "a.npz", x=LABELS, y=LABELS.astype(np.float32))
    np.save(tmp_path / "objects.npy", np.array([{}, None]), allow_pickle=True)
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "short.npy").write_bytes(content[:-1])
    (tmp_path / "header.npy").write_bytes(content[:40])
    (tmp_path / "version.npy").write_bytes(content[:6] + b"\x09\x00" + content[8:])
    result = run("verify", ".", "--json")
    assert states(result) == {
        "a.npy": "sound",
        "a.npz": "sound",
        "objects.npy": "damaged",
        "short.npy": "damaged",
        "header.npy": "damaged",
        "version.npy": "damaged",
    }
    npz = next(one for one in result.json if one["path"].endswith("a.npz"))
    assert [one["member"] for one in npz["arrays"]] == ["x.npy", "y.npy"]


def test_folder_needs_names(run: Run, tmp_path: Path) -> None:
    write_idx(tmp_path / "a", LABELS)
    assert run("verify", "a", "--folder", ".").status == 2


def test_narrow_and_wide(
    run: Run, mnist_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for width in (80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        lines = run("verify", *sorted(mnist_folder.glob("t10k-l*"))).out.splitlines()
        assert max(map(len, lines)) <= width
        assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize("by", ["name", "folder"])
def test_files_that_have_each_others_names(
    by: str, run: Run, mnist_folder: Path, tmp_path: Path
) -> None:
    for file in RECORDS["mnist"].files:
        stem, dash, rest = file.name.partition("-")
        other = {"train": "t10k", "t10k": "train"}[stem] + dash + rest
        shutil.copy(mnist_folder / file.name, tmp_path / other)
    words = ("mnist", "--folder", str(tmp_path)) if by == "name" else (str(tmp_path),)
    result = run("verify", *words, "--json")
    assert result.status == 1
    verdicts = json.loads(result.out)
    assert [one["state"] for one in verdicts] == ["differs"] * 4
    assert "has the name of MNIST" in verdicts[0]["text"]
    assert "but is MNIST" in verdicts[0]["text"]
